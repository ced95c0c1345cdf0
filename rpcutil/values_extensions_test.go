package rpcutil_test

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
)

// Types that write MessagePack themselves, on values and on pointers, and types
// that are registered as extensions.
type (
	Temp  struct{ C int } // pointer receivers
	Event struct{ C int } // registered as 91 by a pointer, with methods
	Spot  struct{ X, Y int8 }
	Code  int // registered as 93, like Spot by functions alone
	Shape interface{ Area() int }
	Nosy  struct{ X int } // counts how often it is encoded
)

func (x *Temp) EncodeMsgpack(e *msgpack.Encoder) error       { return e.EncodeInt(int64(x.C)) }
func (x *Temp) DecodeMsgpack(d *msgpack.Decoder) (err error) { x.C, err = d.DecodeInt(); return err }
func (x Event) MarshalMsgpack() ([]byte, error)              { return []byte{byte(x.C)}, nil }
func (x *Event) UnmarshalMsgpack(b []byte) error             { x.C = int(b[0]); return nil }
func (x Event) Area() int                                    { return x.C }
func (x Spot) Area() int                                     { return int(x.X) * int(x.Y) }

func init() {
	msgpack.RegisterExt(91, (*Event)(nil))
	msgpack.RegisterExtEncoder(92, Spot{}, func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		s := v.Interface().(Spot)
		return []byte{byte(s.X), byte(s.Y)}, nil
	})
	msgpack.RegisterExtDecoder(92, Spot{}, func(d *msgpack.Decoder, v reflect.Value, n int) error {
		b := make([]byte, n)
		err := d.ReadFull(b)
		v.Set(reflect.ValueOf(Spot{int8(b[0]), int8(b[1])}))
		return err
	})
	msgpack.RegisterExtEncoder(93, Code(0), func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		return []byte{byte(v.Int())}, nil
	})
	msgpack.RegisterExtDecoder(93, Code(0), func(d *msgpack.Decoder, v reflect.Value, n int) error {
		b := make([]byte, n)
		err := d.ReadFull(b)
		v.SetInt(int64(b[0]))
		return err
	})
}

