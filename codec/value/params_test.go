package value_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

type (
	two      struct{ X, Y int }
	optional struct {
		X, Y int
		Z    *int   `msgpack:"z,omitempty"`
		W    string `msgpack:",omitempty"`
	}
	middle struct { // only trailing ones are optional
		X int `msgpack:"x,omitempty"`
		Y int `msgpack:"y"`
	}
	allOptional struct {
		X int `msgpack:"x,omitempty"`
	}
	one      struct{ X int }
	pointers struct{ X, Y *int }
	skipping struct {
		X       int `msgpack:"-"`
		Y       int
		private int
	}
	nothingLeft struct {
		X int `msgpack:"-"`
	}
	flat struct {
		Inner
		hidden
		E int
	}
	withTime struct {
		time.Duration
		At time.Time
	}
	notFlat struct { // upper decodes itself, and is not exported
		Up upper
		P  point
	}
	embedsPoint   struct{ point }
	embedsPointer struct{ *Inner }
	skipsPointer  struct {
		*Inner `msgpack:"-"`
		N      int
	}
	deepPointer  struct{ embedsPointer }
	noneExported struct{ a, b int }
)

// TestParams shows which parameters stand for a Go argument, both ways.
func TestParams(t *testing.T) {
	t.Parallel()
	inner := two{1, 2}
	pp := &inner
	for _, tt := range []struct {
		args any
		wire string
	}{
		{struct{}{}, "90"},
		{&struct{}{}, "90"},
		{value.Args{}, "90"},
		{value.Args{int64(1), "a", nil}, "93 01 a161 c0"},
		{&value.Args{int64(1)}, "91 01"},
		{value.Args{[]any{}}, "91 90"},
		{two{1, 2}, "92 01 02"},
		{&two{1, 2}, "92 01 02"},
		{generatedStruct{1, 2}, "92 01 02"},
		{&pp, "92 01 02"},
		{one{1}, "91 01"},
		{pointers{}, "92 c0 c0"}, // pointer fields alone are not optional
		{pointers{ptr(1), nil}, "92 01 c0"},
		{optional{1, 2, nil, ""}, "92 01 02"},
		{optional{1, 2, ptr(0), ""}, "93 01 02 00"},
		{optional{1, 2, nil, "w"}, "94 01 02 c0 a177"},
		{middle{0, 2}, "92 00 02"},
		{allOptional{}, "90"},
		{allOptional{3}, "91 03"},
		{skipping{Y: 2}, "91 02"},
		{nothingLeft{}, "90"},
		{flat{Inner{1, 2}, hidden{3, 4}, 5}, "95 01 02 03 04 05"},
		{withTime{5 * time.Second, time.Unix(1, 0).UTC()}, "92 cb4014000000000000 b4 313937302d30312d30315430303a30303a30315a"},
		{notFlat{upper{"A"}, point{1, 2}}, "92 a161 d5280102"},
		{skipsPointer{N: 5}, "91 05"},
		// One parameter each.
		{5, "91 05"},
		{"a", "91 a161"},
		{myString("a"), "91 a161"},
		{1.5, "91 cb3ff8000000000000"},
		{float32(1.5), "91 ca3fc00000"},
		{true, "91 c3"},
		{[]byte("a"), "91 c40161"},
		{[]int{1, 2}, "91 92 01 02"},
		{[2]int{1, 2}, "91 92 01 02"},
		{[]any{int64(1)}, "91 91 01"},
		{map[string]int{"a": 1}, "91 81 a161 01"},
		{time.Unix(1, 0).UTC(), "91 b4 313937302d30312d30315430303a30303a30315a"},
		{point{1, 2}, "91 d5 28 0102"},
		{[]two{{1, 2}}, "91 91 82 a158 01 a159 02"}, // a struct within is a map
		{ptr(ptr("a")), "91 a161"},
	} {
		raw := scanned(t, unhex(t, tt.wire))
		got, err := values.AppendNotification(nil, "m", tt.args)
		if d := cmp.Diff("\x93\x02\xa1m"+string(raw), string(got)); d != "" || err != nil {
			t.Errorf("%T: %s %v", tt.args, d, err)
		}
		to := newLike(&tt.args) // a *any, made into a pointer to the type
		back := likeOf(tt.args)
		if err := values.DecodeParams(raw, back); err != nil || cmp.Diff(tt.args, deref(back), all) != "" {
			t.Errorf("%s into %T: %v %s", tt.wire, back, err, cmp.Diff(tt.args, deref(back), all))
		}
		if err := values.DecodeParams(raw, to); (err == nil) != (value.Count(raw) == 1) {
			t.Errorf("%s into any: %v", tt.wire, err)
		}
	}
	for _, raw := range [][]byte{nil, {0xc0}, {0x90}} {
		args := value.Args{5}
		if err := values.DecodeParams(raw, &args); err != nil || args == nil || len(args) != 0 || value.Count(raw) != 0 {
			t.Errorf("% x: %v, %v", raw, args, err)
		}
	}
	got, err := values.AppendNotification(nil, "m", nil)
	if d := diff([]byte("\x93\x02\xa1m\x90"), got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestParamsErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		wire string
		to   any
		want string
	}{
		{"90", new(two), "want 2 parameters (X, Y), got 0"},
		{"91 01", new(two), "want 2 parameters (X, Y), got 1"},
		{"93 01 02 03", new(two), "want 2 parameters (X, Y), got 3"},
		{"91 05", new(struct{}), "want no parameters, got 1"},
		{"91 05", new(nothingLeft), "want no parameters, got 1"},
		{"90", new(one), "want 1 parameter (X), got 0"},
		{"90", new(int), "want 1 parameter, got 0"},
		{"92 01 02", new(int), "want 1 parameter, got 2"},
		{"91 01", new(optional), "want 2 to 4 parameters (X, Y, [z], [W]), got 1"},
		{"95 01 02 03 04 05", new(optional), "want 2 to 4 parameters (X, Y, [z], [W]), got 5"},
		{"92 01 02", new(allOptional), "want 0 to 1 parameters ([x]), got 2"},
		{"91 01", new(middle), "want 2 parameters (x, y), got 1"},
		{"92 01 cd012c", new(struct {
			X int  `msgpack:"x"`
			Y int8 `msgpack:"y"`
		}), "parameter 2 (y): 300 does not fit int8"},
		{"91 cd012c", new(int8), "parameter 1: 300 does not fit int8"},
		{"91 93 01 02 cd012c", new([]int8), "parameter 1[2]: 300 does not fit int8"},
		{"92 c0 01", new(two), "parameter 1 (X): nil does not fit int"},
		{"91 81 a475736572 81 a474616773 94 a161 a162 a163 05", new(struct {
			P struct {
				User struct {
					Tags []string `msgpack:"tags"`
				} `msgpack:"user"`
			} `msgpack:"p"`
		}), "parameter 1 (p).user.tags[3]: 5 does not fit string"},
		{"92 01 81 9101 05", new(value.Args), "parameter 2: a list cannot be a map key in Go"},
		{"91 01", new(noneExported), "value_test.noneExported has no exported field to hold a parameter"},
		{"91 01", new(embedsPoint), "value_test.embedsPoint has no exported field to hold a parameter"},
		{"91 01", new(embedsPointer), "value_test.embedsPointer embeds the pointer *value_test.Inner, which cannot stand for parameters"},
		{"91 01", new(deepPointer), "value_test.embedsPointer embeds the pointer *value_test.Inner, which cannot stand for parameters"},
	} {
		if err := values.DecodeParams(scanned(t, unhex(t, tt.wire)), tt.to); errText(err) != tt.want {
			t.Errorf("%s into %T: %v, want %q", tt.wire, tt.to, err, tt.want)
		}
	}
	var x, y int
	if err := values.DecodeEach(unhex(t, "93 01 02 03"), &x, &y); errText(err) != "want 2 parameters, got 3" {
		t.Error(err)
	}
	if err := values.DecodeEach(nil); err != nil {
		t.Error(err)
	}
	if err := values.DecodeEach(unhex(t, "92 01 a161"), &x, &y); errText(err) != "parameter 2: text does not fit int" {
		t.Error(err)
	}
}

