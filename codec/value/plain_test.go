package value_test

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// Plain values are written and read without an encoder and a decoder. With a text
// encoding they are not, so one that changes nothing shows whether both ways agree,
// in what they accept as well as in the bytes, values and errors.

func unchanged(b []byte) ([]byte, error) { return b, nil }

type (
	plainOne      struct{ X int }
	plainPair     struct{ X, Y int }
	plainOptional struct {
		A int
		B string `msgpack:",omitempty"`
		C []byte `msgpack:"sea,omitempty"`
	}
	plainEach struct {
		B   bool
		I8  int8
		I16 int16
		I32 int32
		I64 int64
		U   uint
		U8  uint8
		U16 uint16
		U32 uint32
		U64 uint64
		F32 float32
		F64 float64
		S   string
		Raw []byte
	}
	plainInner    struct{ Z int }
	plainEmbedded struct {
		plainInner
		S string
	}
	plainNamed   struct{ S myString }
	plainPointer struct {
		X int
		*plainOne
	}
	plainSkipped struct {
		A int
		B string `msgpack:"-"`
		C bool
	}
	plainMany   struct{ A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q int }
	plainText   struct{ X, Y int }
	plainHidden struct {
		X int
		y int
	}
)

// plainText encodes itself.
func (v plainText) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d/%d", v.X, v.Y), nil }
func (v *plainText) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%d/%d", &v.X, &v.Y)
	return err
}

func pointer[T any](v T) *T { return &v }

func plainArgs() []any {
	numbers := []any{0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64,
		-1, -32, -33, -128, -129, math.MinInt16, math.MinInt16 - 1, math.MinInt32, math.MinInt64,
		int64(-5), uint64(math.MaxUint64), int8(-3), uint16(7), float32(1.5), 2.5, math.Inf(1)}
	texts := []any{"", "a", strings.Repeat("ä", 20), strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 256), "\xff",
		strings.Repeat("x", 1<<16), []byte(nil), []byte{}, []byte("\xff\x00"), make([]byte, 256), make([]byte, 1<<16)}
	all := []any{nil, true, false, value.Args(nil), value.Args{}, value.Args(append(append([]any{nil, true}, numbers...), texts...)),
		value.Args(numbers), value.Args{1, []int{2}, "x"}, value.Args{value.Args{1}}, &value.Args{1},
		(*int)(nil), (*string)(nil), (*[]byte)(nil), (*plainPair)(nil), pointer(pointer(3)), pointer(pointer(plainPair{1, 2})),
		pointer(true), pointer(1), pointer(int64(-1)), pointer(uint64(1)), pointer(uint64(math.MaxUint64)), pointer(1.5), pointer("text"), pointer("\xff"), pointer([]byte("b")),
		pointer([]byte(nil)), myString("named"), pointer(myString("named")),
		plainOne{7}, plainPair{1, 2}, &plainPair{-1, 300}, plainOptional{}, plainOptional{A: 1}, plainOptional{B: "b"}, plainOptional{C: []byte{}},
		plainEach{}, plainEach{true, -1, -200, -70000, -1 << 40, 1, 2, 300, 70000, 1 << 40, 1.5, 2.5, "s", []byte("raw")}, plainEach{S: "\xff"},
		plainEmbedded{plainInner{3}, "s"}, plainNamed{"s"}, plainHidden{1, 2}, struct{}{},
		plainPointer{1, &plainOne{2}}, plainPointer{X: 1}, plainSkipped{1, "b", true}, plainMany{Q: 17}, plainText{1, 2}, &plainText{3, 4}, []int{1, 2}, map[string]int{"a": 1}}
	return append(append(all, numbers...), texts...)
}

var plainLimits = []wire.Limits{
	limits,
	{Message: 10, Depth: 2, Elements: 1 << 20, Decoded: 1 << 20},
	{Message: 1 << 20, Depth: 1, Elements: 1 << 20, Decoded: 1 << 20},
	{Message: 1 << 20, Depth: 0, Elements: 1 << 20, Decoded: 1 << 20},
	{Message: 1 << 20, Depth: 2, Elements: 3, Decoded: 1 << 20},
	{Message: 1 << 20, Depth: 2, Elements: 4, Decoded: 1 << 20},
	{Message: 1 << 20, Depth: 2, Elements: 5, Decoded: 3},
	{Message: 1 << 20, Depth: 2, Elements: 6, Decoded: 0},
}

