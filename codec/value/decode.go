package value

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A decoder walks over complete, checked bytes.
type decoder struct {
	vs      *Values
	b       []byte
	pos     int
	left    int64 // what remains of Limits.Decoded
	zeroNil bool  // nil becomes the zero value instead of an error
	hops    int   // pointers in interfaces on the way to the value at hand
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// decoder returns a decoder of raw, which is given back with recycle.
func (vs *Values) decoder(raw []byte) *decoder {
	d := decoders.Get().(*decoder)
	*d = decoder{vs: vs, b: raw, left: vs.Limits.Decoded}
	return d
}

func (d *decoder) recycle() {
	*d = decoder{}
	decoders.Put(d)
}

// count reads the header of the parameters' array.
func (d *decoder) count() int {
	if len(d.b) == 0 || d.b[0] == wire.CodeNil {
		d.pos = len(d.b)
		return 0
	}
	return d.open()
}

// charge accounts for n Go values of a size before they are allocated.
func (d *decoder) charge(n int, size uintptr) error { return d.chargeBytes(int64(n) * int64(size)) }

func (d *decoder) chargeBytes(n int64) error {
	d.left -= n
	if d.left < 0 {
		return d.vs.Limits.DecodedError()
	}
	return nil
}

func (d *decoder) kind() wire.Kind { return wire.KindOf(d.b[d.pos]) }

// next takes the bytes of the value that follows.
func (d *decoder) next() []byte {
	start := d.pos
	d.pos = wire.Skip(d.b, start)
	return d.b[start:d.pos:d.pos]
}

// open takes the header of a list or map.
func (d *decoder) open() int {
	if c := d.b[d.pos]; c >= 0x80 && c <= 0x9f {
		d.pos++
		return int(c & 0x0f)
	}
	_, n, head := wire.Header(d.b[d.pos:])
	d.pos += head
	return int(n)
}

// payload takes a text, bytes or extension value and returns its payload.
func (d *decoder) payload() []byte {
	_, n, head := wire.Header(d.b[d.pos:])
	start := d.pos + head
	d.pos = start + int(n)
	return d.b[start:d.pos:d.pos]
}

// misfit reports that the value at hand is not of a kind that t can hold.
func (d *decoder) misfit(t reflect.Type) error {
	return &ValueError{Msg: fmt.Sprintf("%s does not fit %s", d.describe(), t)}
}

// describe names the value at hand, with the value itself if it is short.
func (d *decoder) describe() string {
	b := d.b[d.pos:]
	switch k := wire.KindOf(b[0]); k {
	case wire.KindInt:
		u, neg := wire.ReadInt(b)
		if neg {
			return strconv.FormatInt(int64(u), 10)
		}
		return strconv.FormatUint(u, 10)
	case wire.KindFloat:
		return "float " + strconv.FormatFloat(wire.ReadFloat(b), 'g', -1, 64)
	case wire.KindBool:
		return strconv.FormatBool(b[0] == wire.CodeTrue)
	default:
		return k.String()
	}
}

// nilValue handles nil for a type that has none.
func (d *decoder) nilValue(v reflect.Value) error {
	if !d.zeroNil {
		return d.misfit(v.Type())
	}
	d.pos++
	v.SetZero()
	return nil
}

// textBytes takes a text, in UTF-8 as the peer's encoding has it, or bytes value.
// The bytes are not its own.
func (d *decoder) textBytes() ([]byte, error) {
	isText := d.kind() == wire.KindStr
	p := d.payload()
	if !isText || d.vs.Format.DecodeText == nil {
		return p, nil
	}
	p, err := d.vs.Format.decodeText(p)
	if err != nil {
		return nil, foreignError(err)
	}
	return p, nil
}

// errNotText refuses bytes where the Go type is text: whoever sends them on would fail.
var errNotText = &ValueError{Msg: "text is not UTF-8; the Go type must be []byte"}

// text takes a text or bytes value as a string. Peers that are configured as old
// ones have no other form for bytes.
func (d *decoder) text() (string, error) {
	p, err := d.textBytes()
	if err == nil && !d.vs.Format.Raw && !utf8.Valid(p) {
		err = errNotText
	}
	if err == nil {
		err = d.charge(len(p), 1)
	}
	if err != nil {
		return "", err
	}
	return string(p), nil
}

// bytes takes a text or bytes value as it is.
func (d *decoder) bytes() ([]byte, error) {
	p := d.payload()
	if err := d.charge(len(p), 1); err != nil {
		return nil, err
	}
	b := make([]byte, len(p)) // right before the copy: then the memory is not cleared
	copy(b, p)
	return b, nil
}

// decoder returns what reads a type by its kind. nil and extensions are seen to
// before the kind, apart from pointers and interfaces.
func (b builder) decoder(ti *typeInfo) func(d *decoder, v reflect.Value) error {
	t, read := ti.t, b.kindDecoder(ti)
	hasNil, isExt := t.Kind() == reflect.Slice || t.Kind() == reflect.Map, ti.own != nil
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return read
	}
	return func(d *decoder, v reflect.Value) error {
		switch d.kind() {
		case wire.KindExt:
			if !isExt {
				return d.misfit(t)
			}
			return d.foreign(v)
		case wire.KindNil:
			if hasNil {
				d.pos++
				v.SetZero()
				return nil
			}
			return d.nilValue(v)
		}
		return read(d, v)
	}
}

