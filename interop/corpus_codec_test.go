package interop_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	val "github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// How the corpus writes and reads values in Go, and a reader of MessagePack that has nothing to do with this module.

// A goSide is the Go side under options; the zero value has the defaults of package codec.
type goSide struct {
	timeExt bool // codec.Options.Time is codec.TimeExt
	depth   int  // codec.Options.MaxDepth; 0 is the default, 128
}

// values is all that the corpus knows of the packages that encode and decode, besides write and read.
func (g goSide) values() *val.Values {
	depth := g.depth
	if depth == 0 {
		depth = 128
	}
	return &val.Values{
		Limits: wire.Limits{Message: 16 << 20, Depth: depth, Elements: 1_000_000, Decoded: 256 << 20},
		Format: val.Format{TimeExt: g.timeExt},
	}
}

// responseHead is what stands before the result in a response with the id 0.
var responseHead = []byte{0x94, wire.Response, 0, 0xc0}

// write returns the bytes of a value, as they stand in a response.
func (g goSide) write(v any) ([]byte, error) {
	message, err := g.values().AppendResult(nil, responseHead[2:3], v)
	return bytes.TrimPrefix(message, responseHead), err
}

// read reads a value as the result of a response, and stores it in what the pointer points to.
func (g goSide) read(b []byte, to any) error {
	vs := g.values()
	message := slices.Concat(responseHead, b)
	scan := wire.Scanner{Limits: vs.Limits}
	n, err := scan.Scan(message)
	if err != nil {
		return err
	}
	if n != len(message) {
		return errors.New("not one whole value")
	}
	m, err := wire.Parse(message)
	if err != nil {
		return err
	}
	return vs.DecodeResult(m.Result, to)
}

// layout takes the header at the start of b apart: its length, the bytes of payload and the number of values that follow.
func layout(b []byte) (head, payload, values int) {
	size := func(log byte) int {
		switch log {
		case 0:
			return int(b[1])
		case 1:
			return int(binary.BigEndian.Uint16(b[1:]))
		}
		return int(binary.BigEndian.Uint32(b[1:]))
	}
	switch c := b[0]; {
	case c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3: // fixint, nil, false, true
		return 1, 0, 0
	case c <= 0x8f: // fixmap
		return 1, 0, 2 * int(c&15)
	case c <= 0x9f: // fixarray
		return 1, 0, int(c & 15)
	case c <= 0xbf: // fixstr
		return 1, int(c & 31), 0
	case c >= 0xc4 && c <= 0xc6: // bin
		return 1 + 1<<(c-0xc4), size(c - 0xc4), 0
	case c >= 0xc7 && c <= 0xc9: // ext
		return 2 + 1<<(c-0xc7), size(c - 0xc7), 0
	case c == 0xca || c == 0xcb: // float
		return 1, 4 << (c - 0xca), 0
	case c >= 0xcc && c <= 0xcf: // uint
		return 1, 1 << (c - 0xcc), 0
	case c >= 0xd0 && c <= 0xd3: // int
		return 1, 1 << (c - 0xd0), 0
	case c >= 0xd4 && c <= 0xd8: // fixext
		return 2, 1 << (c - 0xd4), 0
	case c >= 0xd9 && c <= 0xdb: // str
		return 1 + 1<<(c-0xd9), size(c - 0xd9), 0
	case c == 0xdc || c == 0xdd: // array
		return 1 + 2<<(c-0xdc), 0, size(1 + c - 0xdc)
	case c == 0xde || c == 0xdf: // map
		return 1 + 2<<(c-0xde), 0, 2 * size(1+c-0xde)
	}
	panic("c1 is no MessagePack")
}

// inKeyOrder returns a value with the entries of all maps in the order of their keys' bytes, because Go writes them in any
// order. Every header stays as it is.
func inKeyOrder(b []byte) []byte {
	sorted, rest := appendInKeyOrder(make([]byte, 0, len(b)), b)
	if len(rest) > 0 {
		panic(fmt.Sprintf("%d bytes are left", len(rest)))
	}
	return sorted
}

// appendInKeyOrder appends the value that b begins with to out.
func appendInKeyOrder(out, b []byte) (_, rest []byte) {
	head, payload, n := layout(b)
	out, rest = append(out, b[:head+payload]...), b[head+payload:]
	isMap := b[0] >= 0x80 && b[0] <= 0x8f || b[0] == 0xde || b[0] == 0xdf
	if !isMap {
		for range n {
			out, rest = appendInKeyOrder(out, rest)
		}
		return out, rest
	}
	first := len(out)
	entries := make([]string, n/2) // an entry sorts as its key, since no key is the beginning of another
	for i := range entries {
		start := len(out)
		out, rest = appendInKeyOrder(out, rest)
		out, rest = appendInKeyOrder(out, rest)
		entries[i] = string(out[start:])
	}
	slices.Sort(entries)
	out = out[:first]
	for _, entry := range entries {
		out = append(out, entry...)
	}
	return out, rest
}

// pythonNaN has the bits of Python's float('nan'); the last bit of Go's math.NaN is set.
var pythonNaN = math.Float64frombits(0x7ff8 << 48)