func TestPlainValuesAreWrittenAsTheEncoderDoes(t *testing.T) {
	for _, l := range plainLimits {
		plain := value.Values{Limits: l}
		encoder := value.Values{Limits: l, Format: value.Format{EncodeText: unchanged}}
		for _, v := range plainArgs() {
			for what, append := range map[string]func(*value.Values) ([]byte, error){
				"request":               func(vs *value.Values) ([]byte, error) { return vs.AppendRequest([]byte("before"), 300, "m", v, false) },
				"request of a bad name": func(vs *value.Values) ([]byte, error) { return vs.AppendRequest(nil, 1, "\xff", v, false) },
				"result":                func(vs *value.Values) ([]byte, error) { return vs.AppendResult([]byte("before"), []byte{0xcc, 200}, v) },
			} {
				got, err := append(&plain)
				want, wantErr := append(&encoder)
				if string(got) != string(want) || errText(err) != errText(wantErr) {
					t.Errorf("%s of %T %.60v, %+v:\n% x, %v\nwant % x, %v", what, v, v, l, cut(got), err, cut(want), wantErr)
				}
			}
		}
	}
}

// The encoder uses some of the same functions, so there is another witness.
func TestPlainValuesAreWrittenAsVmihailencoDoes(t *testing.T) {
	values := value.Values{Limits: limits}
	for _, v := range plainArgs() {
		var want bytes.Buffer
		enc := msgpack.NewEncoder(&want)
		enc.UseCompactInts(true)
		got, err := values.AppendResult(nil, []byte{1}, v)
		if err != nil || reflect.TypeOf(v) == reflect.TypeFor[struct{}]() { // has a rule of its own
			continue
		}
		if v := reflect.TypeOf(v); v == reflect.TypeFor[plainPointer]() || implements(v) { // see disagreements
			continue
		}
		if err := enc.Encode(v); err != nil || string(got[4:]) != want.String() {
			t.Errorf("%T %.60v: % x\nwant % x, %v", v, v, cut(got[4:]), cut(want.Bytes()), err)
		}
	}
}

func implements(t reflect.Type) bool {
	return t != nil && t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

func TestPlainValuesAreReadAsTheDecoderDoes(t *testing.T) {
	values := value.Values{Limits: limits}
	var params, results [][]byte
	for _, v := range plainArgs() {
		if b, err := values.AppendRequest(nil, 1, "m", v, false); err == nil {
			params = append(params, b[len("\x94\x00\x01\xa1m"):])
		}
		if b, err := values.AppendResult(nil, []byte{1}, v); err == nil {
			results = append(results, b[len("\x94\x01\x01\xc0"):])
		}
	}
	for _, text := range []string{"", "c0", "92 01 c0", "92 c0 01", "dc 0002 01 02", "dd 00000002 01 02", "91 82 a158 01 a159 02", "92 01 c7 01 05 00", "92 01 90"} {
		params = append(params, unhex(t, text))
	}
	results = append(results, unhex(t, "d6 ff 00000001"), unhex(t, "c7 01 05 00"), unhex(t, "ca 3fc00000"))
	targets := []any{true, 0, int8(0), int64(0), uint64(0), uint8(0), float32(0), 0.0, "", []byte(nil), myString(""), any(nil),
		plainOne{}, plainPair{}, plainOptional{}, plainEach{}, plainEmbedded{}, plainNamed{}, plainHidden{}, struct{}{}, []int(nil), value.Args(nil),
		plainPointer{}, plainSkipped{}, plainMany{}, plainText{}, (*plainPair)(nil), (*int)(nil)}
	for _, l := range plainLimits {
		plain := value.Values{Limits: l}
		decoder := value.Values{Limits: l, Format: value.Format{DecodeText: unchanged}}
		for _, target := range targets {
			like := func() any {
				if target == nil {
					return new(any)
				}
				return likeOf(target)
			}
			check := func(what string, raw []byte, decode func(*value.Values, []byte, any) error) {
				got, want := like(), like()
				err, wantErr := decode(&plain, raw, got), decode(&decoder, raw, want)
				if errText(err) != errText(wantErr) || !reflect.DeepEqual(got, want) {
					t.Errorf("%s % x into %T, %+v:\n%.80v, %v\nwant %.80v, %v", what, cut(raw), target, l, deref(got), err, deref(want), wantErr)
				}
			}
			for _, raw := range params {
				check("params", raw, (*value.Values).DecodeParams)
			}
			for _, raw := range results {
				check("result", raw, (*value.Values).DecodeResult)
			}
		}
		for _, nowhere := range []any{nil, 1, (*int)(nil), (*plainPair)(nil)} {
			for _, decode := range []func(*value.Values, []byte, any) error{(*value.Values).DecodeParams, (*value.Values).DecodeResult} {
				err, wantErr := decode(&plain, []byte{0x91, 1}, nowhere), decode(&decoder, []byte{0x91, 1}, nowhere)
				if err == nil || errText(err) != errText(wantErr) {
					t.Errorf("into %T: %v, want %v", nowhere, err, wantErr)
				}
			}
		}
	}
}