// TestKeywords shows parameters by name: a single map where several parameters
// are wanted.
func TestKeywords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ wire, want string }{
		{"91 82 a158 01 a159 02", ""},
		{"91 82 a179 02 a178 01", ""}, // in any case and order
		{"91 83 a158 01 a159 02 a17a c0", ""},
		{"91 83 a158 01 a159 02 a15a c0", ""},
		{"91 80", "want 2 to 4 parameters (X, Y, [z], [W]), got none named X"},
		{"91 81 a158 01", "want 2 to 4 parameters (X, Y, [z], [W]), got none named Y"},
		{"91 83 a158 01 a159 02 a171 03", "want 2 to 4 parameters (X, Y, [z], [W]), got one named q"},
		{"91 82 a158 01 a10a 02", `want 2 to 4 parameters (X, Y, [z], [W]), got one named "\n"`},
		{"91 83 a158 01 a159 02 a178 03", "parameter X is given twice"},
		{"91 82 a158 01 a159 c3", "parameter 2 (Y): true does not fit int"},
		{"91 82 c40158 01 a159 02", "want 2 to 4 parameters (X, Y, [z], [W]), got 1"},
		{"91 82 05 01 a159 02", "want 2 to 4 parameters (X, Y, [z], [W]), got 1"},
	} {
		got := optional{}
		err := values.DecodeParams(scanned(t, unhex(t, tt.wire)), &got)
		if errText(err) != tt.want || err == nil && got != (optional{X: 1, Y: 2}) {
			t.Errorf("%s: %+v, %v; want %q", tt.wire, got, err, tt.want)
		}
	}
	// An exact name goes before one in another case.
	var both struct {
		A int `msgpack:"a"`
		B int `msgpack:"A"`
	}
	if err := values.DecodeParams(unhex(t, "91 82 a141 01 a161 02"), &both); err != nil || both.A != 2 || both.B != 1 {
		t.Error(both, err)
	}
	// With one parameter a map is that parameter.
	var m struct{ X map[string]int }
	if err := values.DecodeParams(unhex(t, "91 81 a158 01"), &m); err != nil || m.X["X"] != 1 {
		t.Error(m, err)
	}
}

