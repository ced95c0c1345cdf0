package value

import (
	"bytes"
	"io"
	"math"
	"reflect"
	"sync"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// An encoder appends the values of one message, which it counts as it goes: so
// that a message beyond the limits, and a value that contains itself, is given up
// as soon as that is known.
type encoder struct {
	vs       *Values
	b        []byte
	max      int  // length of b where the message passes its limit
	depth    int  // lists and maps that are open, the message's own included
	elements int  // values in all lists and maps so far
	hops     int  // pointers and interfaces on the way to the value at hand
	plain    bool // text and bytes are written as they are

	skips []bool // which fields of the structs that are open are left out

	scan      wire.Scanner // of the bytes of a type that encodes itself
	leafStart int          // where they begin
	leafDue   int          // length of b at which scan runs again
}

// encoders holds those that are not in use. One that a value has panicked in is
// not used again.
var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) recycle() {
	e.vs, e.b, e.skips = nil, nil, e.skips[:0]
	e.depth, e.elements, e.hops, e.leafDue = 0, 0, 0, 0
	encoders.Put(e)
}

// open counts a list of n elements, or a map of as many keys and values.
func (e *encoder) open(n int) error {
	if e.depth++; e.depth > e.vs.Limits.Depth {
		return e.vs.Limits.DepthError()
	}
	if n > e.vs.Limits.Elements-e.elements || n > math.MaxUint32 {
		return e.vs.Limits.ElementsError()
	}
	e.elements += n
	return nil
}

func (e *encoder) list(n int) error {
	e.b = wire.AppendArrayHeader(e.b, n)
	return e.open(n)
}

func (e *encoder) dict(n int) error {
	e.b = wire.AppendMapHeader(e.b, n)
	return e.open(2 * n)
}

// room reports whether n bytes more are within the limits of the message.
func (e *encoder) room(n int) error {
	if n > e.max-len(e.b) || n > math.MaxUint32 {
		return e.vs.Limits.MessageError()
	}
	return nil
}

var errInvalidUTF8 = &ValueError{Msg: "text is not valid UTF-8; use []byte for bytes"}

func (e *encoder) text(s string) error {
	if err := e.room(len(s)); err != nil {
		return err
	}
	if !utf8.ValidString(s) {
		return errInvalidUTF8
	}
	if e.plain {
		e.b = append(wire.AppendStrHeader(e.b, len(s), false), s...)
		return nil
	}
	b := []byte(s)
	if encode := e.vs.Format.EncodeText; encode != nil {
		var err error
		if b, err = encode(b); err != nil {
			return encodeTextError(err)
		}
	}
	e.b = appendText(e.b, b, e.vs.Format.Raw)
	return nil
}

func (e *encoder) bytes(p []byte) error {
	if err := e.room(len(p)); err != nil {
		return err
	}
	if p == nil {
		e.b = wire.AppendNil(e.b)
		return nil
	}
	if e.vs.Format.Raw {
		e.b = wire.AppendStrHeader(e.b, len(p), true)
	} else {
		e.b = wire.AppendBinHeader(e.b, len(p))
	}
	e.b = append(e.b, p...)
	return nil
}

func (e *encoder) time(t time.Time) error {
	if e.vs.Format.TimeExt {
		e.b = wire.AppendTimestamp(e.b, t)
		return nil
	}
	var err error
	e.b, err = appendTime(e.b, t)
	return err
}

// duration writes seconds, or nanoseconds.
func (e *encoder) duration(d time.Duration) {
	if e.vs.Format.Nanoseconds {
		e.b = wire.AppendInt(e.b, int64(d))
	} else {
		e.b = wire.AppendFloat64(e.b, d.Seconds())
	}
}

// any writes a value whose type is known only now. The types that are most common
// are written without reflection.
func (e *encoder) any(x any) (err error) {
	if b, ok := appendScalar(e.b, x); ok {
		e.b = b
		return nil
	}
	switch x := x.(type) {
	case string:
		return e.text(x)
	case []byte:
		return e.bytes(x)
	case map[string]any:
		return e.anyMap(x)
	}
	return e.value(x)
}

// value writes a value that may have no address.
func (e *encoder) value(x any) error {
	v := reflect.ValueOf(x)
	switch ti := typeOf(v.Type()); {
	case ti.err != nil:
		return ti.err
	case ti.inPlace:
		return e.hop(ti, dataOf(x))
	case v.Kind() == reflect.Pointer && v.IsNil():
		e.b = wire.AppendNil(e.b)
		return nil
	case v.Kind() == reflect.Pointer:
		return e.hop(typeOf(ti.t.Elem()), v.UnsafePointer())
	default:
		return e.hop(ti, copyOf(v))
	}
}

