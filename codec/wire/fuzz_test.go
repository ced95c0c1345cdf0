package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

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
		if m.Params != nil && wire.KindOf(m.Params[0]) != wire.KindArray {
			t.Errorf("% x", m.Params)
		}
		if m.ID != nil {
			if out, want := wire.AppendResponse(nil, m.ID), append([]byte{0x94, 1}, m.ID...); !bytes.Equal(out, want) {
				t.Errorf("% x, want % x", out, want)
			}
		}
	})
}
