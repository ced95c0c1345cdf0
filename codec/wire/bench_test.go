package wire_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// repeated is a stream that repeats one message; each Read returns at most piece
// bytes.
type repeated struct {
	message []byte
	piece   int
	pos     int
}

func (e *repeated) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), e.piece)], e.message[e.pos:])
	e.pos = (e.pos + n) % len(e.message)
	return n, nil
}

// perLoop is how long f takes: the best of many runs, as whatever else the
// machine does only makes it longer.
func perLoop(f func()) time.Duration {
	best := time.Duration(1 << 62)
	for range 50 {
		begin := time.Now()
		for range 20 {
			f()
		}
		best = min(best, time.Since(begin)/20)
	}
	return best
}

// BenchmarkReader cuts messages out of a stream. It reports how fast that is
// beside copy() of the same bytes (the goal is 0.3 for long texts) and beside
// vmihailenco's Skip, which finds the end of a value too (the goal is 5 for
// small integers).
func BenchmarkReader(b *testing.B) {
	for _, c := range []struct {
		name   string
		params []any
		piece  int
	}{
		{"message=sum/piece=all", []any{1, 2}, 1 << 30},
		{"message=text64KiB/piece=all", []any{strings.Repeat("x", 64<<10)}, 1 << 30},
		{"message=text64KiB/piece=100", []any{strings.Repeat("x", 64<<10)}, 100},
		{"message=ints10000/piece=all", make([]any, 10000), 1 << 30},
		{"message=ints10000/piece=100", make([]any, 10000), 100},
	} {
		for i, v := range c.params {
			if v == nil {
				c.params[i] = i % 100
			}
		}
		message, err := msgpack.Marshal([]any{0, 1, "sum", c.params})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			r := wire.NewReader(&repeated{message: message, piece: c.piece}, limits)
			next := func() {
				if frame, err := r.Next(); err != nil || len(frame) != len(message) {
					b.Fatalf("%d bytes, %v", len(frame), err)
				}
			}
			target := make([]byte, len(message))
			copying := perLoop(func() { copy(target, message) })
			in := bytes.NewReader(message)
			decoder := msgpack.NewDecoder(in)
			skipping := perLoop(func() {
				in.Reset(message)
				decoder.Reset(in)
				if err := decoder.Skip(); err != nil {
					b.Fatal(err)
				}
			})
			ours := perLoop(next)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
			b.ReportMetric(float64(copying)/float64(ours), "of-copy")
			b.ReportMetric(float64(skipping)/float64(ours), "x-skip")
		})
	}
}
