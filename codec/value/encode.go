package value

import (
	"bytes"
	"io"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
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
	max      int  // length of the message's buffer where it passes its limit
	depth    int  // lists and maps that are open, the message's own included
	elements int  // values in all lists and maps so far
	hops     int  // pointers and interfaces on the way to the value at hand
	plain    bool // text and bytes are written as they are

	asked int    // values that have been asked whether they are empty
	skips []bool // which fields of the structs that are open are left out

	leaf      []byte       // the buffer while a type encodes itself
	leafStart int          // where its bytes begin
	leafDue   int          // length of leaf at which scan runs again
	scan      wire.Scanner // of those bytes
}

// encoders holds those that are not in use. One that a value has panicked in is
// not used again.
var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) recycle() {
	e.vs, e.leaf, e.skips = nil, nil, e.skips[:0]
	e.depth, e.elements, e.hops, e.asked, e.leafDue = 0, 0, 0, 0, 0
	encoders.Put(e)
}

// open counts a list of n elements, or a map of as many keys and values.
func (e *encoder) open(n int) error {
	if e.depth++; e.depth > e.vs.Limits.Depth {
		return e.vs.Limits.DepthError()
	}
	if n > e.vs.Limits.Elements-e.elements || uint64(n) > math.MaxUint32 {
		return e.vs.Limits.ElementsError()
	}
	e.elements += n
	return nil
}

// The functions that follow append to b, the message's buffer, and return it: kept in
// the encoder, it would be stored anew for every few bytes, which took a third of the
// time of a list. What they return with an error is dropped.

func (e *encoder) list(b []byte, n int) ([]byte, error) {
	return wire.AppendArrayHeader(b, n), e.open(n)
}

func (e *encoder) dict(b []byte, n int) ([]byte, error) {
	return wire.AppendMapHeader(b, n), e.open(2 * n)
}

// room reports whether n bytes more are within the limits of the message.
func (e *encoder) room(b []byte, n int) error {
	if n > e.max-len(b) || uint64(n) > math.MaxUint32 {
		return e.vs.Limits.MessageError()
	}
	return nil
}

var errInvalidUTF8 = &ValueError{Msg: "text is not valid UTF-8; use []byte for bytes"}

func (e *encoder) text(b []byte, s string) ([]byte, error) {
	if err := e.room(b, len(s)); err != nil {
		return b, err
	}
	if !utf8.ValidString(s) {
		return b, errInvalidUTF8
	}
	if e.plain {
		return append(wire.AppendStrHeader(b, len(s), false), s...), nil
	}
	text := []byte(s)
	if encode := e.vs.Format.EncodeText; encode != nil {
		var err error
		if text, err = encode(text); err != nil {
			return b, encodeTextError(err)
		}
	}
	return appendText(b, text, e.vs.Format.Raw), nil
}

func (e *encoder) bytes(b, p []byte) ([]byte, error) {
	if err := e.room(b, len(p)); err != nil || p == nil {
		return wire.AppendNil(b), err
	}
	if e.vs.Format.Raw {
		b = wire.AppendStrHeader(b, len(p), true)
	} else {
		b = wire.AppendBinHeader(b, len(p))
	}
	return append(b, p...), nil
}

func (e *encoder) time(b []byte, t time.Time) ([]byte, error) {
	if e.vs.Format.TimeExt {
		return wire.AppendTimestamp(b, t), nil
	}
	return appendTime(b, t)
}

// any writes a value whose type is known only now. The types that are most common
// are written without reflection.
func (e *encoder) any(b []byte, x any) ([]byte, error) {
	if b, ok := appendScalar(b, x); ok {
		return b, nil
	}
	switch x := x.(type) {
	case string:
		return e.text(b, x)
	case []byte:
		return e.bytes(b, x)
	case map[string]any:
		return e.anyMap(b, x)
	}
	return e.value(b, x)
}