// copyOf returns the address of a copy.
func copyOf(v reflect.Value) unsafe.Pointer {
	c := reflect.New(v.Type())
	c.Elem().Set(v)
	return c.UnsafePointer()
}

// appendScalar appends x if it is of a type whose values are all within all
// limits and formats.
func appendScalar(b []byte, x any) (_ []byte, ok bool) {
	switch x := x.(type) {
	case nil:
		return wire.AppendNil(b), true
	case bool:
		return wire.AppendBool(b, x), true
	case int:
		return wire.AppendInt(b, int64(x)), true
	case int64:
		return wire.AppendInt(b, x), true
	case uint64:
		return wire.AppendUint(b, x), true
	case float64:
		return wire.AppendFloat64(b, x), true
	case *int: // the reply of a net/rpc method
		if x != nil {
			return wire.AppendInt(b, int64(*x)), true
		}
	case *bool:
		if x != nil {
			return wire.AppendBool(b, *x), true
		}
	case *float64:
		if x != nil {
			return wire.AppendFloat64(b, *x), true
		}
	}
	return b, false
}

func (e *encoder) anyMap(m map[string]any) error {
	if m == nil {
		e.b = wire.AppendNil(e.b)
		return nil
	}
	if err := e.dict(len(m)); err != nil {
		return err
	}
	for k, x := range m {
		if err := e.text(k); err != nil {
			return inKey(err)
		}
		if err := e.any(x); err != nil {
			return at(err, keyStep(k))
		}
	}
	e.depth--
	return nil
}

// hop writes what a pointer or interface leads to. Those that lead to nothing but
// themselves write no byte and open no list, so they are counted on their own.
func (e *encoder) hop(ti *typeInfo, p unsafe.Pointer) error {
	if e.hops++; e.hops-4*e.depth > maxHops {
		return hopsError(ti.t)
	}
	err := ti.encode(e, p)
	e.hops--
	return err
}

// encoder returns what writes a type by its kind.
func (b builder) encoder(ti *typeInfo) func(e *encoder, p unsafe.Pointer) error {
	write := b.kindEncoder(ti)
	if ti.t.PkgPath() == "" || ti.t.Kind() == reflect.Interface {
		return write
	}
	if ti.registered == nil { // a struct that vmihailenco must not be asked about
		ti.registered = func() bool { return false }
		return write
	}
	ti.registered = sync.OnceValue(func() bool { return isRegistered(ti.t, write) })
	return func(e *encoder, p unsafe.Pointer) error {
		if ti.registered() {
			return e.foreign(ti.at(copyOf(ti.at(p))))
		}
		return write(e, p)
	}
}