func (b builder) kindDecoder(ti *typeInfo) func(d *decoder, v reflect.Value) error {
	t := ti.t
	if t == typeDuration {
		return decodeDuration
	}
	switch t.Kind() {
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return decodeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return decodeUint
	case reflect.Float32, reflect.Float64:
		return decodeFloat
	case reflect.String:
		return decodeString
	case reflect.Pointer:
		return b.pointerDecoder(t)
	case reflect.Interface:
		return decodeInterface
	case reflect.Slice:
		return b.sliceDecoder(t)
	case reflect.Array:
		return b.arrayDecoder(t)
	case reflect.Map:
		return b.mapDecoder(t)
	case reflect.Struct:
		if ti.fields == nil { // it encodes itself, and is read by its fields
			ti.fields, _ = b.fieldsOf(t, func(name string) string { return name })
		}
		return func(d *decoder, v reflect.Value) error { return d.fields(d.vs.Format.fieldsOf(ti), v) }
	}
	return func(d *decoder, v reflect.Value) error { return d.misfit(t) } // chan, func, complex, uintptr, unsafe pointer
}

func decodeBool(d *decoder, v reflect.Value) error {
	if d.kind() != wire.KindBool {
		return d.misfit(v.Type())
	}
	v.SetBool(d.b[d.pos] == wire.CodeTrue)
	d.pos++
	return nil
}

func decodeInt(d *decoder, v reflect.Value) error {
	if d.kind() != wire.KindInt {
		return d.misfit(v.Type())
	}
	u, neg := wire.ReadInt(d.b[d.pos:])
	if !neg && u > math.MaxInt64 || v.OverflowInt(int64(u)) {
		return d.misfit(v.Type())
	}
	v.SetInt(int64(u))
	d.pos += wire.Size(d.b[d.pos])
	return nil
}

func decodeUint(d *decoder, v reflect.Value) error {
	if d.kind() != wire.KindInt {
		return d.misfit(v.Type())
	}
	u, neg := wire.ReadInt(d.b[d.pos:])
	if neg || v.OverflowUint(u) {
		return d.misfit(v.Type())
	}
	v.SetUint(u)
	d.pos += wire.Size(d.b[d.pos])
	return nil
}

// decodeFloat takes floats, and integers that the type holds exactly. A float64
// enters a float32 unless it overflows: Python has no float32 to send.
func decodeFloat(d *decoder, v reflect.Value) error {
	b := d.b[d.pos:]
	f, ok := 0.0, true
	switch d.kind() {
	case wire.KindFloat:
		f = wire.ReadFloat(b)
		ok = !v.OverflowFloat(f)
	case wire.KindInt:
		u, neg := wire.ReadInt(b)
		mantissa := 53
		if v.Kind() == reflect.Float32 {
			mantissa = 24
		}
		if neg {
			f, ok = float64(int64(u)), fits(-u, mantissa)
		} else {
			f, ok = float64(u), fits(u, mantissa)
		}
	default:
		ok = false
	}
	if !ok {
		return d.misfit(v.Type())
	}
	v.SetFloat(f)
	d.pos += wire.Size(b[0])
	return nil
}

// fits reports whether u has no more significant bits than a mantissa.
func fits(u uint64, mantissa int) bool {
	for u != 0 && u&1 == 0 {
		u >>= 1
	}
	return u>>mantissa == 0
}

// decodeDuration takes a number of seconds, or of nanoseconds.
func decodeDuration(d *decoder, v reflect.Value) error {
	if d.vs.Format.Nanoseconds {
		return decodeInt(d, v)
	}
	b := d.b[d.pos:]
	switch d.kind() {
	case wire.KindInt:
		u, neg := wire.ReadInt(b)
		const most = math.MaxInt64 / int64(time.Second)
		if s := int64(u); (neg || u <= math.MaxInt64) && s <= most && s >= -most {
			v.SetInt(s * int64(time.Second))
			d.pos += wire.Size(b[0])
			return nil
		}
	case wire.KindFloat:
		if ns := math.Round(wire.ReadFloat(b) * float64(time.Second)); ns >= math.MinInt64 && ns < math.MaxInt64 { // not NaN
			v.SetInt(int64(ns))
			d.pos += wire.Size(b[0])
			return nil
		}
	}
	return &ValueError{Msg: fmt.Sprintf("%s does not fit %s, which is a number of seconds", d.describe(), v.Type())}
}