// value writes a value that may have no address.
func (e *encoder) value(b []byte, x any) ([]byte, error) {
	v := reflect.ValueOf(x)
	switch ti := typeOf(v.Type()); {
	case ti.err != nil:
		return b, ti.err
	case ti.inPlace:
		return e.hop(b, ti, dataOf(x))
	case v.Kind() == reflect.Pointer && v.IsNil():
		return wire.AppendNil(b), nil
	case v.Kind() == reflect.Pointer:
		return e.hop(b, typeOf(ti.t.Elem()), v.UnsafePointer())
	default:
		return e.hop(b, ti, copyOf(v))
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

func (e *encoder) anyMap(b []byte, m map[string]any) (_ []byte, err error) {
	if m == nil {
		return wire.AppendNil(b), nil
	}
	n := len(m)
	if b, err = e.dict(b, n); err != nil {
		return b, err
	}
	for k, x := range m {
		n--
		if b, err = e.text(b, k); err != nil {
			return b, inKey(err)
		}
		if b, err = e.any(b, x); err != nil {
			return b, at(err, keyStep(k))
		}
	}
	e.depth--
	return b, changed(n)
}

// changed reports a map that had another number of entries than its header says.
func changed(n int) error {
	if n != 0 {
		return &ValueError{Msg: "the map was changed while it was encoded"}
	}
	return nil
}

// hop writes what a pointer or interface leads to. Those that lead to nothing but
// themselves write no byte and open no list, so they are counted on their own.
func (e *encoder) hop(b []byte, ti *typeInfo, p unsafe.Pointer) ([]byte, error) {
	if e.hops++; e.hops-4*e.depth > maxHops {
		return b, hopsError(ti.t)
	}
	b, err := ti.encode(e, b, p)
	e.hops--
	return b, err
}

// An encodeFunc appends the value that p leads to.
type encodeFunc func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error)

// encoder returns what writes a type by its kind.
func (build builder) encoder(ti *typeInfo) encodeFunc {
	write := build.kindEncoder(ti)
	if ti.t.PkgPath() == "" || ti.t.Kind() == reflect.Interface || ti.fields != nil && !ti.fields.plain {
		return write
	}
	ti.register.ask = func() bool { return isRegistered(ti.t, write) }
	return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
		if ti.register.is() {
			return e.foreign(b, ti.at(copyOf(ti.at(p))))
		}
		return write(e, b, p)
	}
}

func (build builder) kindEncoder(ti *typeInfo) encodeFunc {
	t := ti.t
	if t == typeDuration {
		return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
			if d := *(*time.Duration)(p); !e.vs.Format.Nanoseconds {
				return wire.AppendFloat64(b, d.Seconds()), nil
			}
			return encodeInt[int64](e, b, p)
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(_ *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
			return wire.AppendBool(b, *(*bool)(p)), nil
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return [...]encodeFunc{1: encodeInt[int8], 2: encodeInt[int16], 4: encodeInt[int32], 8: encodeInt[int64]}[t.Size()]
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return [...]encodeFunc{1: encodeUint[uint8], 2: encodeUint[uint16], 4: encodeUint[uint32], 8: encodeUint[uint64]}[t.Size()]
	case reflect.Float32:
		return func(_ *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
			return wire.AppendFloat32(b, *(*float32)(p)), nil
		}
	case reflect.Float64:
		return func(_ *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
			return wire.AppendFloat64(b, *(*float64)(p)), nil
		}
	case reflect.String:
		return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) { return e.text(b, *(*string)(p)) }
	case reflect.Interface:
		return ti.interfaceEncoder()
	case reflect.Pointer:
		return build.pointerEncoder(ti)
	case reflect.Slice, reflect.Array:
		return build.listEncoder(ti)
	case reflect.Map:
		return build.mapEncoder(ti)
	case reflect.Struct:
		return build.structEncoder(ti)
	}
	err := &ValueError{Msg: "unsupported " + t.String()}
	if t.Kind() == reflect.Uintptr {
		ti.err = err
	}
	return func(_ *encoder, b []byte, _ unsafe.Pointer) ([]byte, error) { return b, err }
}

func encodeInt[T int8 | int16 | int32 | int64](_ *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
	return wire.AppendInt(b, int64(*(*T)(p))), nil
}

func encodeUint[T uint8 | uint16 | uint32 | uint64](_ *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
	return wire.AppendUint(b, uint64(*(*T)(p))), nil
}

func (ti *typeInfo) interfaceEncoder() encodeFunc {
	if ti.t.NumMethod() == 0 {
		return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) { return e.any(b, *(*any)(p)) }
	}
	return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
		v := ti.at(p)
		switch elem := v.Elem(); {
		case v.IsNil() || elem.Kind() == reflect.Pointer && elem.IsNil(): // no method is asked with nil as its receiver
			return wire.AppendNil(b), nil
		case ti.t == typeError: // its wire form is its text
			return e.text(b, v.Interface().(error).Error())
		}
		return e.value(b, v.Interface())
	}
}

func (build builder) pointerEncoder(ti *typeInfo) encodeFunc {
	if endlessPointer(ti.t) {
		ti.err = endlessError(ti.t)
		return nil
	}
	elem := build.part(ti, ti.t.Elem())
	return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
		if p = *(*unsafe.Pointer)(p); p == nil {
			return wire.AppendNil(b), nil
		}
		return e.hop(b, elem, p)
	}
}

// A slice is how Go keeps one.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

