package wire

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// DecodeResult stores a result, one complete value that has passed a Scanner,
// in what the pointer to points to. Where it finds nil and the Go type has no
// nil, it stores the zero value; an empty struct takes any result.
func (vs *Values) DecodeResult(raw []byte, to any) (err error) {
	defer guard(&err)
	if vs.decodePlain(raw, to) {
		return nil
	}
	d := vs.decoder(raw)
	defer d.recycle()
	d.zeroNil = true
	v, err := target(to)
	if err != nil {
		return err
	}
	if t := v.Type(); t.Kind() == reflect.Struct && t.NumField() == 0 && !encodesItself(t) { // the caller wants none
		return nil
	}
	return d.whole(v)
}

// whole stores the value at hand, a parameter or a result, in v.
func (d *decoder) whole(v reflect.Value) error {
	if m, ok := msgpUnmarshaler(v); ok {
		return unmarshalMsg(m, d.next())
	}
	return planOf(v.Type())(d, v)
}

// wholePlan is the plan of whole for the type t.
func wholePlan(t reflect.Type) plan {
	if takesMsgp(t) {
		return (*decoder).whole
	}
	return planOf(t)
}

// target returns what a pointer points to.
func target(to any) (reflect.Value, error) {
	v := reflect.ValueOf(to)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return v, fmt.Errorf("want a pointer to decode into, got %T", to)
	}
	return v.Elem(), nil
}

// A decoder walks over complete, checked bytes.
type decoder struct {
	vs      *Values
	b       []byte
	pos     int
	left    int64 // what remains of Limits.Decoded
	zeroNil bool  // nil becomes the zero value instead of an error
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
	if len(d.b) == 0 || d.b[0] == codeNil {
		d.pos = len(d.b)
		return 0
	}
	_, n, head := header(d.b)
	d.pos = head
	return int(n)
}

// charge accounts for n Go values of a size before they are allocated.
func (d *decoder) charge(n int, size uintptr) error { return d.chargeBytes(int64(n) * int64(size)) }

func (d *decoder) chargeBytes(n int64) error {
	d.left -= n
	if d.left < 0 {
		return d.vs.Limits.decodedError()
	}
	return nil
}

func (d *decoder) kind() kind { return kinds[d.b[d.pos]] }

// next takes the bytes of the value that follows.
func (d *decoder) next() []byte {
	start := d.pos
	d.pos = skip(d.b, start)
	return d.b[start:d.pos:d.pos]
}

// open takes the header of a list or map.
func (d *decoder) open() int {
	_, n, head := header(d.b[d.pos:])
	d.pos += head
	return int(n)
}

// payload takes a text, bytes or extension value and returns its payload.
func (d *decoder) payload() []byte {
	_, n, head := header(d.b[d.pos:])
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
	switch kinds[b[0]] {
	case kindInt:
		u, neg := readInt(b)
		if neg {
			return strconv.FormatInt(int64(u), 10)
		}
		return strconv.FormatUint(u, 10)
	case kindFloat:
		return "float " + strconv.FormatFloat(readFloat(b), 'g', -1, 64)
	case kindBool:
		return strconv.FormatBool(b[0] == codeTrue)
	}
	return kinds[b[0]].String()
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

func readFloat(b []byte) float64 {
	if b[0] == 0xca {
		return float64(math.Float32frombits(be32(b[1:])))
	}
	return math.Float64frombits(be64(b[1:]))
}

func be32(b []byte) uint32 {
	return uint32(b[3]) | uint32(b[2])<<8 | uint32(b[1])<<16 | uint32(b[0])<<24
}

func be64(b []byte) uint64 { return uint64(be32(b))<<32 | uint64(be32(b[4:])) }

// text takes a text or bytes value as a string.
func (d *decoder) text() (string, error) {
	p, err := d.textBytes()
	if err == nil {
		err = d.charge(len(p), 1)
	}
	if err != nil {
		return "", err
	}
	return string(p), nil
}

// textBytes takes a text, in UTF-8, or bytes value. The bytes are not its own.
func (d *decoder) textBytes() ([]byte, error) {
	k := d.kind()
	p := d.payload()
	if k != kindStr {
		return p, nil
	}
	p, err := d.vs.Format.decodeText(p)
	if err != nil {
		return nil, foreignError(err)
	}
	return p, nil
}

// delegate lets vmihailenco decode the value at hand: v's type decodes itself,
// or is registered for an extension type. It gets these bytes and no others.
func (d *decoder) delegate(v reflect.Value) error {
	raw, err := d.vs.Format.decoded(d.next())
	if err != nil {
		return foreignError(err)
	}
	if err := d.charge(len(raw), 1); err != nil {
		return err
	}
	dec := msgpack.GetDecoder()
	defer func() {
		dec.Reset(nil) // or the pool would keep the frame
		msgpack.PutDecoder(dec)
	}()
	dec.Reset(bytes.NewReader(raw))
	dec.UseLooseInterfaceDecoding(true)
	if err := dec.Decode(v.Addr().Interface()); err != nil {
		return foreignError(err)
	}
	return nil
}

// takesMsgp reports whether msgpUnmarshaler finds something for the type t.
func takesMsgp(t reflect.Type) bool {
	return t.PkgPath() != "" && t.Kind() != reflect.Struct && implements(t, typeMsgpDecoder)
}

func msgpUnmarshaler(v reflect.Value) (msgpDecoder, bool) {
	if !takesMsgp(v.Type()) {
		return nil, false
	}
	m, ok := v.Addr().Interface().(msgpDecoder)
	return m, ok
}

func unmarshalMsg(m msgpDecoder, raw []byte) error {
	rest, err := m.UnmarshalMsg(bytes.Clone(raw))
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes left over", len(rest))
	}
	if err != nil {
		return foreignError(err)
	}
	return nil
}

// time takes a time: extension type -1 or RFC 3339 text.
func (d *decoder) time(v reflect.Value) error {
	switch d.kind() {
	case kindNil:
		return d.nilValue(v)
	case kindStr, kindBin:
		s, err := d.text()
		if err != nil {
			return err
		}
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return &ValueError{Msg: "text is not a time in RFC 3339 form"}
		}
		v.Set(reflect.ValueOf(t))
		return nil
	case kindExt:
		if extType(d.b[d.pos:]) == extTime {
			t, err := parseTimestamp(d.payload())
			if err != nil {
				return &ValueError{Msg: err.Error()}
			}
			v.Set(reflect.ValueOf(t))
			return nil
		}
	}
	return d.misfit(v.Type())
}
