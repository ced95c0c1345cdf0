package value_test

import (
	"errors"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
)

// TestAny shows what each kind of value becomes where Go's type says nothing,
// and that it can be sent on unchanged.
func TestAny(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  string
		want any
	}{
		{"c0", nil},
		{"c2", false},
		{"c3", true},
		{"05", int64(5)},
		{"d3 ffffffffffffffff", int64(-1)},
		{"cf 7fffffffffffffff", int64(1<<63 - 1)},
		{"cf 8000000000000000", uint64(1 << 63)},
		{"ca 3fc00000", 1.5},
		{"cb 3ff8000000000000", 1.5},
		{"a3 e697a5", "日"},
		{"a0", ""},
		{"a2 c328", []byte{0xc3, 0x28}}, // an old peer's bytes: no valid UTF-8
		{"c4 03 e697a5", []byte("日")},
		{"c4 00", []byte{}},
		{"90", []any{}},
		{"92 01 91 a161", []any{int64(1), []any{"a"}}},
		{"80", map[string]any{}},
		{"82 a161 01 a162 c0", map[string]any{"a": int64(1), "b": nil}},
		{"82 a161 01 a161 02", map[string]any{"a": int64(2)}},
		{"82 a161 01 05 02", map[any]any{"a": int64(1), int64(5): int64(2)}},
		{"83 a161 01 05 02 a161 03", map[any]any{"a": int64(3), int64(5): int64(2)}},
		{"83 c0 01 c3 02 cb3ff8000000000000 03", map[any]any{nil: int64(1), true: int64(2), 1.5: int64(3)}},
		{"81 d6ff00000001 01", map[any]any{time.Unix(1, 0).UTC(): int64(1)}},
		{"81 cf8000000000000000 80", map[any]any{uint64(1 << 63): map[string]any{}}},
		{"d4 01 61", msgpack.RawMessage{0xd4, 1, 0x61}},
		{"91 c7 03 05 010203", []any{msgpack.RawMessage{0xc7, 3, 5, 1, 2, 3}}},
		{"d6 ff 00000001", time.Unix(1, 0).UTC()},
	} {
		var got any
		raw := scanned(t, unhex(t, tt.raw))
		if err := values.DecodeResult(raw, &got); err != nil || diff(tt.want, got) != "" {
			t.Errorf("%s: %v %s", tt.raw, err, diff(tt.want, got))
		}
		vs := value.Values{Limits: limits, Format: value.Format{TimeExt: true}}
		b, err := vs.AppendResult(nil, []byte{1}, got)
		if err != nil {
			t.Fatal(err)
		}
		var again any
		if err := vs.DecodeResult(b[4:], &again); err != nil || diff(got, again) != "" {
			t.Errorf("%s: sent on as % x: %v %s", tt.raw, b[4:], err, diff(got, again))
		}
	}
}

// TestAnyOddKeys has keys in text that is not UTF-8: strings, whatever the other
// keys are, since []byte could be no key. They cannot be sent on.
func TestAnyOddKeys(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]any{
		"81 a1ff 01":       map[string]any{"\xff": int64(1)},
		"82 05 01 a1ff 02": map[any]any{int64(5): int64(1), "\xff": int64(2)},
		"82 a1ff 02 05 01": map[any]any{int64(5): int64(1), "\xff": int64(2)},
	} {
		var got any
		if err := values.DecodeResult(scanned(t, unhex(t, raw)), &got); err != nil || diff(want, got) != "" {
			t.Errorf("%s: %v %s", raw, err, diff(want, got))
		}
	}
}

func TestAnyErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, want string }{
		{"81 9101 01", "a list cannot be a map key in Go"},
		{"81 80 01", "a map cannot be a map key in Go"},
		{"81 81c001 01", "a map cannot be a map key in Go"},
		{"81 c40161 01", "bytes cannot be a map key in Go"},
		{"81 d40161 01", "an extension cannot be a map key in Go"},
		{"81 d42a61 01", "value_test.bag cannot be a map key in Go"},
		{"91 81 a161 81 9101 01", `[0][a]: a list cannot be a map key in Go`},
		{"81 05 81 9101 01", `[5]: a list cannot be a map key in Go`},
		{"81 05 81 05 81 9101 01", `[5][5]: a list cannot be a map key in Go`},
		{"81 81 9101 01 05", "a list cannot be a map key in Go"},
		{"81 a26120 c7 05 ff 0000000000", `[a ]: timestamp of 5 bytes`},
		{"d7 ff ffffffffffffffff", "timestamp of 1073741823 nanoseconds"},
	} {
		var got any
		err := values.DecodeResult(scanned(t, unhex(t, tt.raw)), &got)
		var ve *value.ValueError
		if !errors.As(err, &ve) || err.Error() != tt.want || got != nil {
			t.Errorf("%s: %v, %v; want %q", tt.raw, got, err, tt.want)
		}
	}
}

