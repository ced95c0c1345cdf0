package value_test

import (
	"errors"
	"strings"

	"github.com/vmihailenco/msgpack/v5"
)

// Types that encode and decode themselves, one for each way.

// upper decodes itself with a pointer receiver and encodes itself with a value
// receiver: the usual form.
type upper struct{ s string }

func (u upper) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeString(strings.ToLower(u.s)) }

func (u *upper) DecodeMsgpack(d *msgpack.Decoder) error {
	s, err := d.DecodeString()
	u.s = strings.ToUpper(s)
	return err
}

// pointerOnly has both on the pointer.
type pointerOnly struct{ s string }

func (p *pointerOnly) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeString("p:" + p.s) }

func (p *pointerOnly) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	s, err := d.DecodeString()
	p.s = strings.TrimPrefix(s, "p:")
	return err
}

// marshaler is a msgpack.Marshaler and msgpack.Unmarshaler.
type marshaler struct{ raw []byte }

func (m marshaler) MarshalMsgpack() ([]byte, error) { return m.raw, nil }

func (m *marshaler) UnmarshalMsgpack(b []byte) error {
	m.raw = append([]byte(nil), b...)
	return nil
}

// binaryOf is an encoding.BinaryMarshaler, textual an encoding.TextMarshaler.
type (
	binaryOf struct{ s string }
	textual  struct{ s string }
)

func (x binaryOf) MarshalBinary() ([]byte, error)   { return []byte(x.s), nil }
func (x *binaryOf) UnmarshalBinary(b []byte) error  { x.s = string(b); return nil }
func (x textual) MarshalText() ([]byte, error)      { return []byte(x.s), nil }
func (x *textual) UnmarshalText(b []byte) (_ error) { x.s = string(b); return nil }

// list is a slice with methods on the pointer, set a map with methods on the value.
type (
	list []int
	set  map[string]bool
)

func (l *list) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeString("list") }
func (l *list) DecodeMsgpack(d *msgpack.Decoder) error { *l = list{7}; return d.Skip() }
func (s set) EncodeMsgpack(e *msgpack.Encoder) error   { return e.EncodeString("set") }
func (s set) DecodeMsgpack(d *msgpack.Decoder) error   { s["x"] = true; return d.Skip() }

// bomb panics, failing returns an error.
type (
	bomb    struct{ N int }
	failing struct{}
)

func (bomb) EncodeMsgpack(*msgpack.Encoder) error     { panic("boom") }
func (*bomb) DecodeMsgpack(*msgpack.Decoder) error    { panic("boom") }
func (failing) EncodeMsgpack(*msgpack.Encoder) error  { return errors.New("cannot") }
func (*failing) DecodeMsgpack(*msgpack.Decoder) error { return errors.New("cannot") }

// point is registered as extension type 40 by functions, without any method;
// named as 41 with methods.
type (
	point struct{ X, Y int8 }
	named struct{ s string }
	bag   struct{ L []byte } // 42
)

func (n *named) MarshalMsgpack() ([]byte, error) { return []byte(n.s), nil }
func (n *named) UnmarshalMsgpack(b []byte) error { n.s = string(b); return nilIf(n.s != "bad") }
func nilIf(ok bool) error {
	if ok {
		return nil
	}
	return errBad
}

// generated stands for code of github.com/tinylib/msgp, on a type that is no
// struct: it writes a list of one.
type generated int

// generatedStruct has the same methods, but is a struct: its fields are the
// parameters, and as a result it is a map.
type generatedStruct struct{ X, Y int }

func (generatedStruct) MarshalMsg([]byte) ([]byte, error)    { panic("not called") }
func (*generatedStruct) UnmarshalMsg([]byte) ([]byte, error) { panic("not called") }

func (g generated) MarshalMsg(b []byte) ([]byte, error) {
	if g < 0 {
		return nil, errBad
	}
	return append(b, 0x91, byte(g)), nil
}

func (g *generated) UnmarshalMsg(b []byte) ([]byte, error) {
	if len(b) != 2 || b[0] != 0x91 {
		return b[1:], nilIf(b[0] != 0xc2)
	}
	*g = generated(b[1])
	return nil, nil
}