// TestExtensions has registered types, and types with methods on pointers, in every
// place of a value.
func TestExtensions(t *testing.T) {
	t.Parallel()
	type Box struct{ S Shape }
	type Event2 struct {
		*Event
		N int
	}
	runValues(t, codec.Options{}, []valueCase{
		both("pointer receivers", Temp{1}, "01"),
		both("pointer receivers in a map", map[string]Temp{"a": {1}}, "81 a1 'a' 01"), // F6
		both("pointer receivers as key", map[Temp]int{{1}: 2}, "81 01 02"),
		both("pointer receivers in an array", [1]Temp{{1}}, "91 01"),
		writes("pointer receivers in any", any([]any{Temp{1}, map[string]any{"a": Temp{2}}, struct{ V any }{Temp{3}}}), // F6
			"93 01 81 a1 'a' 02 81 a1 'V' 03"),
		writes("pointer receivers in an interface", []msgpack.CustomEncoder{&Temp{1}, nil}, "92 01 c0"),
		both("registered", Event{1}, "d45b01"),
		both("registered, pointer", &Event{1}, "d45b01"),
		both("registered in a map", map[string]Event{"a": {1}}, "81 a1 'a' d45b01"), // F6
		both("registered as key", map[Event]int{{1}: 2}, "81 d45b01 02"),
		both("registered in a list", []Event{{1}, {2}}, "92 d45b01 d45b02"),
		writes("registered in any", any([]any{Event{1}, struct{ V any }{Event{2}}}), "92 d45b01 81 a1 'V' d45b02"), // F6
		both("into any", any(&Event{1}), "d45b01"),
		both("into any, by functions", any([]any{Spot{1, 2}, Code(3)}), "92 d55c0102 d45d03"),
		both("by functions", Spot{1, 2}, "d55c0102"),
		both("by functions in a map", map[string]Spot{"a": {1, 2}}, "81 a1 'a' d55c0102"),
		both("by functions as key", map[Spot]Code{{1, 2}: 3}, "81 d55c0102 d45d03"),
		both("by functions as key of any", map[any]any{Spot{1, 2}: Code(3)}, "81 d55c0102 d45d03"),
		both("interface", Box{&Event{3}}, "81 a1 'S' d45b03"), // F8
		both("interface, by value", Box{Spot{3, 4}}, "81 a1 'S' d55c0304"),
		both("interface, nil", Box{}, "81 a1 'S' c0"),
		both("list of interfaces", []Shape{&Event{3}, nil, Spot{3, 4}}, "93 d45b03 c0 d55c0304"),
		both("map of interfaces", map[string]Shape{"a": &Event{3}}, "81 a1 'a' d45b03"),
		both("interface as key", map[Shape]int{Spot{3, 4}: 1}, "81 d55c0304 01"),
		refuses[Box]("interface of another type", "81 a1 'S' d45d03", ".S", "extension does not fit rpcutil_test.Shape"),
		refuses[Box]("interface of an unknown extension", "81 a1 'S' d46003", ".S", "extension does not fit rpcutil_test.Shape"),
		refuses[Box]("interface of no extension", "81 a1 'S' 05", ".S", "5 does not fit rpcutil_test.Shape"),
		writes("promoted", Event2{&Event{1}, 2}, "01"),
		writes("promoted from nil", Event2{N: 2}, "c0"),
		both("raw", msgpack.RawMessage(raw("92 01 02")), "92 01 02"),
		both("raw in a map", map[string]msgpack.RawMessage{"a": raw("92 01 02")}, "81 a1 'a' 92 01 02"),
		writes("raw in any", any([]any{msgpack.RawMessage(raw("01"))}), "91 01"),
		both("unknown extension", any(msgpack.RawMessage(raw("d46003"))), "d46003"),
	})
}

// Small has methods that the compiler puts in the place of their calls.
type (
	Small        struct{ B [2]byte }
	SmallPointer struct {
		*Small
		N int
	}
	SmallTwice     struct{ *SmallPointer }
	SmallInterface struct {
		encoding.TextMarshaler
		N int
	}
	SmallNested struct{ SmallInterface }
	smallHidden struct{ *Small }
	Coded       struct{ msgpack.CustomEncoder }
)

func (s Small) MarshalText() ([]byte, error)  { return s.B[:], nil }
func (s *Small) UnmarshalText(b []byte) error { copy(s.B[:], b); return nil }

// TestPromotedFromNil sends nil for a value whose methods have no receiver, and makes
// the receiver that reading needs.
func TestPromotedFromNil(t *testing.T) {
	t.Parallel()
	ab := &Small{[2]byte{'a', 'b'}}
	runValues(t, codec.Options{}, []valueCase{
		both("pointer", SmallPointer{Small: ab}, "a2 'ab'"),
		writes("nil pointer", SmallPointer{N: 1}, "c0"),
		reads("nil", "c0", SmallPointer{}),
		both("twice", SmallTwice{&SmallPointer{Small: ab}}, "a2 'ab'"),
		writes("nil twice", SmallTwice{}, "c0"),
		writes("nil within", SmallTwice{&SmallPointer{}}, "c0"),
		writes("interface", SmallInterface{ab, 1}, "a2 'ab'"),
		writes("nil interface", SmallInterface{nil, 1}, "c0"),
		writes("nil interface within", SmallNested{}, "c0"),
		refuses[SmallInterface]("nil interface", "a2 'ab'", "", "text does not fit rpcutil_test.SmallInterface"),
		writes("nil encoder", Coded{}, "c0"),
		writes("nil in a list", []SmallPointer{{N: 1}, {Small: ab}}, "92 c0 a2 'ab'"),
		writes("nil in a map", map[string]SmallTwice{"a": {}}, "81 a1 'a' c0"),
		writes("nil in any", any([]any{SmallPointer{}, &SmallTwice{}, SmallInterface{}}), "93 c0 c0 c0"),
		writes("nil in an interface", []encoding.TextMarshaler{(*Small)(nil), (*Pointed)(nil)}, "92 c0 c0"),
		writes("nil in an error", []error{(*codec.Error)(nil), nil, errors.New("x")}, "93 c0 c0 a1 'x'"),
		writes("unexported", struct{ V smallHidden }{}, "81 a1 'V' c0"),
		refuses[struct{ V smallHidden }]("unexported", "81 a1 'V' 05", ".V", "5 does not fit rpcutil_test.smallHidden"),
	})
}