// TestAnyText shows a peer with an encoding of its own, whose text is decoded
// before it is looked at.
func TestAnyText(t *testing.T) {
	t.Parallel()
	vs := value.Values{Limits: limits, Format: value.Format{DecodeText: rot}}
	var got any
	raw := unhex(t, "82 a162 a163 a2 c400 c4 01 62") // {"b": "c", "\xc4\x00": b"b"}
	if err := vs.DecodeResult(scanned(t, raw), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": "b", "\xc3\xff": []byte("b")}
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
	for _, raw := range []string{"a1 00", "91 a100", "81 a100 c0", "81 a162 a100", "82 c0 c0 a100 c0"} {
		if err := vs.DecodeResult(scanned(t, unhex(t, raw)), &got); err == nil {
			t.Errorf("%s: %v, want an error", raw, got)
		}
	}
}

// rot decodes by counting down each byte, and refuses the byte 0 in a text of one.
func rot(b []byte) ([]byte, error) {
	if string(b) == "\x00" {
		return nil, errBad
	}
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c - 1
	}
	return out, nil
}

// TestDecodedLimit goes exactly to the limit of decoded size, and one beyond,
// for everything that is charged.
func TestDecodedLimit(t *testing.T) {
	t.Parallel()
	type big struct{ A [72]int64 } // 576 bytes
	for _, tt := range []struct {
		raw  string
		to   any
		size int64
	}{
		{"93 80 80 80", new([]big), 3 * 576},
		{"93 01 02 03", new([]int64), 24},
		{"93 01 02 03", new([]any), 48 + 24},
		{"93 01 02 03", new(any), 24 + 48 + 24},
		{"93 01 02 03", new(value.Args), 48 + 24},
		{"93 c0 c2 c3", new(value.Args), 48},
		{"cb 0000000000000000", new(any), 8},
		{"d6 ff 00000001", new(any), 24},
		{"a2 6e6f", new(error), 16 + 2},
		{"a3 616263", new(string), 3},
		{"a3 616263", new(any), 16 + 3},
		{"a2 61ff", new(any), 24 + 2},
		{"c403 616263", new([]byte), 3},
		{"c403 616263", new(any), 24 + 3},
		{"d402 61", new(any), 24 + 3},
		{"a3 616263", new(upper), 4}, // its own bytes
		{"80", new(map[string]int64), 48},
		{"80", new(any), 48},
		{"81 a161 01", new(map[string]int64), 48 + 8*25 + 1},
		{"81 01 01", new(map[int64]int64), 48 + 8*17},
		{"89 010102020303040405050606070708080909", new(map[int64]int64), 48 + 16*17},
		{"81 01 80", new(map[int64]big), 48 + 8*17 + 576}, // with a pointer to it
		{"81 a161 01", new(any), 48 + 8*33 + 1 + 8},
		{"81 01 01", new(any), 48 + 8*33 + 8 + 8},
		{"82 a161 c0 01 c0", new(any), 2*(48+8*33) + 1 + 16 + 8}, // both kinds of map
		{"80", new(*big), 576},
		{"81 a141 01", new(struct{ *Embedded }), 8},
		{"93 93010101 93010101 93010101", new([][]int8), 3*24 + 9},
	} {
		raw := scanned(t, unhex(t, tt.raw))
		for _, short := range []int64{0, 1} {
			vs := value.Values{Limits: limits}
			vs.Limits.Decoded = tt.size - short
			err := vs.DecodeResult(raw, tt.to)
			if args, is := tt.to.(*value.Args); is {
				err = vs.DecodeParams(raw, args)
			}
			if want := []string{"", "MaxDecoded"}[short]; limitName(err) != want {
				t.Errorf("%s into %T with %d: %v, want %q", tt.raw, tt.to, vs.Limits.Decoded, err, want)
			}
			if p, is := tt.to.(*struct{ *Embedded }); is {
				p.Embedded = nil
			}
			if p, is := tt.to.(**big); is {
				*p = nil
			}
		}
	}
}

type Embedded struct{ A int64 }

// TestDecodedMemory is the message for which that limit exists: 1 MB of empty
// maps for a slice of large structs, 550 MB in Go.
func TestDecodedMemory(t *testing.T) { // not parallel: it measures the whole process
	const n = 999_000
	raw := append([]byte{0xdd, byte(n >> 24), byte(n >> 16 & 0xff), byte(n >> 8 & 0xff), byte(n & 0xff)}, make([]byte, n)...)
	for i := range n {
		raw[5+i] = 0x80
	}
	var to []struct{ A [72]int64 }
	var err error
	got := allocated(func() { err = values.DecodeResult(scanned(t, raw), &to) })
	if limitName(err) != "MaxDecoded" || got > 1<<20 {
		t.Errorf("%d bytes allocated, %v", got, err)
	}
}