func decodeString(d *decoder, v reflect.Value) error {
	if k := d.kind(); k != wire.KindStr && k != wire.KindBin {
		return d.misfit(v.Type())
	}
	s, err := d.text()
	v.SetString(s)
	return err
}

func decodeBytes(d *decoder, v reflect.Value) error {
	if k := d.kind(); k != wire.KindStr && k != wire.KindBin {
		return d.misfit(v.Type())
	}
	b, err := d.bytes()
	v.SetBytes(b)
	return err
}

func decodeByteArray(d *decoder, v reflect.Value) error {
	if k := d.kind(); k != wire.KindStr && k != wire.KindBin {
		return d.misfit(v.Type())
	}
	p := d.payload()
	if len(p) != v.Len() {
		return &ValueError{Msg: strconv.Itoa(len(p)) + " bytes do not fit " + v.Type().String()}
	}
	copy(v.Bytes(), p)
	return nil
}

// time takes a time: extension type -1 or text.
func (d *decoder) time(v reflect.Value) error {
	switch d.kind() {
	case wire.KindStr, wire.KindBin:
		p, err := d.textBytes()
		if err != nil {
			return err
		}
		t, err := d.vs.Format.readTime(string(p))
		if err != nil {
			return err
		}
		*timeAt(v) = t
		return nil
	case wire.KindExt:
		if wire.ExtType(d.b[d.pos:]) == wire.ExtTime {
			t, err := wire.ReadTimestamp(d.payload())
			if err != nil {
				return &ValueError{Msg: err.Error()}
			}
			*timeAt(v) = t
			return nil
		}
	}
	return d.misfit(v.Type())
}

// decodeInterface fills what a pointer in the interface points to, as
// encoding/json does, and replaces anything else.
func decodeInterface(d *decoder, v reflect.Value) error {
	kind := d.kind()
	if kind == wire.KindNil {
		d.pos++
		v.SetZero()
		return nil
	}
	if v.Type() == typeError && kind == wire.KindStr { // the wire form of an error
		if err := d.charge(1, boxedText); err != nil {
			return err
		}
		s, err := d.text()
		v.Set(reflect.ValueOf(errors.New(s)))
		return err
	}
	if p := v.Elem(); p.Kind() == reflect.Pointer && !p.IsNil() && !madeHere(p.Type()) {
		if d.hops++; d.hops > maxHops {
			return hopsError(v.Type())
		}
		err := typeOf(p.Type().Elem()).decode(d, p.Elem())
		d.hops--
		return err
	}
	if v.NumMethod() == 0 {
		x, err := d.any()
		if err == nil {
			v.Set(reflect.ValueOf(x))
		}
		return err
	}
	if kind == wire.KindExt { // a type that is registered may implement the interface
		start := d.pos
		x, err := d.any()
		if err != nil {
			return err
		}
		if x := reflect.ValueOf(x); x.Type().Implements(v.Type()) {
			v.Set(x)
			return nil
		}
		d.pos = start
	}
	return d.misfit(v.Type())
}

func (b builder) pointerDecoder(t reflect.Type) func(d *decoder, v reflect.Value) error {
	if endlessPointer(t) { // it would be followed until the stack overflows
		return func(d *decoder, v reflect.Value) error { return d.misfit(t) }
	}
	elem, size := b.typeOf(t.Elem()), t.Elem().Size()
	return func(d *decoder, v reflect.Value) error {
		if d.kind() == wire.KindNil {
			d.pos++
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			if err := d.charge(1, size); err != nil {
				return err
			}
			v.Set(reflect.New(t.Elem()))
		}
		return elem.decode(d, v.Elem())
	}
}

func (b builder) sliceDecoder(t reflect.Type) func(d *decoder, v reflect.Value) error {
	if t.Elem().Kind() == reflect.Uint8 {
		return decodeBytes
	}
	elem, size := b.typeOf(t.Elem()), t.Elem().Size()
	return func(d *decoder, v reflect.Value) error {
		if d.kind() != wire.KindArray {
			return d.misfit(t)
		}
		n := d.open()
		if err := d.charge(n, size); err != nil {
			return err
		}
		if n == 0 {
			v.Set(reflect.MakeSlice(t, 0, 0))
			return nil
		}
		v.SetZero() // the caller may have kept what was there
		v.Grow(n)
		v.SetLen(n)
		return d.elements(v, n, elem)
	}
}