var nosyEncoded atomic.Int64

func (x Nosy) EncodeMsgpack(e *msgpack.Encoder) error {
	nosyEncoded.Add(1)
	return e.EncodeInt(int64(x.X))
}
func (x *Nosy) DecodeMsgpack(d *msgpack.Decoder) (err error) { x.X, err = d.DecodeInt(); return err }
func (x Nosy) MarshalMsgpack() ([]byte, error)               { nosyEncoded.Add(1); return []byte{1}, nil }
func (x Nosy) MarshalText() ([]byte, error)                  { nosyEncoded.Add(1); return []byte("x"), nil }
func (x Nosy) MarshalBinary() ([]byte, error)                { nosyEncoded.Add(1); return []byte("x"), nil }
func (x Nosy) IsZero() bool                                  { nosyEncoded.Add(1); return false }

// TestDecodingRunsNoEncoder: an encoder may block, and a goroutine that reads would
// hang in it. C4
func TestDecodingRunsNoEncoder(t *testing.T) {
	type Holder struct {
		N Nosy
		P *Nosy `msgpack:",omitempty"`
		L []Nosy
		M map[string]Nosy
		K map[Nosy]int
		Y int
	}
	type Params struct {
		H Holder
		Z Nosy
	}
	b := "86 a1 'N' 01 a1 'P' 02 a1 'L' 91 03 a1 'M' 81 a1 'a' 04 a1 'K' 81 05 06 a1 'Y' 07"
	want := Params{Holder{Nosy{1}, &Nosy{2}, []Nosy{{3}}, map[string]Nosy{"a": {4}}, map[Nosy]int{{5}: 6}, 7}, Nosy{8}}
	c := dialService(t, codec.Options{}, Whole[Params, msgpack.RawMessage]{func(p Params) (msgpack.RawMessage, error) {
		same(t, "parameters", p, nil, want)
		return raw(b), nil
	}})
	var got Holder
	err := c.Call("do", codec.Args{raw(b), 8}, &got)
	same(t, "by place", got, err, want.H)
	err = c.Call("do", codec.Args{raw("82 a1 'h'" + b + "a1 'Z' 08")}, &got)
	same(t, "by name", got, err, want.H)
	fails(t, "that does not fit", c.Call("do", codec.Args{map[string]any{"N": "x"}, 8}, nil),
		"do: parameter 1 (H).N: msgpack: invalid code=a1 decoding int64")
	reads("value", b, want.H).run(t, codec.Options{})
	if n := nosyEncoded.Load(); n != 0 {
		t.Errorf("encoders ran %d times", n)
	}
}

// Greedy decodes itself into much larger values than the bytes that it gets.
type (
	Greedy     struct{ L []large }
	GreedyText struct{ L []large }
	large      struct {
		A [1024]byte
		M map[string]int
	}
)

func (g *Greedy) DecodeMsgpack(d *msgpack.Decoder) error { return d.Decode(&g.L) }

// Packed and Opaque are registered: the one decodes its payload, the other keeps it.
type (
	Packed struct{ V any }    // 94
	Opaque struct{ B []byte } // 95
)

