package value_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// messages builds the same values into each kind of message, behind some bytes
// that were there before, and checks that an error leaves those as they were.
func messages(t *testing.T, vs *value.Values, v any) (all [][]byte, errs []error) {
	t.Helper()
	before := append(make([]byte, 0, 1024), "before"...)
	for name, build := range map[string]func() ([]byte, error){
		"request":      func() ([]byte, error) { return vs.AppendRequest(before, 7, "m", value.Args{v}, false) },
		"asks":         func() ([]byte, error) { return vs.AppendRequest(before, 7, "m", value.Args{1, v}, true) },
		"notification": func() ([]byte, error) { return vs.AppendNotification(before, "m", struct{ V any }{v}) },
		"result":       func() ([]byte, error) { return vs.AppendResult(before, []byte{7}, v) },
		"error":        func() ([]byte, error) { return vs.AppendError(before, []byte{7}, v) },
	} {
		b, err := build()
		if err != nil && string(b) != "before" {
			t.Errorf("%s: error %v, and % x", name, err, b)
		}
		if err == nil {
			all = append(all, scanned(t, bytes.TrimPrefix(b, before)))
		}
		errs = append(errs, err)
	}
	return all, errs
}

// TestUnsendable goes through values that must not reach the wire.
func TestUnsendable(t *testing.T) {
	t.Parallel()
	const utf = "text is not valid UTF-8; use []byte for bytes"
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"text", "\xff", utf},
		{"text within", []any{1, map[string][]string{"a": {"b", "\xff"}}}, utf},
		{"key", map[string]int{"\xff": 1}, utf},
		{"field", struct{ A string }{"\xff"}, utf},
		{"surrogate", "\xed\xa0\x80", utf},
		{"error", struct{ E error }{errors.New("\xff")}, utf},
		{"raw text", msgpack.RawMessage("\xa1\xff"), utf},
		{"text of its own", upper{"\xff"}, ""}, // strings.ToLower mends it
		{"text by MarshalMsgpack", marshaler{[]byte("\xa1\xff")}, utf},
		{"garbage", msgpack.RawMessage{0xc1}, "byte 0xc1 is not MessagePack"},
		{"two values", msgpack.RawMessage{1, 2}, "a value encodes itself to something else than one MessagePack value"},
		{"none", msgpack.RawMessage{}, "a value encodes itself to something else than one MessagePack value"},
		{"half", msgpack.RawMessage{0xa5, 'a'}, "a value encodes itself to something else than one MessagePack value"},
		{"bad time", msgpack.RawMessage{0xd5, 0xff, 0, 0}, "timestamp of 2 bytes"},
		{"channel", make(chan int), "unsupported chan int"},
		{"function", func() {}, "unsupported func()"},
		{"complex", complex(1, 2), "unsupported complex128"},
		{"uintptr", uintptr(5), "unsupported uintptr"},
		{"uintptr within", map[string][]struct{ U *uintptr }{}, "unsupported uintptr"},
		{"channel within", []any{struct{ C chan int }{make(chan int)}}, "unsupported chan int"},
		{"own error", failing{}, "cannot"},
		{"own panic", bomb{}, "panic: boom"},
		{"pointer methods in a map", map[string]pointerOnly{"a": {}}, ""}, // F6
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, errs := messages(t, &values, tt.v)
			for _, err := range errs {
				if (err == nil) != (tt.want == "") || !strings.Contains(errText(err), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
			}
		})
	}
	for _, asks := range []bool{true, false} {
		if b, err := values.AppendRequest(nil, 1, "\xff", nil, asks); errText(err) != utf || b != nil {
			t.Errorf("method: % x, %v", b, err)
		}
	}
}

