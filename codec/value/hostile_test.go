package value_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// nested is a map within a map and so on, with one value at the bottom.
func nested(depth int, value []byte) []byte {
	return append(bytes.Repeat([]byte("\x81\xa1a"), depth), value...)
}

var deep = value.Values{Limits: wire.Limits{Message: 16 << 20, Depth: 30_000, Elements: 1_000_000, Decoded: 256 << 20}}

// TestDeepMaps has a million bytes at the bottom of 20,000 maps: to look at them
// once for each map takes minutes.
func TestDeepMaps(t *testing.T) {
	t.Parallel()
	const n = 900_000
	list := append([]byte{0xdd, 0, byte(n >> 16), byte(n >> 8 & 0xff), byte(n & 0xff)}, bytes.Repeat([]byte{0xc0}, n)...)
	var got any
	if err := deep.DecodeResult(nested(20_000, list), &got); err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		got = got.(map[string]any)["a"]
	}
	if list, ok := got.([]any); !ok || len(list) != n {
		t.Errorf("%T at the bottom", got)
	}
}

// TestDeepErrors has an error at the bottom: its path is bounded, and so is what
// it takes to make.
func TestDeepErrors(t *testing.T) { // not parallel: it measures the whole process
	raw := nested(20_000, unhex(t, "81 9101 01"))
	var got any
	var err error
	if n := allocated(func() { err = deep.DecodeResult(raw, &got) }); n > 32<<20 { // the maps alone take 7 MB
		t.Errorf("%d bytes allocated", n)
	}
	eight := strings.Repeat("[a]", 8)
	if want := eight + "..." + eight + ": a list cannot be a map key in Go"; errText(err) != want {
		t.Errorf("%.200s, want %s", errText(err), want)
	}
	var ve *value.ValueError
	if !errors.As(err, &ve) || ve.Path() != eight+"..."+eight {
		t.Errorf("%v", ve)
	}
	err = deep.DecodeEach(append([]byte{0x91}, nested(16, unhex(t, "81 9101 01"))...), &got)
	if want := "parameter 1" + eight + eight + ": a list cannot be a map key in Go"; errText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

type (
	keyType   string
	pairKey   [2]string
	wordy     struct{ S string }
	wordyMsgp int
)

func (keyType) String() string { panic("not called") }

func (*wordy) UnmarshalText(b []byte) error                    { return fmt.Errorf("%s is bad", b) }
func (*wordyMsgp) UnmarshalMsg(b []byte) (_ []byte, err error) { return b, fmt.Errorf("%s is bad", b) }

// TestBoundedErrors sends long and unreadable text to everything that would like
// to repeat it.
func TestBoundedErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\x1b\xff", 32<<10)
	text := append([]byte{0xdb, 0, 1, 0, 0}, long...)
	valid := append([]byte{0xdb, 0, 1, 0x80, 0}, strings.Repeat("\x1bé", 32<<10)...) // D3: a key must be
	key := append(append([]byte{0x81}, valid...), 0xc3)
	pair := append(append(append([]byte{0x81, 0x92}, valid...), valid...), 0xc3)
	for _, tt := range []struct {
		raw []byte
		to  any
		all bool // printable as well
	}{
		{key, new(map[string]int), true},
		{key, new(map[keyType]int), true},
		{key, new(map[any]int), true},
		{pair, new(map[pairKey]int), true},
		{text, new(wordy), false},
		{append([]byte{0xdb, 0, 1, 0, 0}, strings.Repeat("x", 1<<16)...), new(big.Int), true},
		{text, new(wordyMsgp), false},
	} {
		var ve *value.ValueError
		err := values.DecodeResult(scanned(t, tt.raw), tt.to)
		if !errors.As(err, &ve) || len(err.Error()) > 400 || !strings.Contains(err.Error(), "...") || !utf8.ValidString(err.Error()) {
			t.Errorf("%T: %d bytes: %.500q", tt.to, len(errText(err)), errText(err))
		}
		if tt.all && strings.Contains(errText(err), "\x1b") {
			t.Errorf("%T: %.500q", tt.to, errText(err))
		}
	}
	vs := value.Values{Limits: limits, Format: value.Format{DecodeText: func(b []byte) ([]byte, error) { return nil, fmt.Errorf("%s", b) }}}
	for _, to := range []any{new(any), new(string), new(wordy)} {
		if err := vs.DecodeResult(text, to); err == nil || len(err.Error()) > 210 {
			t.Errorf("%T: %d bytes", to, len(errText(err)))
		}
	}
}

// TestDecodedTotal measures what the small values that cost most beside their
// bytes really take in an any: about as much as was allowed, or less.
func TestDecodedTotal(t *testing.T) { // not parallel: it measures the whole process
	const n = 60_000
	for _, one := range []string{"80", "90", "a161", "a1ff", "c400", "05", "cd 1234", "cb 3ff8000000000000", "d6ff 00000001",
		"81 a0 c0", "81 05 c0", "82 a0 c0 05 c0", "89 a0c0 a161c0 a162c0 a163c0 a164c0 a165c0 a166c0 a167c0 a168c0", "91 c0", "81 a0 80"} {
		raw := append([]byte{0xdd, 0, 0, n >> 8, n & 0xff}, bytes.Repeat(unhex(t, one), n)...)
		for limit := int64(1 << 16); limit <= 128<<20; limit *= 2 {
			vs := value.Values{Limits: limits}
			vs.Limits.Decoded = limit
			var to any
			var err error
			got := allocated(func() { err = vs.DecodeResult(raw, &to) })
			if err != nil && limitName(err) != "MaxDecoded" {
				t.Fatal(err)
			}
			if got > uint64(limit)*3/2 {
				t.Errorf("%s: %d bytes allocated, %d allowed, %v", one, got, limit, err)
			}
		}
	}
}

// TestNames finds fields whatever their case, as strings.EqualFold would.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"Size": 1, "size": 2, "SIZE": 1, "ſize": 1, "sizé": 0, "STRAßE": 3, "\xff": 0} {
		to := struct {
			Size  int
			Small int `msgpack:"size"`
			Road  int `msgpack:"straße"`
		}{}
		raw := append(append([]byte{0x81, 0xa0 | byte(len(name))}, name...), 0x07)
		if err := values.DecodeResult(scanned(t, raw), &to); err != nil {
			t.Fatal(err)
		}
		if got := []int{to.Size, to.Small, to.Road}; want > 0 && got[want-1] != 7 || want == 0 && got[0]+got[1]+got[2] != 0 {
			t.Errorf("%q: %v", name, got)
		}
	}
}
