package wire_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// small limits are reached by small inputs.
var small = wire.Limits{Message: 200, Depth: 6, Elements: 64, Decoded: 4096}

// FuzzReader cuts a stream that arrives in pieces into messages and compares
// them with what the reference finds in the whole.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x94\x00\x01\xa3sum\x92\x01\x02\x93\x02\xa1m\x90"), uint16(3), false)
	f.Fuzz(func(t *testing.T, stream []byte, size uint16, large bool) {
		small := small
		if large { // messages for which a reader has to grow its buffer
			small.Message = 200_000
		}
		want, end := split(stream, small)
		var pieces chunks
		for rest := stream; len(rest) > 0; {
			n := min(1+int(size), len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		r := wire.NewReader(&pieces, small)
		partial := false
		r.Partial = func(on bool) {
			if on == partial {
				t.Error("Partial was called twice with", on)
			}
			partial = on
		}
		got, err := frames(r)
		if len(got) != len(want) {
			t.Fatalf("%d messages, want %d, %v", len(got), len(want), err)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("message %d: % x, want % x", i, got[i], want[i])
			}
		}
		// A claim may be refused where the reference still waits: it does not count
		// that each element takes at least one byte.
		if got := ending(err); got != end && (got != beyond || end != partly) {
			t.Errorf("%v, want outcome %d", err, end)
		}
		if rest := r.Unfinished(); end == partly && !bytes.HasSuffix(stream, rest) {
			t.Errorf("unfinished % x", rest)
		}
		if _, again := r.Next(); again.Error() != err.Error() {
			t.Errorf("%v, then %v", err, again)
		}
	})
}

func ending(err error) outcome {
	var le *wire.LimitError
	var fe *wire.FormatError
	switch {
	case err == io.EOF:
		return whole
	case err == io.ErrUnexpectedEOF:
		return partly
	case errors.As(err, &le):
		return beyond
	case errors.As(err, &fe):
		return invalid
	}
	return -1
}

// targets are the types that FuzzDecode decodes into, one of each kind.
func targets() []any {
	return []any{
		new(any), new(int8), new(uint64), new(float32), new(string), new([]byte), new([3]byte), new(bool),
		new([]any), new(map[string]int), new(map[any]any), new([2]int), new(time.Time), new(error), new(io.Reader),
		new(Recursive), new(Pointered), new(UnexportedPointer), new(Shadowed), new(Tagged), new(everyKind), new(upper), new(textual), new(point),
		new(named), new(generated), new(msgpack.RawMessage), new(*marshaler), new(map[[1]any]bool), new(chan int), new([]Pointered), new(**big64),
	}
}

type big64 struct{ A [64]int64 }

// FuzzDecode takes one value for every target. Nothing panics, and what was
// decoded into an any is the same after having been encoded and decoded again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x91, 0x05}, uint16(math.MaxUint16))
	f.Fuzz(func(t *testing.T, b []byte, decoded uint16) {
		small := small
		small.Decoded = int64(decoded)
		s := wire.Scanner{Limits: small}
		if n, err := s.Scan(b); n == 0 || n != len(b) || err != nil {
			return
		}
		vs := wire.Values{Limits: small, Format: wire.Format{TimeExt: true}}
		list := append([]byte{0x91}, b...)
		for _, to := range targets() {
			noPanic(t, to, vs.DecodeResult(b, to))
			noPanic(t, to, vs.DecodeParams(list, to))
			noPanic(t, to, vs.DecodeEach(list, to))
			noPanic(t, to, (&wire.Values{Limits: small, Format: wire.Format{DecodeText: rot}}).DecodeResult(b, to))
		}
		for _, to := range []any{new(two), new(optional), new(wire.Args), new(struct{}), new(flat)} {
			noPanic(t, to, vs.DecodeParams(list, to))
			if b[0]&0xf0 == 0x90 || b[0] == 0xc0 {
				noPanic(t, to, vs.DecodeParams(b, to))
			}
		}
		slow := wire.Values{Limits: small, Format: wire.Format{DecodeText: unchanged}} // see plain_test.go
		for _, target := range []any{two{}, optional{}, plainEach{}, 0, uint64(0), 0.0, false, "", []byte(nil)} {
			for _, raw := range [][]byte{b, list} {
				got, want := likeOf(target), likeOf(target)
				if raw[0]&0xf0 == 0x90 {
					agree(t, raw, got, want, vs.DecodeParams(raw, got), slow.DecodeParams(raw, want))
				}
				agree(t, raw, got, want, vs.DecodeResult(raw, got), slow.DecodeResult(raw, want))
			}
		}
		roundTrip(t, &vs, b)
	})
}

func agree(t *testing.T, raw []byte, got, want any, err, wantErr error) {
	t.Helper()
	if errText(err) != errText(wantErr) || diff(want, got) != "" {
		t.Fatalf("% x into %T: %v, %v\nwant %v, %v", raw, got, deref(got), err, deref(want), wantErr)
	}
}

func roundTrip(t *testing.T, vs *wire.Values, b []byte) {
	var v, again any
	if vs.DecodeResult(b, &v) != nil || oddKey(reflect.ValueOf(v)) {
		return
	}
	wide := wire.Values{Limits: limits, Format: vs.Format} // minimal forms are shorter, ext types of Go's own may not be
	out, err := wide.AppendResult(nil, []byte{1}, v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	if err := wide.DecodeResult(out[4:], &again); err != nil || diff(v, again) != "" {
		t.Fatalf("% x: %#v became %#v, %v", b, v, again, err)
	}
}

// oddKey reports whether a map in v has a key that does not survive: bytes sent
// as text, which a Go map has no other place for, NaN, and an extension type that
// is registered by pointer, which is equal to nothing but itself.
func oddKey(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return oddKey(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if oddKey(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			k := it.Key()
			for k.Kind() == reflect.Interface && !k.IsNil() {
				k = k.Elem()
			}
			if k.Kind() == reflect.Pointer || k.CanFloat() && math.IsNaN(k.Float()) || k.Kind() == reflect.String && !utf8.ValidString(k.String()) || oddKey(it.Value()) {
				return true
			}
		}
	}
	return false
}

func noPanic(t *testing.T, to any, err error) {
	t.Helper()
	var pe *wire.PanicError
	if errors.As(err, &pe) {
		t.Fatalf("%T: %v\n%s", to, err, pe.Stack)
	}
	if err != nil && err.Error() == "" {
		t.Errorf("%T: an error without text", to)
	}
}

// FuzzParse takes messages apart, whole and cut anywhere.
func FuzzParse(f *testing.F) {
	f.Add([]byte("\x94\x00\x01\xa3sum\x92\x01\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for end := range b {
			wire.ParseHead(b[:end]) // whatever it is: it is asked before a message is complete
		}
		s := wire.Scanner{Limits: small}
		if n, err := s.Scan(b); n == 0 || n != len(b) || err != nil {
			return
		}
		m, err := wire.Parse(b)
		if fe := (*wire.FormatError)(nil); err != nil && !errors.As(err, &fe) {
			t.Fatal(err)
		}
		checkHead(t, b, m, err)
		if err != nil || m.Problem != "" {
			return
		}
		if m.Params != nil && (wire.Count(m.Params) < 0 || wire.Count(m.Params) > small.Elements) {
			t.Error(wire.Count(m.Params))
		}
		if m.ID != nil {
			out, err := values.AppendError(nil, m.ID, "no")
			if want := append(append([]byte{0x94, 1}, m.ID...), "\xa2no\xc0"...); err != nil || !bytes.Equal(out, want) {
				t.Errorf("% x, want % x, %v", out, want, err)
			}
		}
	})
}