// Fields that must be left alone are named here once, so that linters see a use.
var _ = []any{skipping{private: 0}, noneExported{a: 0, b: 0}, Tagged{private: 0}, Numbered{number: number(0)}, AsArray{_msgpack: struct{}{}}}

// voidType is an empty struct that encodes itself, which makes it a parameter.
type voidType struct{}

func (voidType) EncodeMsgpack(e *msgpack.Encoder) error  { return e.EncodeString("nothing") }
func (*voidType) DecodeMsgpack(d *msgpack.Decoder) error { _, err := d.DecodeString(); return err }

func TestAnEmptyStructThatEncodesItselfIsAParameter(t *testing.T) {
	got, err := values.AppendNotification(nil, "m", voidType{})
	if want := "\x93\x02\xa1m\x91\xa7nothing"; err != nil || string(got) != want {
		t.Errorf("% x, %v, want % x", got, err, want)
	}
	if err := values.DecodeParams([]byte("\x91\xa7nothing"), new(voidType)); err != nil {
		t.Error(err)
	}
	if err := values.DecodeParams([]byte{0x90}, new(voidType)); errText(err) != "want 1 parameter, got 0" {
		t.Error(err)
	}
}

func TestParamsOfDescribesWhatATypeStandsFor(t *testing.T) {
	type args struct {
		X    int `msgpack:"x"`
		Name *string
		Last []byte `msgpack:",omitempty"`
	}
	ints, text, raw := reflect.TypeFor[int](), reflect.TypeFor[*string](), reflect.TypeFor[[]byte]()
	for _, tt := range []struct {
		of   reflect.Type
		want []value.Param
	}{
		{reflect.TypeFor[**args](), []value.Param{{"x", ints, false}, {"Name", text, false}, {"Last", raw, true}}},
		{ints, []value.Param{{"", ints, false}}},
		{reflect.TypeFor[struct{}](), []value.Param{}},
		{reflect.TypeFor[value.Args](), nil},
		{reflect.TypeFor[struct{ x int }](), nil},
	} {
		if got := value.ParamsOf(tt.of); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.of, got, tt.want)
		}
	}
}

func TestDecodeVariadicTakesTheRestAsASlice(t *testing.T) {
	for _, tt := range []struct{ raw, label, rest, want string }{
		{"92 a16e 05", "n", "[5]", ""},
		{"91 a16e", "n", "[]", ""},
		{"93 a16e 05 06", "n", "[5 6]", ""},
		{"90", "", "[]", "want at least 1 parameter, got 0"},
		{"92 05 05", "", "[]", "parameter 1: 5 does not fit string"},
		{"93 a16e 05 a178", "n", "[5 0]", "parameter 3: text does not fit int"},
	} {
		var label string
		var rest []int
		err := values.DecodeVariadic(scanned(t, unhex(t, tt.raw)), []any{&label}, &rest)
		if errText(err) != tt.want || label != tt.label || fmt.Sprint(rest) != tt.rest {
			t.Errorf("%s: %q %v, %v", tt.raw, label, rest, err)
		}
	}
	for _, rest := range []any{nil, new(int), []int{}} {
		if err := values.DecodeVariadic([]byte{0x90}, nil, rest); err == nil {
			t.Errorf("%T is accepted", rest)
		}
	}
	tight := value.Values{Limits: limits}
	tight.Limits.Decoded = 1 << 20
	err := tight.DecodeVariadic(append([]byte{0xdc, 0x10, 0}, make([]byte, 0x1000)...), nil, new([][1024]int8))
	var limit *wire.LimitError
	if !errors.As(err, &limit) {
		t.Errorf("4,096 arrays of 1 KiB under 1 MiB: %v", err)
	}
}
