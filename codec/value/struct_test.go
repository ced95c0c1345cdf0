package value_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
)

type (
	Inner  struct{ A, B int }
	hidden struct{ C, D int }
	Tagged struct {
		Name    string `msgpack:"name"`
		Skipped int    `msgpack:"-"`
		Alias   int    `msgpack:"new,alias:old"`
		private int
	}
	Inlined   struct{ Inner }
	Pointered struct {
		*Inner
		E int
	}
	number   int
	Numbered struct {
		number
		A int
	} // no field for an embedded type that is not exported
	Unexported        struct{ hidden }
	UnexportedPointer struct{ *hidden }
	NotInlined        struct {
		Inner `msgpack:",noinline"`
	}
	Shadowed struct { // A is taken, so Inner stays a field of its own
		A int
		Inner
	}
	Forced struct { // and here only B comes from Inner
		A     int
		Inner `msgpack:",inline"`
	}
	Recursive struct {
		Left, Right *Recursive
		List        []Recursive
		Map         map[string]Recursive
		N           int
	}
	Looped struct { // embeds what embeds it
		*Looped
		N int
	}
	AsArray struct {
		_msgpack struct{} `msgpack:",as_array"`
		A, B     int
	}
	HasSelf struct {
		upper
		N int
	}
)

func TestStruct(t *testing.T) {
	t.Parallel()
	inner := Inner{1, 2}
	for _, tt := range []struct {
		raw  string
		want any // and the type to decode into
	}{
		{"82 a141 01 a142 02", &Inner{1, 2}},
		{"81 a142 02", &Inner{0, 2}},
		{"82 a161 01 a162 02", &Inner{1, 2}}, // Python writes lower case
		{"82 a161 05 a141 01", &Inner{1, 0}},
		{"82 c40141 01 c40142 02", &Inner{1, 2}},   // keys as bytes
		{"83 05 01 a141 01 90 02", &Inner{1, 0}},   // keys that are no text
		{"82 a17a 93010203 a141 01", &Inner{1, 0}}, // unknown keys
		{"80", &Inner{}},
		{"92 01 02", &Inner{1, 2}}, // by position
		{"92 01 02", &AsArray{A: 1, B: 2}},
		{"81 a46e616d65 a178", &Tagged{Name: "x"}},
		{"81 a44e616d65 a178", &Tagged{Name: "x"}},
		{"81 a7536b6970706564 05", &Tagged{}},
		{"81 a770726976617465 05", &Tagged{}},
		{"81 a12d 05", &Tagged{}},
		{"81 a36e6577 05", &Tagged{Alias: 5}},
		{"81 a36f6c64 05", &Tagged{Alias: 5}},
		{"81 a5416c696173 05", &Tagged{}},
		{"82 a141 01 a142 02", &Inlined{Inner{1, 2}}},
		{"92 01 02", &Inlined{Inner{1, 2}}},
		{"82 a141 01 a145 05", &Pointered{&Inner{1, 0}, 5}},
		{"81 a145 05", &Pointered{nil, 5}},
		{"83 a141 c0 a142 c0 a145 05", &Pointered{nil, 5}}, // as a nil one is written
		{"81 a143 03", &Unexported{hidden{3, 0}}},
		{"81 a143 c0", &UnexportedPointer{}},
		{"82 a66e756d626572 05 a141 01", &Numbered{A: 1}},
		{"81 a5496e6e6572 82 a141 01 a142 02", &NotInlined{inner}},
		{"82 a141 05 a5496e6e6572 81 a141 01", &Shadowed{5, Inner{1, 0}}},
		{"82 a141 05 a142 02", &Forced{5, Inner{0, 2}}},
		{"82 a14e 05 a16e 06", &Looped{N: 6}},
		{"82 a14e 01 a44c656674 82 a14e 02 a34d6170 81 a16b 81 a44c697374 91 81 a14e 03",
			&Recursive{N: 1, Left: &Recursive{N: 2, Map: map[string]Recursive{"k": {List: []Recursive{{N: 3}}}}}}},
	} {
		raw := scanned(t, unhex(t, tt.raw))
		got := newLike(tt.want)
		if err := values.DecodeResult(raw, got); err != nil {
			t.Errorf("%s into %T: %v", tt.raw, got, err)
		}
		if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(Tagged{}, Unexported{}, UnexportedPointer{}, hidden{}, AsArray{}, Numbered{})); d != "" {
			t.Errorf("%s into %T: %s", tt.raw, got, d)
		}
	}
}

// TestStructAsVmihailenco shows that both find the same fields: what it writes
// for a struct is what is read here.
func TestStructAsVmihailenco(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		&Inner{1, 2}, &Tagged{Name: "x", Alias: 3}, &Inlined{Inner{1, 2}}, &Pointered{&Inner{1, 2}, 3}, &Pointered{nil, 3},
		&Unexported{hidden{1, 2}}, &UnexportedPointer{}, &NotInlined{Inner{1, 2}}, &Shadowed{3, Inner{1, 2}}, &Forced{3, Inner{0, 2}},
		&AsArray{A: 1, B: 2},
	} {
		b, err := msgpack.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got := newLike(v)
		if err := values.DecodeResult(scanned(t, b), got); err != nil {
			t.Errorf("%T: %v", v, err)
		}
		if d := cmp.Diff(v, got, cmp.AllowUnexported(Tagged{}, Unexported{}, UnexportedPointer{}, hidden{}, AsArray{}, Numbered{})); d != "" {
			t.Errorf("%T: %s", v, d)
		}
	}
}

func TestStructErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  string
		to   any
		want string
	}{
		{"05", new(Inner), "5 does not fit value_test.Inner"},
		{"91 01", new(Inner), "a list of 1 does not fit value_test.Inner, which has 2 fields"},
		{"93 01 02 03", new(Inner), "a list of 3 does not fit value_test.Inner, which has 2 fields"},
		{"92 01 a178", new(Inner), ".B: text does not fit int"},
		{"81 a141 a178", new(Inner), ".A: text does not fit int"},
		{"81 a161 a178", new(Inner), ".A: text does not fit int"},
		{"81 a46e616d65 05", new(Tagged), ".name: 5 does not fit string"},
		{"81 a143 03", new(UnexportedPointer), ".C: *value_test.hidden is embedded, not exported and nil"},
		{"81 a14e 05", new(HasSelf), "msgpack: invalid code=81 decoding string/bytes length"}, // upper's methods are its own
		{"81 a34d6170 81 a16b 81 a44c697374 92 80 81 a14e c3", new(Recursive), ".Map[k].List[1].N: true does not fit int"},
	} {
		err := values.DecodeResult(scanned(t, unhex(t, tt.raw)), tt.to)
		if errText(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.raw, err, tt.want)
		}
	}
}