func (p *Packed) MarshalMsgpack() ([]byte, error) { return msgpack.Marshal(p.V) }
func (p *Packed) UnmarshalMsgpack(b []byte) error { return msgpack.Unmarshal(b, &p.V) }
func (o *Opaque) MarshalMsgpack() ([]byte, error) { return o.B, nil }
func (o *Opaque) UnmarshalMsgpack(b []byte) error { o.B = bytes.Clone(b); return nil }

func init() {
	msgpack.RegisterExt(94, (*Packed)(nil))
	msgpack.RegisterExt(95, (*Opaque)(nil))
}

// TestPayloadsAreCharged holds what an extension's payload becomes to the limits, where
// it is MessagePack, and leaves other bytes alone. C6
func TestPayloadsAreCharged(t *testing.T) {
	t.Parallel()
	ext := func(id, payload string) string {
		b := raw(payload)
		return fmt.Sprintf("c9 %08x", len(b)) + id + payload
	}
	const depth, decoded = "message exceeds MaxDepth (128)", "message exceeds MaxDecoded (1048576)"
	nested := strings.Repeat("91", 1000)
	vs := valuesOf(codec.Options{})
	vs.Limits.Decoded = 1 << 20
	for name, tt := range map[string]struct{ payload, want string }{
		"many":            {"dc 4e20" + strings.Repeat("80", 20_000), decoded},
		"nested":          {nested + "c0", depth},
		"nested for ever": {strings.Repeat("91", 110_000), depth},
		"few":             {"91 91 05", ""},
	} {
		for _, to := range []any{new(Packed), new(any), new(map[string]*Packed), new([]any)} {
			prefix := map[bool]string{true: "81 a1 'a'"}[reflect.TypeOf(to) == reflect.TypeFor[*map[string]*Packed]()]
			if _, list := to.(*[]any); list {
				prefix = "91"
			}
			err := vs.DecodeResult(raw(prefix+ext("5e", tt.payload)), to)
			if tt.want != "" {
				fails(t, fmt.Sprintf("%s, %T", name, to), err, tt.want)
			} else if err != nil {
				t.Errorf("%s, %T: %v", name, to, err)
			}
		}
	}
	runValues(t, codec.Options{}, []valueCase{
		reads("not complete", ext("5f", nested), Opaque{raw(nested)}),
		reads("more than complete", ext("5f", "05"+nested), Opaque{raw("05" + nested)}),
		reads("claims more than there is", ext("5f", "dfffffffff"), Opaque{raw("dfffffffff")}),
		reads("no MessagePack", ext("5f", "91c1"), Opaque{raw("91c1")}),
		reads("empty", "c7 00 5f", Opaque{[]byte{}}),
		reads("in any", ext("5f", nested), any(&Opaque{raw(nested)})),
	})
}

// TestSelfDecodingIsCharged holds a type that decodes itself to MaxDecoded. C6
func TestSelfDecodingIsCharged(t *testing.T) {
	t.Parallel()
	const many = 20_000
	b := "dc 4e20" + strings.Repeat("80", many)
	o := codec.Options{MaxDecoded: 1 << 20}
	for _, road := range roads[Greedy, int]() {
		c := road.dial(t, o, func(Greedy) (int, error) { t.Error("called"); return 0, nil })
		fails(t, road.name, c.Call("do", codec.Args{raw(b)}, nil), "do: parameter 1 ("+road.param+"): message exceeds MaxDecoded (1048576)")
	}
	vs := valuesOf(o)
	vs.Limits.Decoded = o.MaxDecoded
	for name, to := range map[string]any{"type": new(Greedy), "field": new(struct{ G Greedy }), "list": new([]Greedy), "map": new(map[string]Greedy)} {
		prefix := map[string]string{"field": "81 a1 'G'", "list": "91", "map": "81 a1 'a'"}[name]
		fails(t, name, vs.DecodeResult(raw(prefix+b), to), "message exceeds MaxDecoded (1048576)")
	}
}