func (build builder) listEncoder(ti *typeInfo) encodeFunc {
	isSlice, length := ti.t.Kind() == reflect.Slice, 0
	if !isSlice {
		length = ti.t.Len()
	}
	if ti.t.Elem().Kind() == reflect.Uint8 { // whatever methods the elements have
		if isSlice {
			return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) { return e.bytes(b, *(*[]byte)(p)) }
		}
		return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
			return e.bytes(b, unsafe.Slice((*byte)(p), length))
		}
	}
	elem, size := build.part(ti, ti.t.Elem()), ti.t.Elem().Size()
	return func(e *encoder, b []byte, p unsafe.Pointer) (_ []byte, err error) {
		n := length
		if isSlice {
			s := *(*slice)(p)
			if p, n = s.data, s.len; p == nil {
				return wire.AppendNil(b), nil
			}
		}
		if b, err = e.list(b, n); err != nil {
			return b, err
		}
		for i := range n {
			if b, err = elem.encode(e, b, unsafe.Add(p, uintptr(i)*size)); err != nil {
				return b, at(err, indexStep(i))
			}
			if len(b) > e.max {
				return b, e.vs.Limits.MessageError()
			}
		}
		e.depth--
		return b, nil
	}
}

func (build builder) mapEncoder(ti *typeInfo) encodeFunc {
	if ti.t.ConvertibleTo(typeAnyMap) {
		return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
			return e.anyMap(b, *(*map[string]any)(p))
		}
	}
	key, elem := build.part(ti, ti.t.Key()), build.part(ti, ti.t.Elem())
	entries := newEntries(ti.t)
	return func(e *encoder, b []byte, p unsafe.Pointer) (_ []byte, err error) {
		v := ti.at(p)
		if v.IsNil() {
			return wire.AppendNil(b), nil
		}
		n := v.Len()
		if b, err = e.dict(b, n); err != nil {
			return b, err
		}
		entry := entries.Get().(*entry)
		for it := v.MapRange(); it.Next(); n-- {
			entry.key.SetIterKey(it)
			if b, err = key.encode(e, b, entry.key.Addr().UnsafePointer()); err != nil {
				return b, inKey(err)
			}
			entry.elem.SetIterValue(it)
			if b, err = elem.encode(e, b, entry.elem.Addr().UnsafePointer()); err != nil {
				return b, at(err, keyStep(entry.key.Interface()))
			}
			if len(b) > e.max {
				return b, e.vs.Limits.MessageError()
			}
		}
		entry.clear()
		entries.Put(entry)
		e.depth--
		return b, changed(n)
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

func (build builder) structEncoder(ti *typeInfo) encodeFunc {
	ti.fields = build.fieldsOf(ti.t, func(name string) string { return name })
	for _, f := range ti.fields.list {
		build.part(ti, f.info.t)
	}
	return func(e *encoder, b []byte, p unsafe.Pointer) ([]byte, error) {
		return e.fields(b, e.vs.Format.fieldsOf(ti), p)
	}
}

// fields writes a struct: a map by name, or a list where its tag says as_array.
func (e *encoder) fields(b []byte, fs *fields, p unsafe.Pointer) (_ []byte, err error) {
	n, base := len(fs.list), len(e.skips)
	skips := fs.omits && !fs.asArray
	if skips {
		for _, f := range fs.list { // each is asked once: what a type says of itself may change
			left := e.left(f, p)
			e.skips = append(e.skips, left)
			if left {
				n--
			}
		}
	}
	if fs.asArray {
		b, err = e.list(b, n)
	} else {
		b, err = e.dict(b, n)
	}
	if err != nil {
		return b, err
	}
	for i, f := range fs.list {
		if skips && e.skips[base+i] {
			continue
		}
		if e.plain && f.quick && !fs.asArray { // nearly all fields: a tenth of a list's time
			b = append(b, f.head...)
			if b, err = f.info.encode(e, b, unsafe.Add(p, f.offset)); err != nil {
				return b, at(err, "."+f.name)
			}
			continue
		}
		if !fs.asArray {
			b, err = e.text(b, f.name)
		}
		if err == nil {
			if part := f.of(p); part != nil {
				b, err = f.info.encode(e, b, part)
			} else {
				b = wire.AppendNil(b)
			}
		}
		if err != nil {
			return b, at(err, "."+f.name)
		}
	}
	e.skips = e.skips[:base]
	e.depth--
	return b, nil
}

// A registration says whether vmihailenco has functions for a type that encode it,
// which only sending asks, as code of the program may run. Its zero value says no.
type registration struct {
	ask   func() bool
	mu    sync.Mutex // held while it is asked
	known atomic.Int32
}

func (r *registration) is() bool {
	if known := r.known.Load(); known != 0 || r.ask == nil {
		return known > 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known.Load() == 0 {
		known := int32(-1)
		if r.ask() {
			known = 1
		}
		r.known.Store(known)
	}
	return r.known.Load() > 0
}

// isRegistered reports whether vmihailenco has been given functions that encode
// values of the type t: then it writes the zero value or a sample in another way
// than write does. It is asked when a type is first sent: register types in init.
func isRegistered(t reflect.Type, write encodeFunc) (is bool) {
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
		if b, err := write(&ours, nil, v.Addr().UnsafePointer()); err != nil || !bytes.Equal(b, theirs.b) {
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
