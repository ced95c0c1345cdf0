package value_test

import (
	"strings"
	"testing"
)

type (
	endless  *endless
	endlessA *endlessB
	endlessB *endlessA
	LoopA    struct {
		*LoopB
		X int
	}
	LoopB      struct{ *LoopA }
	LoopInside struct {
		Y int
		Looped
	}
	named2 struct{ P endless } // only one field reaches it
	Broken struct {            // embeds itself, but as a field of its own
		*Broken `msgpack:",noinline"`
		N       int
	}
)

// TestEndless sends what vmihailenco recurses into without an end and without
// writing a byte, which would end the process.
func TestEndless(t *testing.T) {
	t.Parallel()
	var x any
	x = &x
	var y any = &x
	var p endless
	p = &p
	var a endlessA
	for _, tt := range []struct {
		v    any
		want string
	}{
		{x, "leads through more than 1000 pointers"},
		{&x, "leads through more than 1000 pointers"},
		{&y, "leads through more than 1000 pointers"},
		{p, "value_test.endless is a pointer to nothing but pointers"},
		{endless(nil), "value_test.endless is a pointer to nothing but pointers"},
		{a, "value_test.endlessA is a pointer to nothing but pointers"},
		{named2{}, "value_test.endless is a pointer to nothing but pointers"},
		{[]endless{}, "value_test.endless is a pointer to nothing but pointers"},
	} {
		_, errs := messages(t, &values, tt.v)
		for _, err := range errs {
			if !strings.Contains(errText(err), tt.want) {
				t.Errorf("%T: %v, want %q", tt.v, err, tt.want)
			}
		}
		if _, err := values.AppendNotification(nil, "m", tt.v); err == nil {
			t.Errorf("%T was sent", tt.v)
		}
	}
	// A struct that embeds itself has the fields that Go finds in it (F2).
	for _, tt := range []struct {
		v    any
		want string
	}{
		{Looped{N: 1}, "81 a14e 01"},
		{&Looped{&Looped{N: 2}, 1}, "81 a14e 01"},
		{LoopInside{Y: 1, Looped: Looped{N: 2}}, "82 a159 01 a14e 02"},
		{LoopA{X: 1}, "81 a158 01"},
		{&LoopA{&LoopB{&LoopA{X: 2}}, 1}, "81 a158 01"},
		{LoopB{}, "81 a158 c0"},
		{[]map[string]LoopB{}, "90"},
		{ptr(any(Looped{})), "81 a14e 00"},
	} {
		got, err := values.AppendResult(nil, []byte{1}, tt.v)
		if d := diff(unhex(t, "94 01 01 c0"+tt.want), got); d != "" || err != nil {
			t.Errorf("%T: %s %v", tt.v, d, err)
		}
	}
	got, err := values.AppendResult(nil, []byte{1}, Broken{&Broken{N: 2}, 1})
	if d := diff(unhex(t, "94 01 01 c0 82 a642726f6b656e 82 a642726f6b656e c0 a14e 02 a14e 01"), got); d != "" || err != nil {
		t.Error(d, err)
	}
}

// TestDecodeEndless decodes into the same types.
func TestDecodeEndless(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"05", "c0", "81 a158 05", "91 05", "d40161"} {
		b := scanned(t, unhex(t, raw))
		for _, to := range []any{new(endless), new(endlessA), new([1]endless), new(map[endless]int), new(Looped), new(LoopA), new(LoopInside)} {
			noPanic(t, to, values.DecodeResult(b, to))
			noPanic(t, to, values.DecodeParams(append([]byte{0x91}, b...), to))
			noPanic(t, to, values.DecodeEach(append([]byte{0x91}, b...), to))
		}
	}
	var p endless
	if err := values.DecodeResult([]byte{5}, &p); errText(err) != "5 does not fit value_test.endless" {
		t.Error(err)
	}
	if err := values.DecodeParams([]byte{0x91, 5}, &p); errText(err) != "value_test.endless is a pointer to nothing but pointers" {
		t.Error(err)
	}
	p = &p
	if err := values.DecodeParams([]byte{0x91, 5}, p); err == nil {
		t.Error("decoded")
	}
	var l LoopInside
	if err := values.DecodeResult(unhex(t, "82 a159 01 a14e 02"), &l); err != nil || l.Y != 1 || l.N != 2 {
		t.Error(l, err)
	}
}
