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
	"unsafe"

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

	keys *keyCache
}

// A keyCache has keys of maps that have been read: those of the maps in a list are
// mostly the same, and each would take memory of its own.
type keyCache [64]string

// string returns a key as a string.
func (c *keyCache) string(key []byte) string {
	if len(key) == 0 || len(key) > 32 {
		return string(key)
	}
	s := &c[(uint(key[0])*31+uint(key[len(key)-1])*7+uint(len(key)))%uint(len(c))]
	if *s != string(key) {
		*s = string(key)
	}
	return *s
}

var decoders = sync.Pool{New: func() any { return &decoder{keys: new(keyCache)} }}

// decoder returns a decoder of raw, which is given back with recycle.
func (vs *Values) decoder(raw []byte) *decoder {
	d := decoders.Get().(*decoder)
	*d = decoder{vs: vs, b: raw, left: vs.Limits.Decoded, keys: d.keys}
	return d
}

func (d *decoder) recycle() {
	*d = decoder{keys: d.keys}
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
func (d *decoder) nilValue(t reflect.Type, p unsafe.Pointer) error {
	if !d.zeroNil {
		return d.misfit(t)
	}
	d.pos++
	reflect.NewAt(t, p).Elem().SetZero()
	return nil
}

// textBytes takes a text, in UTF-8 as the peer's encoding has it, or bytes value.
// The bytes are not its own.
func (d *decoder) textBytes() ([]byte, error) {
	if c := d.b[d.pos]; c&0xe0 == 0xa0 && d.vs.Format.DecodeText == nil { // a short text, as most are
		start := d.pos + 1
		d.pos = start + int(c&0x1f)
		return d.b[start:d.pos:d.pos], nil
	}
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
	p, err := d.validText()
	return string(p), err
}

func (d *decoder) validText() ([]byte, error) {
	p, err := d.textBytes()
	if err == nil && !d.vs.Format.Raw && !utf8.Valid(p) {
		err = errNotText
	}
	if err == nil {
		err = d.charge(len(p), 1)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
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

// other handles a value that is not of the kind that the type is read from: nil, an
// extension of a type that is registered for one, or what does not fit.
func (d *decoder) other(ti *typeInfo, p unsafe.Pointer) error {
	switch kind := d.kind(); {
	case kind == wire.KindExt && ti.own != nil:
		return d.foreign(ti.at(p))
	case kind != wire.KindNil:
		return d.misfit(ti.t)
	case ti.t.Kind() == reflect.Slice || ti.t.Kind() == reflect.Map:
		d.pos++
		ti.at(p).SetZero()
		return nil
	}
	return d.nilValue(ti.t, p)
}

// A decodeFunc stores the value at hand where p leads to.
type decodeFunc func(d *decoder, p unsafe.Pointer) error

// decoder returns what reads a type by its kind.
func (build builder) decoder(ti *typeInfo) decodeFunc {
	t := ti.t
	if t == typeDuration {
		return decodeDuration
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(d *decoder, p unsafe.Pointer) error { return d.bool(ti, (*bool)(p)) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return [...]func(*typeInfo) decodeFunc{1: intDecoder[int8], 2: intDecoder[int16], 4: intDecoder[int32], 8: intDecoder[int64]}[t.Size()](ti)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return [...]func(*typeInfo) decodeFunc{1: uintDecoder[uint8], 2: uintDecoder[uint16], 4: uintDecoder[uint32], 8: uintDecoder[uint64]}[t.Size()](ti)
	case reflect.Float32:
		return floatDecoder[float32](ti, 24)
	case reflect.Float64:
		return floatDecoder[float64](ti, 53)
	case reflect.String:
		return func(d *decoder, p unsafe.Pointer) error { return d.string(ti, (*string)(p)) }
	case reflect.Pointer:
		return build.pointerDecoder(ti)
	case reflect.Interface:
		return ti.interfaceDecoder()
	case reflect.Slice:
		return build.sliceDecoder(ti)
	case reflect.Array:
		return build.arrayDecoder(ti)
	case reflect.Map:
		return build.mapDecoder(ti)
	case reflect.Struct:
		if ti.fields == nil { // it encodes itself, and is read by its fields
			ti.fields = build.fieldsOf(t, func(name string) string { return name })
		}
		return func(d *decoder, p unsafe.Pointer) error { return d.fields(ti, p) }
	}
	return func(d *decoder, p unsafe.Pointer) error { return d.other(ti, p) } // chan, func, complex, uintptr, unsafe pointer
}

func (d *decoder) bool(ti *typeInfo, p *bool) error {
	if d.kind() != wire.KindBool {
		return d.other(ti, unsafe.Pointer(p))
	}
	*p = d.b[d.pos] == wire.CodeTrue
	d.pos++
	return nil
}

func intDecoder[T int8 | int16 | int32 | int64](ti *typeInfo) decodeFunc {
	return func(d *decoder, p unsafe.Pointer) error {
		if d.kind() != wire.KindInt {
			return d.other(ti, p)
		}
		if readInt(d.b[d.pos:], (*T)(p)) {
			d.pos += wire.Size(d.b[d.pos])
			return nil
		}
		return d.misfit(ti.t)
	}
}

// readInt reads the integer at the start of b if it fits.
func readInt[T int | int8 | int16 | int32 | int64](b []byte, p *T) bool {
	if wire.KindOf(b[0]) != wire.KindInt {
		return false
	}
	u, neg := wire.ReadInt(b)
	if i := int64(u); i < 0 != neg || int64(T(i)) != i {
		return false
	}
	*p = T(u)
	return true
}

func uintDecoder[T uint8 | uint16 | uint32 | uint64](ti *typeInfo) decodeFunc {
	return func(d *decoder, p unsafe.Pointer) error {
		if d.kind() != wire.KindInt {
			return d.other(ti, p)
		}
		if u, neg := wire.ReadInt(d.b[d.pos:]); !neg && uint64(T(u)) == u {
			*(*T)(p) = T(u)
			d.pos += wire.Size(d.b[d.pos])
			return nil
		}
		return d.misfit(ti.t)
	}
}

// floatDecoder takes floats, and integers that the type holds exactly. A float64
// enters a float32 unless it overflows: Python has no float32 to send.
func floatDecoder[T float32 | float64](ti *typeInfo, mantissa int) decodeFunc {
	return func(d *decoder, p unsafe.Pointer) error {
		b := d.b[d.pos:]
		f, ok := 0.0, true
		switch d.kind() {
		case wire.KindFloat:
			f = wire.ReadFloat(b)
			ok = !math.IsInf(float64(T(f)), 0) || math.IsInf(f, 0)
		case wire.KindInt:
			u, neg := wire.ReadInt(b)
			if neg {
				f, ok = float64(int64(u)), fits(-u, mantissa)
			} else {
				f, ok = float64(u), fits(u, mantissa)
			}
		default:
			return d.other(ti, p)
		}
		if !ok {
			return d.misfit(ti.t)
		}
		*(*T)(p) = T(f)
		d.pos += wire.Size(b[0])
		return nil
	}
}

// fits reports whether u has no more significant bits than a mantissa.
func fits(u uint64, mantissa int) bool {
	for u != 0 && u&1 == 0 {
		u >>= 1
	}
	return u>>mantissa == 0
}

// decodeDuration takes a number of seconds, or of nanoseconds.
func decodeDuration(d *decoder, p unsafe.Pointer) error {
	b := d.b[d.pos:]
	to, unit := (*time.Duration)(p), time.Second
	if d.vs.Format.Nanoseconds {
		unit = 1
	}
	switch kind := d.kind(); {
	case kind == wire.KindInt:
		u, neg := wire.ReadInt(b)
		n := time.Duration(u)
		if n < 0 == neg && n <= math.MaxInt64/unit && n >= math.MinInt64/unit {
			*to = n * unit
			d.pos += wire.Size(b[0])
			return nil
		}
	case kind == wire.KindFloat && unit == time.Second:
		// The longest duration is one nanosecond more as a float.
		const beyond = 1 << 63
		if ns := math.Round(wire.ReadFloat(b) * float64(unit)); ns >= math.MinInt64 && ns <= beyond { // not NaN
			if *to = math.MaxInt64; ns < beyond {
				*to = time.Duration(ns)
			}
			d.pos += wire.Size(b[0])
			return nil
		}
	}
	if k := d.kind(); unit == time.Second && k != wire.KindNil && k != wire.KindExt {
		return &ValueError{Msg: d.describe() + " does not fit time.Duration, which is a number of seconds"}
	}
	return d.other(typeOf(typeDuration), p)
}

func (d *decoder) string(ti *typeInfo, p *string) (err error) {
	if k := d.kind(); k != wire.KindStr && k != wire.KindBin {
		return d.other(ti, unsafe.Pointer(p))
	}
	*p, err = d.text()
	return err
}

// time takes a time: extension type -1 or text.
func (d *decoder) time(to *time.Time) (err error) {
	switch d.kind() {
	case wire.KindStr, wire.KindBin:
		var p []byte
		if p, err = d.textBytes(); err == nil {
			*to, err = d.vs.Format.readTime(p)
		}
		return err
	case wire.KindExt:
		if wire.ExtType(d.b[d.pos:]) == wire.ExtTime {
			if *to, err = wire.ReadTimestamp(d.payload()); err != nil {
				return &ValueError{Msg: err.Error()}
			}
			return nil
		}
	}
	return d.misfit(typeTime)
}

// interfaceDecoder fills what a pointer in the interface points to, as
// encoding/json does, and replaces anything else.
func (ti *typeInfo) interfaceDecoder() decodeFunc {
	t := ti.t
	return func(d *decoder, p unsafe.Pointer) error {
		v, kind := ti.at(p), d.kind()
		if kind == wire.KindNil {
			d.pos++
			v.SetZero()
			return nil
		}
		if t == typeError && kind == wire.KindStr { // the wire form of an error
			if err := d.charge(1, boxedText); err != nil {
				return err
			}
			s, err := d.text()
			if err == nil {
				v.Set(reflect.ValueOf(errors.New(s)))
			}
			return err
		}
		if held := v.Elem(); held.Kind() == reflect.Pointer && !held.IsNil() && !madeHere(held.Type()) {
			if d.hops++; d.hops > maxHops {
				return hopsError(t)
			}
			err := typeOf(held.Type().Elem()).decode(d, held.UnsafePointer())
			d.hops--
			return err
		}
		if t.NumMethod() == 0 {
			x, err := d.any()
			if err == nil {
				*(*any)(p) = x
			}
			return err
		}
		if kind == wire.KindExt { // a type that is registered may implement the interface
			start := d.pos
			x, err := d.any()
			if err != nil {
				return err
			}
			if x := reflect.ValueOf(x); x.Type().Implements(t) {
				v.Set(x)
				return nil
			}
			d.pos = start
		}
		return d.misfit(t)
	}
}

func (build builder) pointerDecoder(ti *typeInfo) decodeFunc {
	t := ti.t
	if endlessPointer(t) { // it would be followed until the stack overflows
		return func(d *decoder, p unsafe.Pointer) error { return d.misfit(t) }
	}
	elem, size := build.typeOf(t.Elem()), t.Elem().Size()
	return func(d *decoder, p unsafe.Pointer) error {
		to := (*unsafe.Pointer)(p)
		if d.kind() == wire.KindNil {
			d.pos++
			*to = nil
			return nil
		}
		if *to == nil {
			if err := d.charge(1, size); err != nil {
				return err
			}
			*to = reflect.New(elem.t).UnsafePointer()
		}
		return elem.decode(d, *to)
	}
}

func (build builder) sliceDecoder(ti *typeInfo) decodeFunc {
	t := ti.t
	if t.Elem().Kind() == reflect.Uint8 {
		return func(d *decoder, p unsafe.Pointer) (err error) {
			if k := d.kind(); k != wire.KindStr && k != wire.KindBin {
				return d.other(ti, p)
			}
			*(*[]byte)(p), err = d.bytes()
			return err
		}
	}
	elem, size := build.typeOf(t.Elem()), t.Elem().Size()
	return func(d *decoder, p unsafe.Pointer) error {
		if d.kind() != wire.KindArray {
			return d.other(ti, p)
		}
		n := d.open()
		if err := d.charge(n, size); err != nil {
			return err
		}
		v := ti.at(p)
		if n == 0 {
			v.Set(reflect.MakeSlice(t, 0, 0))
			return nil
		}
		v.SetZero() // the caller may have kept what was there
		v.Grow(n)
		v.SetLen(n)
		return d.elements((*slice)(p).data, n, elem, size)
	}
}

func (build builder) arrayDecoder(ti *typeInfo) decodeFunc {
	t := ti.t
	if t.Elem().Kind() == reflect.Uint8 {
		return func(d *decoder, p unsafe.Pointer) error {
			if k := d.kind(); k != wire.KindStr && k != wire.KindBin {
				return d.other(ti, p)
			}
			b := d.payload()
			if len(b) != t.Len() {
				return &ValueError{Msg: strconv.Itoa(len(b)) + " bytes do not fit " + t.String()}
			}
			copy(unsafe.Slice((*byte)(p), len(b)), b)
			return nil
		}
	}
	elem, size := build.typeOf(t.Elem()), t.Elem().Size()
	return func(d *decoder, p unsafe.Pointer) error {
		if d.kind() != wire.KindArray {
			return d.other(ti, p)
		}
		n := d.open()
		if n != t.Len() {
			return &ValueError{Msg: "a list of " + strconv.Itoa(n) + " does not fit " + t.String()}
		}
		return d.elements(p, n, elem, size)
	}
}

func (d *decoder) elements(p unsafe.Pointer, n int, elem *typeInfo, size uintptr) error {
	for i := range n {
		if err := elem.decode(d, unsafe.Add(p, uintptr(i)*size)); err != nil {
			return at(err, indexStep(i))
		}
	}
	return nil
}

func (build builder) mapDecoder(ti *typeInfo) decodeFunc {
	t := ti.t
	key, elem := build.typeOf(t.Key()), build.typeOf(t.Elem())
	anyKey, anyMap := t.Key().Kind() == reflect.Interface && t.Key().NumMethod() == 0, t.ConvertibleTo(typeAnyMap)
	entries, cost := newEntries(t), mapCostOf(t)
	return func(d *decoder, p unsafe.Pointer) error {
		if d.kind() != wire.KindMap {
			return d.other(ti, p)
		}
		n := d.open()
		if err := d.chargeMap(n, cost); err != nil {
			return err
		}
		if anyMap {
			m := (*map[string]any)(p)
			if *m == nil {
				*m = make(map[string]any, n)
			}
			return d.anyEntries(*m, n)
		}
		v := ti.at(p)
		if v.IsNil() {
			v.Set(reflect.MakeMapWithSize(t, n))
		}
		entry := entries.Get().(*entry)
		for range n {
			entry.clear()
			if err := d.mapKey(entry.key, key, anyKey); err != nil {
				return err
			}
			if err := elem.decode(d, entry.elem.Addr().UnsafePointer()); err != nil {
				return at(err, keyStep(entry.key.Interface()))
			}
			v.SetMapIndex(entry.key, entry.elem)
		}
		entry.clear()
		entries.Put(entry)
		return nil
	}
}

func (d *decoder) mapKey(k reflect.Value, key *typeInfo, isAny bool) error {
	if isAny {
		x, err := d.anyKey()
		if err == nil && x != nil {
			k.Set(reflect.ValueOf(x))
		}
		return err
	}
	if err := key.decode(d, k.Addr().UnsafePointer()); err != nil {
		return inKey(err)
	}
	if !k.Comparable() {
		if k.Kind() == reflect.Interface {
			k = k.Elem()
		}
		return &ValueError{Msg: k.Type().String() + " cannot be a map key in Go"}
	}
	return nil
}

// fields reads a map by the names of fields, and a list by their places where it
// has exactly as many values.
func (d *decoder) fields(ti *typeInfo, p unsafe.Pointer) error {
	fs := d.vs.Format.fieldsOf(ti)
	switch d.kind() {
	case wire.KindMap:
		plain, next := d.vs.Format.DecodeText == nil, 0
		for range d.open() {
			var f *field
			// Most peers write fields in their order, and names in their shortest form.
			for i := next; plain && i < min(next+4, len(fs.list)); i++ {
				if d.takes(fs.list[i].head) {
					f, next = fs.list[i], i+1
					break
				}
			}
			start := d.pos
			if f == nil {
				if f = fs.named(d.key()); f == nil && d.vs.Format.KnownFields {
					d.pos = start
					return d.unknown(fs, ti.t)
				}
			}
			if f == nil {
				d.next()
			} else if err := d.field(f, p); err != nil {
				return err
			}
		}
		return nil
	case wire.KindArray:
		n := d.open()
		if n != len(fs.list) {
			return &ValueError{Msg: "a list of " + strconv.Itoa(n) + " does not fit " + ti.t.String() +
				", which has " + strconv.Itoa(len(fs.list)) + " fields"}
		}
		for _, f := range fs.list {
			if err := d.field(f, p); err != nil {
				return err
			}
		}
		return nil
	}
	return d.other(ti, p)
}

// takes takes the bytes of a name if they are at hand.
func (d *decoder) takes(head []byte) bool {
	end := d.pos + len(head)
	if len(head) == 0 || end > len(d.b) || string(d.b[d.pos:end]) != string(head) {
		return false
	}
	d.pos = end
	return true
}

// field decodes the value at hand into the field of the struct at p, which it
// reaches through embedded pointers as needed.
func (d *decoder) field(f *field, p unsafe.Pointer) error {
	for i := range f.hops {
		hop := &f.hops[i]
		to := (*unsafe.Pointer)(unsafe.Add(p, hop.offset))
		if *to == nil {
			switch {
			case d.kind() == wire.KindNil: // how the fields behind it are written
				d.pos++
				return nil
			case !hop.exported:
				return at(embeddedNil(hop.t), "."+f.name)
			}
			if err := d.charge(1, hop.t.Elem().Size()); err != nil {
				return err
			}
			*to = reflect.New(hop.t.Elem()).UnsafePointer()
		}
		p = *to
	}
	if err := f.info.decode(d, unsafe.Add(p, f.offset)); err != nil {
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
func (d *decoder) unknown(fs *fields, t reflect.Type) error {
	what := d.describe()
	if p := d.key(); p != nil {
		what = wire.QuoteName(string(p))
	}
	names := make([]string, len(fs.list))
	for i, f := range fs.list {
		names[i] = f.name
	}
	return &ValueError{Msg: fmt.Sprintf("%s has no field %s; it has %s", t, what,
		wire.BoundText(strings.Join(names, ", "), 200))}
}