func TestParamsUnsendable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args any
		want string
	}{
		{(*two)(nil), "nil *value_test.two as parameters"},
		{(*value.Args)(nil), "nil *value.Args as parameters"},
		{noneExported{}, "value_test.noneExported has no exported field to hold a parameter"},
		{embedsPointer{}, "value_test.embedsPointer embeds the pointer *value_test.Inner, which cannot stand for parameters"},
		{struct {
			A int
			B chan int
		}{}, "parameter 2 (B): unsupported chan int"},
		{value.Args{1, make(chan int)}, "parameter 2: unsupported chan int"},
		{make(chan int), "parameter 1: unsupported chan int"},
	} {
		if _, err := values.AppendNotification(nil, "m", tt.args); errText(err) != tt.want {
			t.Errorf("%T: %v, want %q", tt.args, err, tt.want)
		}
	}
	// A nil pointer to what is one parameter is nil.
	got, err := values.AppendNotification(nil, "m", (*int)(nil))
	if d := diff([]byte("\x93\x02\xa1m\x91\xc0"), got); d != "" || err != nil {
		t.Error(d, err)
	}
}

// TestResults shows the results that look special.
func TestResults(t *testing.T) {
	t.Parallel()
	x := ptr(5)
	for _, tt := range []struct {
		v    any
		wire string
	}{
		{nil, "c0"},
		{struct{}{}, "c0"},
		{&struct{}{}, "c0"},
		{(*two)(nil), "c0"},
		{[]byte(nil), "c0"},
		{[]int(nil), "c0"},
		{two{1, 2}, "82 a158 01 a159 02"},
		{&two{1, 2}, "82 a158 01 a159 02"},
		{generatedStruct{1, 2}, "82 a158 01 a159 02"},
		{&x, "05"},
		{[]struct{}{{}}, "91 80"}, // only as a whole result
		{ptr(any(nil)), "c0"},
		{ptr(any("a")), "a161"},
		{[2]byte{1, 2}, "c402 0102"},
		{struct{ E error }{errBad}, "81 a145 a3 626164"},
	} {
		got, err := values.AppendResult(nil, []byte{1}, tt.v)
		if d := diff(string("\x94\x01\x01\xc0")+string(unhex(t, tt.wire)), string(got)); d != "" || err != nil {
			t.Errorf("%T: %s %v", tt.v, d, err)
		}
	}
}

// TestSendLimits goes exactly to each limit when sending, and one beyond it.
func TestSendLimits(t *testing.T) {
	t.Parallel()
	small := wire.Limits{Message: 9000, Depth: 4, Elements: 6000, Decoded: 1}
	// The result stands within the message's array of four.
	for _, tt := range []struct {
		name string
		v    any
		want string
	}{
		{"9000 bytes", strings.Repeat("a", 9000-4-3), ""},
		{"9001 bytes", strings.Repeat("a", 9001-4-3), "MaxMessage"},
		{"depth 4", [][][]int{{{1}}}, ""},
		{"depth 5", [][][][]int{{{{1}}}}, "MaxDepth"},
		{"depth 5, empty", [][][][]int{{{{}}}}, "MaxDepth"},
		{"6000 elements", make([]bool, 6000-4), ""},
		{"6001 elements", make([]bool, 6001-4), "MaxElements"},
	} {
		vs := value.Values{Limits: small}
		before := make([]byte, 5000) // other messages in the same buffer do not count
		if _, err := vs.AppendResult(before, []byte{1}, tt.v); limitName(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	// What the format adds counts too.
	vs := value.Values{Limits: small, Format: value.Format{EncodeText: func(b []byte) ([]byte, error) { return append(b, b...), nil }}}
	if _, err := vs.AppendResult(nil, []byte{1}, strings.Repeat("a", 5000)); limitName(err) != "MaxMessage" {
		t.Error(err)
	}
}

// TestCycles sends values that contain themselves: the encoder's recursion would
// overflow the stack, which ends the process.
func TestCycles(t *testing.T) {
	t.Parallel()
	type node struct {
		Next *node
		Name string
	}
	n := &node{Name: "n"}
	n.Next = n
	m := map[string]any{}
	m["m"] = m
	s := []any{nil}
	s[0] = s
	u := map[any]any{}
	u[1] = []any{u}
	type tree struct{ Kids []*tree }
	tr := &tree{}
	tr.Kids = []*tree{tr, tr, tr}
	for _, v := range []any{n, *n, m, s, u, tr, []any{s, m}} {
		all, errs := messages(t, &values, v)
		for _, err := range errs {
			if limitName(err) != "MaxDepth" {
				t.Errorf("%T: %v", v, err)
			}
		}
		if len(all) != 0 {
			t.Errorf("%T was sent", v)
		}
	}
}
