package value_test

import (
	"errors"
	"math/big"
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
)

func init() {
	msgpack.RegisterExtEncoder(40, point{}, func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		p := v.Interface().(point)
		return []byte{byte(p.X), byte(p.Y)}, nil
	})
	msgpack.RegisterExtDecoder(40, point{}, func(d *msgpack.Decoder, v reflect.Value, n int) error {
		b := make([]byte, n)
		if err := d.ReadFull(b); err != nil || n != 2 {
			return errBad
		}
		v.Set(reflect.ValueOf(point{int8(b[0]), int8(b[1])}))
		return nil
	})
	msgpack.RegisterExt(41, (*named)(nil))
	msgpack.RegisterExtEncoder(42, bag{}, func(_ *msgpack.Encoder, v reflect.Value) ([]byte, error) {
		return v.Interface().(bag).L, nil
	})
	msgpack.RegisterExtDecoder(42, bag{}, func(d *msgpack.Decoder, v reflect.Value, n int) error {
		b := make([]byte, n)
		err := d.ReadFull(b)
		v.Set(reflect.ValueOf(bag{b}))
		return err
	})
}

// TestSelf sends types that encode and decode themselves both ways, alone, by
// pointer, and within other values.
func TestSelf(t *testing.T) {
	t.Parallel()
	big1, _ := new(big.Int).SetString("100000000000000000000", 10)
	for _, tt := range []struct {
		v    any
		wire string
	}{
		{upper{"ABC"}, "a3 616263"},
		{pointerOnly{"abc"}, "a5 703a616263"},
		{marshaler{[]byte{0x92, 1, 2}}, "92 01 02"},
		{binaryOf{"abc"}, "c403 616263"},
		{textual{"abc"}, "a3 616263"},
		{list{7}, "a4 6c697374"},
		{set{"x": true}, "a3 736574"},
		{netip.MustParseAddr("127.0.0.1"), "a9 3132372e302e302e31"},
		{*big1, "b5 313030303030303030303030303030303030303030"},
		{point{3, -4}, "d5 28 03fc"},
		{named{"abc"}, "c7 03 29 616263"},
		{msgpack.RawMessage{0x91, 5}, "91 05"},
	} {
		want := unhex(t, tt.wire)
		typ := reflect.TypeOf(tt.v)
		t.Run(typ.String(), func(t *testing.T) {
			ptr := reflect.New(typ)
			ptr.Elem().Set(reflect.ValueOf(tt.v))
			for _, v := range []any{tt.v, ptr.Interface()} {
				got, err := values.AppendResult(nil, []byte{1}, v)
				if d := cmp.Diff("\x94\x01\x01\xc0"+string(want), string(got)); d != "" || err != nil {
					t.Errorf("%T: %s %v", v, d, err)
				}
			}
			// As the only parameter: its fields are not parameters.
			got, err := values.AppendNotification(nil, "m", tt.v)
			if d := cmp.Diff("\x93\x02\xa1m\x91"+string(want), string(got)); d != "" || err != nil {
				t.Error(d, err)
			}
			to := reflect.New(typ)
			prepare(to)
			if err := values.DecodeParams(got[4:], to.Interface()); err != nil || !reflect.DeepEqual(tt.v, to.Elem().Interface()) {
				t.Errorf("%+v, %v", to.Elem(), err)
			}
			// Within a slice, a pointer and a struct.
			outer := reflect.New(reflect.StructOf([]reflect.StructField{
				{Name: "A", Type: reflect.SliceOf(typ)}, {Name: "B", Type: reflect.PointerTo(typ)}, {Name: "C", Type: typ},
			}))
			outer.Elem().Field(0).Set(reflect.Append(outer.Elem().Field(0), reflect.ValueOf(tt.v)))
			outer.Elem().Field(1).Set(ptr)
			outer.Elem().Field(2).Set(reflect.ValueOf(tt.v))
			got, err = values.AppendResult(nil, []byte{1}, outer.Interface())
			if d := cmp.Diff("\x94\x01\x01\xc0\x83\xa1A\x91"+string(want)+"\xa1B"+string(want)+"\xa1C"+string(want), string(got)); d != "" || err != nil {
				t.Fatal(d, err)
			}
			back := reflect.New(outer.Type().Elem())
			if err := values.DecodeResult(scanned(t, got[4:]), back.Interface()); err != nil || !reflect.DeepEqual(outer.Interface(), back.Interface()) {
				t.Errorf("%+v, %v", back.Elem(), err)
			}
		})
	}
}

// prepare makes the map that a type with methods on a map writes into.
func prepare(to reflect.Value) {
	if to.Elem().Kind() == reflect.Map {
		to.Elem().Set(reflect.MakeMap(to.Elem().Type()))
	}
}

func TestSelfErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  string
		to   any
		want string // of the whole result
	}{
		{"05", new(upper), "msgpack: invalid code=5 decoding string/bytes length"},
		{"91 05", new([]upper), "[0]: msgpack: invalid code=5 decoding string/bytes length"},
		{"05", new(failing), "cannot"},
		{"81 a141 05", new(struct{ A *failing }), ".A: cannot"},
		{"c7 03 29 626164", new(named), "bad"},
		{"c7 03 28 626164", new(named), "msgpack: got ext type=40, wanted 41"},
		{"05", new(named), "msgpack: invalid code=5 decoding ext len"},
		{"c7 03 29 626164", new(struct{ A int }), "extension does not fit struct { A int }"},
		{"c7 03 29 626164", new([]int), "extension does not fit []int"},
		{"d40161", new(int), "extension does not fit int"},
		{"d40161", new(string), "extension does not fit string"},
	} {
		raw := scanned(t, unhex(t, tt.raw))
		err := values.DecodeResult(raw, tt.to)
		var ve *value.ValueError
		if !errors.As(err, &ve) || err.Error() != tt.want {
			t.Errorf("%s into %T: %v, want %q", tt.raw, tt.to, err, tt.want)
		}
	}
	// An extension type that is registered and cannot be decoded is not kept as
	// it is, as unknown ones are.
	var got any
	if err := values.DecodeResult(unhex(t, "91 c7 03 29 626164"), &got); errText(err) != "[0]: bad" || got != nil {
		t.Error(got, err)
	}
	if err := values.DecodeResult(unhex(t, "c7 03 29 616263"), &got); err != nil || !reflect.DeepEqual(&named{"abc"}, got) {
		t.Error(got, err)
	}
	if err := values.DecodeResult(unhex(t, "81 d5280102 05"), &got); err != nil || diff(map[any]any{point{1, 2}: int64(5)}, got) != "" {
		t.Error(got, err)
	}
}

func TestPanics(t *testing.T) {
	t.Parallel()
	var to struct{ A []bomb }
	raw := scanned(t, unhex(t, "91 81 a141 91 05"))
	for name, f := range map[string]func() error{
		"result":  func() error { return values.DecodeResult(raw[1:], &to) },
		"params":  func() error { var args struct{ A struct{ A []bomb } }; return values.DecodeParams(raw, &args) },
		"each":    func() error { return values.DecodeEach(raw, &to) },
		"encode":  func() error { _, err := values.AppendResult(nil, []byte{1}, []any{bomb{}}); return err },
		"request": func() error { _, err := values.AppendRequest(nil, 1, "m", bomb{}, false); return err },
	} {
		err := f()
		var pe *value.PanicError
		if !errors.As(err, &pe) || err.Error() != "panic: boom" || pe.Value != "boom" || len(pe.Stack) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSelfText shows that types that decode themselves get UTF-8, whatever the
// peer's encoding is.
func TestSelfText(t *testing.T) {
	t.Parallel()
	vs := value.Values{Limits: limits, Format: value.Format{DecodeText: rot}}
	var u []upper
	if err := vs.DecodeResult(unhex(t, "91 a3 626364"), &u); err != nil || u[0].s != "ABC" {
		t.Error(u, err)
	}
	var m marshaler
	if err := vs.DecodeResult(unhex(t, "92 05 a3 626364"), &m); err != nil || diff([]byte("\x92\x05\xa3abc"), m.raw) != "" {
		t.Errorf("%q, %v", m.raw, err)
	}
	if err := vs.DecodeResult(unhex(t, "92 05 c0"), &m); err != nil || diff([]byte("\x92\x05\xc0"), m.raw) != "" {
		t.Errorf("%q, %v", m.raw, err)
	}
	if err := vs.DecodeResult(unhex(t, "a1 00"), &m); errText(err) != "text cannot be decoded: bad" {
		t.Error(err)
	}
}

// TestGenerated shows types of github.com/tinylib/msgp that are no structs, in
// every place where a whole parameter or result stands.
func TestGenerated(t *testing.T) {
	t.Parallel()
	type two struct{ A, B generated }
	for _, args := range []any{value.Args{generated(5), generated(6)}, two{5, 6}, &two{5, 6}} {
		got, err := values.AppendNotification(nil, "m", args)
		if d := diff(unhex(t, "93 02 a16d 92 9105 9106"), got); d != "" || err != nil {
			t.Errorf("%T: %s %v", args, d, err)
		}
	}
	raw := scanned(t, unhex(t, "92 9105 9106"))
	var ab two
	if err := values.DecodeParams(raw, &ab); err != nil || ab != (two{5, 6}) {
		t.Error(ab, err)
	}
	if err := values.DecodeParams(unhex(t, "91 82 a161 9107 a162 9108"), &ab); err != nil || ab != (two{7, 8}) {
		t.Error(ab, err)
	}
	var a, b generated
	if err := values.DecodeEach(raw, &a, &b); err != nil || a != 5 || b != 6 {
		t.Error(a, b, err)
	}
	if err := values.DecodeParams(raw[:3], &a); err == nil {
		t.Error("two parameters fit one")
	}
	if err := values.DecodeParams(unhex(t, "91 9109"), &a); err != nil || a != 9 {
		t.Error(a, err)
	}
	got, err := values.AppendResult(nil, []byte{1}, &a)
	if d := diff(unhex(t, "94 01 01 c0 9109"), got); d != "" || err != nil {
		t.Error(d, err)
	}
	if err := values.DecodeResult(got[4:], &b); err != nil || b != 9 {
		t.Error(b, err)
	}
	if err := values.DecodeResult([]byte{0xc2}, &b); errText(err) != "bad" {
		t.Error(err)
	}
	if err := values.DecodeResult([]byte{0xcc, 5}, &b); errText(err) != "1 bytes left over" {
		t.Error(err)
	}
	if _, err := values.AppendResult(nil, []byte{1}, generated(-1)); !errors.Is(err, errBad) {
		t.Error(err)
	}
}