func (b builder) arrayDecoder(t reflect.Type) func(d *decoder, v reflect.Value) error {
	if t.Elem().Kind() == reflect.Uint8 {
		return decodeByteArray
	}
	elem := b.typeOf(t.Elem())
	return func(d *decoder, v reflect.Value) error {
		if d.kind() != wire.KindArray {
			return d.misfit(t)
		}
		n := d.open()
		if n != t.Len() {
			return &ValueError{Msg: "a list of " + strconv.Itoa(n) + " does not fit " + t.String()}
		}
		return d.elements(v, n, elem)
	}
}

func (d *decoder) elements(v reflect.Value, n int, elem *typeInfo) error {
	for i := range n {
		if err := elem.decode(d, v.Index(i)); err != nil {
			return at(err, indexStep(i))
		}
	}
	return nil
}

func (b builder) mapDecoder(t reflect.Type) func(d *decoder, v reflect.Value) error {
	key, elem := b.typeOf(t.Key()), b.typeOf(t.Elem())
	readKey := func(d *decoder, k reflect.Value) error { return inKey(key.decode(d, k)) }
	if t.Key().Kind() == reflect.Interface && t.Key().NumMethod() == 0 {
		readKey = decodeAnyKey
	}
	entries := newScratch(t)
	return func(d *decoder, v reflect.Value) error {
		if d.kind() != wire.KindMap {
			return d.misfit(t)
		}
		n := d.open()
		if err := d.chargeMap(n, t.Key().Size(), t.Elem().Size()); err != nil {
			return err
		}
		if v.IsNil() {
			v.Set(reflect.MakeMapWithSize(t, n))
		}
		if t == typeAnyMap {
			return d.anyEntries(*v.Addr().Interface().(*map[string]any), n)
		}
		entry := entries.get()
		for range n {
			entry.key.SetZero()
			entry.elem.SetZero()
			if err := readKey(d, entry.key); err != nil {
				return err
			}
			if k := entry.key; !k.Comparable() {
				if k.Kind() == reflect.Interface {
					k = k.Elem()
				}
				return &ValueError{Msg: k.Type().String() + " cannot be a map key in Go"}
			}
			if err := elem.decode(d, entry.elem); err != nil {
				return at(err, keyStep(entry.key.Interface()))
			}
			v.SetMapIndex(entry.key, entry.elem)
		}
		entries.put(entry)
		return nil
	}
}

// fields reads a map by the names of fields, and a list by their places where it
// has exactly as many values.
func (d *decoder) fields(fs *fields, v reflect.Value) error {
	switch d.kind() {
	case wire.KindMap:
		next, plain := 0, d.vs.Format.DecodeText == nil
		for range d.open() {
			// Most peers write fields in their order, and names in their shortest form.
			var f *field
			if next < len(fs.list) && plain {
				f = fs.list[next]
				if end := d.pos + len(f.head); f.head != nil && end <= len(d.b) && string(d.b[d.pos:end]) == string(f.head) {
					d.pos = end
				} else {
					f = nil
				}
			}
			next++
			if f == nil {
				at := d.pos
				if f = fs.named(d.key()); f == nil {
					if d.vs.Format.KnownFields {
						d.pos = at
						return d.unknown(fs, v)
					}
					d.next()
					continue
				}
			}
			if err := d.field(f, v); err != nil {
				return err
			}
		}
		return nil
	case wire.KindArray:
		n := d.open()
		if n != len(fs.list) {
			return &ValueError{Msg: "a list of " + strconv.Itoa(n) + " does not fit " + v.Type().String() +
				", which has " + strconv.Itoa(len(fs.list)) + " fields"}
		}
		for _, f := range fs.list {
			if err := d.field(f, v); err != nil {
				return err
			}
		}
		return nil
	}
	return d.misfit(v.Type())
}

// field decodes the value at hand into the field of v, which it reaches through
// embedded pointers as needed.
func (d *decoder) field(f *field, v reflect.Value) error {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if d.kind() == wire.KindNil { // how the fields behind it are written
					d.pos++
					return nil
				}
				if err := d.makeEmbedded(v); err != nil {
					return at(err, "."+f.name)
				}
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	if err := f.info.decode(d, v); err != nil {
		return at(err, "."+f.name)
	}
	return nil
}

// key takes a map's key if it is text, and anything else as no name at all. The
// bytes are not its own.
func (d *decoder) key() []byte {
	if k := d.kind(); k == wire.KindStr || k == wire.KindBin {
		if p, err := d.textBytes(); err == nil {
			return p
		}
		return nil
	}
	d.next()
	return nil
}

// unknown reports that the key at hand is of no field.
func (d *decoder) unknown(fs *fields, v reflect.Value) error {
	what := d.describe()
	if p := d.key(); p != nil {
		what = wire.QuoteName(string(p))
	}
	names := make([]string, len(fs.list))
	for i, f := range fs.list {
		names[i] = f.name
	}
	return &ValueError{Msg: fmt.Sprintf("%s has no field %s; it has %s", v.Type(), what,
		wire.BoundText(strings.Join(names, ", "), 200))}
}