func (b builder) kindEncoder(ti *typeInfo) func(e *encoder, p unsafe.Pointer) error {
	t := ti.t
	if t == typeDuration {
		return func(e *encoder, p unsafe.Pointer) error { e.duration(*(*time.Duration)(p)); return nil }
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(e *encoder, p unsafe.Pointer) error { e.b = wire.AppendBool(e.b, *(*bool)(p)); return nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return [...]func(*encoder, unsafe.Pointer) error{1: encodeInt[int8], 2: encodeInt[int16], 4: encodeInt[int32], 8: encodeInt[int64]}[t.Size()]
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return [...]func(*encoder, unsafe.Pointer) error{1: encodeUint[uint8], 2: encodeUint[uint16], 4: encodeUint[uint32], 8: encodeUint[uint64]}[t.Size()]
	case reflect.Float32:
		return func(e *encoder, p unsafe.Pointer) error { e.b = wire.AppendFloat32(e.b, *(*float32)(p)); return nil }
	case reflect.Float64:
		return func(e *encoder, p unsafe.Pointer) error { e.b = wire.AppendFloat64(e.b, *(*float64)(p)); return nil }
	case reflect.String:
		return func(e *encoder, p unsafe.Pointer) error { return e.text(*(*string)(p)) }
	case reflect.Interface:
		return ti.interfaceEncoder()
	case reflect.Pointer:
		return b.pointerEncoder(ti)
	case reflect.Slice, reflect.Array:
		return b.listEncoder(ti)
	case reflect.Map:
		return b.mapEncoder(ti)
	case reflect.Struct:
		return b.structEncoder(ti)
	}
	err := &ValueError{Msg: "unsupported " + t.String()}
	if t.Kind() == reflect.Uintptr {
		ti.err = err
	}
	return func(*encoder, unsafe.Pointer) error { return err }
}

func encodeInt[T int8 | int16 | int32 | int64](e *encoder, p unsafe.Pointer) error {
	e.b = wire.AppendInt(e.b, int64(*(*T)(p)))
	return nil
}

func encodeUint[T uint8 | uint16 | uint32 | uint64](e *encoder, p unsafe.Pointer) error {
	e.b = wire.AppendUint(e.b, uint64(*(*T)(p)))
	return nil
}

func (ti *typeInfo) interfaceEncoder() func(e *encoder, p unsafe.Pointer) error {
	if ti.t.NumMethod() == 0 {
		return func(e *encoder, p unsafe.Pointer) error { return e.any(*(*any)(p)) }
	}
	return func(e *encoder, p unsafe.Pointer) error {
		v := ti.at(p)
		switch {
		case v.IsNil():
			e.b = wire.AppendNil(e.b)
			return nil
		case ti.t == typeError: // its wire form is its text
			return e.text(v.Interface().(error).Error())
		}
		return e.value(v.Interface())
	}
}

func (b builder) pointerEncoder(ti *typeInfo) func(e *encoder, p unsafe.Pointer) error {
	if endlessPointer(ti.t) {
		ti.err = endlessError(ti.t)
		return nil
	}
	elem := b.part(ti, ti.t.Elem())
	return func(e *encoder, p unsafe.Pointer) error {
		if p = *(*unsafe.Pointer)(p); p == nil {
			e.b = wire.AppendNil(e.b)
			return nil
		}
		return e.hop(elem, p)
	}
}

// A slice is how Go keeps one.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

func (b builder) listEncoder(ti *typeInfo) func(e *encoder, p unsafe.Pointer) error {
	isSlice, n := ti.t.Kind() == reflect.Slice, 0
	if !isSlice {
		n = ti.t.Len()
	}
	if ti.t.Elem().Kind() == reflect.Uint8 { // whatever methods the elements have
		if isSlice {
			return func(e *encoder, p unsafe.Pointer) error { return e.bytes(*(*[]byte)(p)) }
		}
		return func(e *encoder, p unsafe.Pointer) error { return e.bytes(unsafe.Slice((*byte)(p), n)) }
	}
	elem, size := b.part(ti, ti.t.Elem()), ti.t.Elem().Size()
	return func(e *encoder, p unsafe.Pointer) error {
		n := n
		if isSlice {
			s := *(*slice)(p)
			if p, n = s.data, s.len; p == nil {
				e.b = wire.AppendNil(e.b)
				return nil
			}
		}
		if err := e.list(n); err != nil {
			return err
		}
		for i := range n {
			if err := elem.encode(e, unsafe.Add(p, uintptr(i)*size)); err != nil {
				return at(err, indexStep(i))
			}
			if len(e.b) > e.max {
				return e.vs.Limits.MessageError()
			}
		}
		e.depth--
		return nil
	}
}

func (b builder) mapEncoder(ti *typeInfo) func(e *encoder, p unsafe.Pointer) error {
	if ti.t.ConvertibleTo(typeAnyMap) {
		return func(e *encoder, p unsafe.Pointer) error { return e.anyMap(*(*map[string]any)(p)) }
	}
	key, elem := b.part(ti, ti.t.Key()), b.part(ti, ti.t.Elem())
	entries := newEntries(ti.t)
	return func(e *encoder, p unsafe.Pointer) error {
		v := ti.at(p)
		if v.IsNil() {
			e.b = wire.AppendNil(e.b)
			return nil
		}
		if err := e.dict(v.Len()); err != nil {
			return err
		}
		entry := entries.Get().(*entry)
		for it := v.MapRange(); it.Next(); {
			entry.key.SetIterKey(it)
			if err := key.encode(e, entry.key.Addr().UnsafePointer()); err != nil {
				return inKey(err)
			}
			entry.elem.SetIterValue(it)
			if err := elem.encode(e, entry.elem.Addr().UnsafePointer()); err != nil {
				return at(err, keyStep(entry.key.Interface()))
			}
			if len(e.b) > e.max {
				return e.vs.Limits.MessageError()
			}
		}
		entry.clear()
		entries.Put(entry)
		e.depth--
		return nil
	}
}

// An entry is memory for one entry of a map at a time, which has no address there.
type entry struct{ key, elem reflect.Value }

func newEntries(t reflect.Type) *sync.Pool {
	return &sync.Pool{New: func() any { return &entry{reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()} }}
}

func (e *entry) clear() {
	e.key.SetZero()
	e.elem.SetZero()
}

func (b builder) structEncoder(ti *typeInfo) func(e *encoder, p unsafe.Pointer) error {
	var plain bool
	if ti.fields, plain = b.fieldsOf(ti.t, func(name string) string { return name }); !plain {
		ti.registered = nil
	}
	for _, f := range ti.fields.list {
		b.part(ti, f.info.t)
	}
	return func(e *encoder, p unsafe.Pointer) error { return e.fields(e.vs.Format.fieldsOf(ti), p) }
}

// fields writes a struct: a map by name, or a list where its tag says as_array.
func (e *encoder) fields(fs *fields, p unsafe.Pointer) (err error) {
	n, base := len(fs.list), len(e.skips)
	skips := fs.omits && !fs.asArray
	if skips {
		for _, f := range fs.list { // each is asked once: what a type says of itself may change
			left := f.left(p)
			e.skips = append(e.skips, left)
			if left {
				n--
			}
		}
	}
	if fs.asArray {
		err = e.list(n)
	} else {
		err = e.dict(n)
	}
	if err != nil {
		return err
	}
	for i, f := range fs.list {
		switch {
		case skips && e.skips[base+i]:
			continue
		case fs.asArray:
		case e.plain && f.head != nil:
			e.b = append(e.b, f.head...)
		default:
			err = e.text(f.name)
		}
		if err == nil {
			if part := f.of(p); part != nil {
				err = f.info.encode(e, part)
			} else {
				e.b = wire.AppendNil(e.b)
			}
		}
		if err != nil {
			return at(err, "."+f.name)
		}
	}
	e.skips = e.skips[:base]
	e.depth--
	return nil
}

// isRegistered reports whether vmihailenco has been given functions that encode
// values of the type t: then it writes the zero value or a sample in another way
// than write does. It is asked when a type is first sent: register types in init.
func isRegistered(t reflect.Type, write func(*encoder, unsafe.Pointer) error) (is bool) {
	defer func() {
		if recover() != nil {
			is = true // code of the program, as the types given here are harmless to vmihailenco
		}
	}()
	for _, v := range []reflect.Value{reflect.New(t).Elem(), sample(t)} {
		theirs := prefix{whole: v.Kind() < reflect.Array || v.Kind() == reflect.String}
		enc := msgpack.NewEncoder(&theirs)
		enc.UseCompactInts(true)
		enc.SetCustomStructTag("json")
		if _ = enc.EncodeValue(v); len(theirs.b) == 0 {
			return true
		}
		if !theirs.whole {
			if wire.KindOf(theirs.b[0]) != headerKind(v) {
				return true
			}
			continue
		}
		ours := encoder{vs: &Values{Limits: wire.Unlimited, Format: Format{Nanoseconds: true}}, max: math.MaxInt, plain: true}
		if write(&ours, v.Addr().UnsafePointer()) != nil || !bytes.Equal(ours.b, theirs.b) {
			return true
		}
	}
	return false
}

// headerKind is what a list, map or struct is written as.
func headerKind(v reflect.Value) wire.Kind {
	switch {
	case v.Kind() != reflect.Struct && v.Kind() != reflect.Array && v.IsNil():
		return wire.KindNil
	case v.Kind() == reflect.Map, v.Kind() == reflect.Struct && !typeOf(v.Type()).fields.asArray:
		return wire.KindMap
	case v.Kind() != reflect.Struct && v.Type().Elem().Kind() == reflect.Uint8:
		return wire.KindBin
	}
	return wire.KindArray
}

// A prefix takes what vmihailenco writes: all of a scalar, and the header of
// anything else, as what stands within has types of its own.
type prefix struct {
	b     []byte
	whole bool
}

func (p *prefix) Write(b []byte) (int, error) {
	if p.b = append(p.b, b...); !p.whole {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// sample returns a value of t with something in it: the first that t can be read from.
func sample(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	vs := Values{Limits: wire.Unlimited}
	for _, raw := range []string{"\xc3", "\x01", "\xa1A", "\x90", "\x80"} {
		if vs.DecodeResult([]byte(raw), p.Interface()) == nil {
			break
		}
	}
	return p.Elem()
}
