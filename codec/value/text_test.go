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

var errBad = errors.New("bad")

// TestRaw writes for peers from before 2013, which know neither str8 nor bin,
// also where a type writes its own bytes.
func TestRaw(t *testing.T) {
	t.Parallel()
	vs := value.Values{Limits: limits, Format: value.Format{Raw: true}}
	long, longer := strings.Repeat("a", 32), strings.Repeat("a", 300)
	for _, tt := range []struct {
		v    any
		want string
	}{
		{strings.Repeat("a", 31), "\xbf" + long[1:]},
		{long, "\xda\x00\x20" + long},
		{longer, "\xda\x01\x2c" + longer},
		{strings.Repeat("a", 70000), "\xdb\x00\x01\x11\x70" + strings.Repeat("a", 70000)},
		{[]byte("\xff"), "\xa1\xff"}, // bytes need not be UTF-8
		{[]byte(long), "\xda\x00\x20" + long},
		{map[string][]byte{"a": []byte(long)}, "\x81\xa1a\xda\x00\x20" + long},
		{[]any{long, []byte("b"), 5}, "\x93\xda\x00\x20" + long + "\xa1b\x05"},
		{msgpack.RawMessage("\xd9\x01a"), "\xa1a"},
		{msgpack.RawMessage("\xc4\x01a"), "\xa1a"},
		{textual{"a"}, "\xa1a"},
		{point{1, 2}, "\xd5\x28\x01\x02"}, // extensions stay
		{5, "\x05"},
	} {
		got, err := vs.AppendResult(nil, []byte{1}, tt.v)
		if d := diff("\x94\x01\x01\xc0"+tt.want, string(got)); d != "" || err != nil {
			t.Errorf("%T: %s %v", tt.v, d, err)
		}
	}
	// Without Raw a header stays as its type wrote it.
	got, err := values.AppendResult(nil, []byte{1}, msgpack.RawMessage("\xd9\x01a"))
	if d := diff("\x94\x01\x01\xc0\xd9\x01a", string(got)); d != "" || err != nil {
		t.Error(d, err)
	}
	got, err = vs.AppendRequest(nil, 1, long, nil, false)
	if d := diff("\x94\x00\x01\xda\x00\x20"+long+"\x90", string(got)); d != "" || err != nil {
		t.Error(d, err)
	}
}

// TestAsks shows the form of a method's name by which a client asks for
// pipelining, and that every format keeps it.
func TestAsks(t *testing.T) {
	t.Parallel()
	double := func(b []byte) ([]byte, error) { return append(bytes.Clone(b), b...), nil }
	for _, tt := range []struct {
		format value.Format
		want   string
	}{
		{value.Format{}, "\x00\x00\x00\x03sum\x91\xc4\x01a"},
		{value.Format{Raw: true}, "\x00\x00\x00\x03sum\x91\xa1a"},
		{value.Format{EncodeText: double}, "\x00\x00\x00\x06sumsum\x91\xc4\x01a"},
	} {
		vs := value.Values{Limits: limits, Format: tt.format}
		got, err := vs.AppendRequest([]byte("x"), 300, "sum", []byte("a"), true)
		if d := diff("x\x94\x00\xcd\x01\x2c\xdb"+tt.want, string(got)); d != "" || err != nil {
			t.Error(d, err)
		}
		if m, err := wire.Parse(got[1:]); err != nil || !m.Asks {
			t.Errorf("%+v, %v", m, err)
		}
	}
	// A name that needs this form asks for nothing.
	for n, want := range map[int]bool{65535: true, 65536: false} {
		got, err := values.AppendRequest(nil, 1, strings.Repeat("m", n), nil, true)
		if m, perr := wire.Parse(scanned(t, got)); err != nil || perr != nil || m.Asks != want {
			t.Errorf("%d bytes: asks %v, want %v", n, m.Asks, want)
		}
	}
	vs := value.Values{Limits: limits, Format: value.Format{EncodeText: func([]byte) ([]byte, error) { return nil, errBad }}}
	if _, err := vs.AppendRequest(nil, 1, "m", nil, true); !errors.Is(err, errBad) {
		t.Error(err)
	}
}

// TestEncodeText covers all text of a message, and nothing else.
func TestEncodeText(t *testing.T) {
	t.Parallel()
	vs := value.Values{Limits: limits, Format: value.Format{EncodeText: func(b []byte) ([]byte, error) {
		if bytes.Contains(b, []byte("!")) {
			return nil, errBad
		}
		return bytes.ToUpper(b), nil
	}}}
	got, err := vs.AppendRequest(nil, 1, "sum", value.Args{"a", []byte("b"), map[string]any{"k": upper{"V"}}, point{'x', 'y'}}, false)
	if d := diff("\x94\x00\x01\xa3SUM\x94\xa1A\xc4\x01b\x81\xa1K\xa1V\xd5\x28xy", string(got)); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, v := range []any{"!", []any{1, "!"}, map[string]int{"!": 1}} {
		_, errs := messages(t, &vs, v)
		for _, err := range errs {
			if !errors.Is(err, errBad) || !strings.Contains(err.Error(), "text cannot be encoded: bad") {
				t.Error(err)
			}
		}
	}
	if _, err := vs.AppendNotification(nil, "!", nil); !errors.Is(err, errBad) {
		t.Error(err)
	}
}

func TestMethodText(t *testing.T) {
	t.Parallel()
	var f value.Format
	if got, err := f.MethodText([]byte("sum")); got != "sum" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	f.DecodeText = func(b []byte) ([]byte, error) { return nil, errBad }
	if _, err := f.MethodText([]byte("sum")); errText(err) != "text cannot be decoded: bad" {
		t.Error(err)
	}
}
