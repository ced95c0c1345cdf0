package wire_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// limits are those of package codec.
var limits = wire.Limits{Message: 16 << 20, Depth: 128, Elements: 1_000_000, Decoded: 256 << 20}

// unhex turns hex into bytes. Spaces are left out, and so is everything from a
// "//" to the end of its line: hostile frames are spelled byte by byte.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "//")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scanned fails the test unless b is one complete value: nothing else may reach
// the decoding functions.
func scanned(t testing.TB, b []byte) []byte {
	t.Helper()
	s := wire.Scanner{Limits: limits}
	if n, err := s.Scan(b); n != len(b) || err != nil {
		t.Fatalf("% x is not one value: %d of %d bytes, %v", cut(b), n, len(b), err)
	}
	return b
}

func cut(b []byte) []byte { return b[:min(len(b), 64)] }

// errText is the text of an error, empty for none.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// frames reads a whole stream and returns copies of its messages.
func frames(r *wire.Reader) (all [][]byte, err error) {
	for {
		frame, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, bytes.Clone(frame))
	}
}

// chunks is a reader that hands out one piece with each call.
type chunks [][]byte

func (c *chunks) Read(p []byte) (int, error) {
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(p, (*c)[0])
	if (*c)[0] = (*c)[0][n:]; len((*c)[0]) == 0 {
		*c = (*c)[1:]
	}
	return n, nil
}
