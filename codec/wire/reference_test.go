package wire_test

import (
	"encoding/binary"
	"math"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// The reference is a second implementation of framing, written from the
// MessagePack specification alone: recursive, over complete bytes, without any
// table, slow and plain. Fuzzing compares it with Scanner.

// outcome of a value: its size, or why it has none.
type outcome int

const (
	whole outcome = iota
	partly
	invalid
	beyond // a limit
)

type reference struct {
	b        []byte
	limits   wire.Limits
	pos      int
	elements int
}

// value walks over one value at a depth.
func (r *reference) value(depth int) outcome {
	if r.pos >= r.limits.Message && r.pos < len(r.b) {
		return beyond
	}
	c, ok := r.take(1)
	if !ok {
		return partly
	}
	switch x := c[0]; {
	case x <= 0x7f, x >= 0xe0, x == 0xc0, x == 0xc2, x == 0xc3:
		return whole
	case x == 0xc1:
		return invalid
	case x <= 0x8f:
		return r.container(2*uint64(x&0x0f), depth)
	case x <= 0x9f:
		return r.container(uint64(x&0x0f), depth)
	case x <= 0xbf:
		return r.payload(uint64(x & 0x1f))
	case x <= 0xc6:
		return r.sized(1<<(x-0xc4), r.payload)
	case x <= 0xc9:
		return r.sized(1<<(x-0xc7), func(n uint64) outcome { return r.payload(n + 1) })
	case x <= 0xcb:
		return r.payload(4 << (x - 0xca))
	case x <= 0xcf:
		return r.payload(1 << (x - 0xcc))
	case x <= 0xd3:
		return r.payload(1 << (x - 0xd0))
	case x <= 0xd8:
		return r.payload(1<<(x-0xd4) + 1)
	case x <= 0xdb:
		return r.sized(1<<(x-0xd9), r.payload)
	case x <= 0xdd:
		return r.sized(2<<(x-0xdc), func(n uint64) outcome { return r.container(n, depth) })
	default:
		return r.sized(2<<(x-0xde), func(n uint64) outcome { return r.container(2*n, depth) })
	}
}

func (r *reference) take(n int) ([]byte, bool) {
	if n > len(r.b)-r.pos {
		return nil, false
	}
	r.pos += n
	return r.b[r.pos-n : r.pos], true
}

func (r *reference) sized(width int, then func(uint64) outcome) outcome {
	size, ok := r.take(width)
	if !ok {
		return partly
	}
	var full [8]byte
	copy(full[8-width:], size)
	return then(binary.BigEndian.Uint64(full[:]))
}

func (r *reference) payload(n uint64) outcome {
	if n > math.MaxInt32 || r.pos+int(n) > r.limits.Message {
		return beyond
	}
	if _, ok := r.take(int(n)); !ok {
		return partly
	}
	return whole
}

func (r *reference) container(n uint64, depth int) outcome {
	if depth+1 > r.limits.Depth || n > uint64(r.limits.Elements-r.elements) {
		return beyond
	}
	r.elements += int(n)
	for range n {
		if o := r.value(depth + 1); o != whole {
			return o
		}
	}
	return whole
}

// split cuts a stream into messages and says how it ended.
func split(b []byte, limits wire.Limits) (all [][]byte, end outcome) {
	for len(b) > 0 {
		r := reference{b: b, limits: limits}
		if end = r.value(0); end != whole {
			return all, end
		}
		if r.pos > limits.Message {
			return all, beyond
		}
		all = append(all, b[:r.pos])
		b = b[r.pos:]
	}
	return all, whole
}
