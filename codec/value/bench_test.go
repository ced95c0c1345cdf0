package value_test

import (
	"fmt"
	"testing"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// Names of benchmarks are key=value, so that benchstat can compare commits:
//
//	go test -run '^$' -bench . -count 10 ./codec/... >old.txt
//	benchstat old.txt new.txt

// benchItem is an element of a long list.
type benchItem struct {
	ID     int64   `msgpack:"id"`
	Name   string  `msgpack:"name"`
	Price  float64 `msgpack:"price"`
	Stock  int     `msgpack:"stock"`
	Active bool    `msgpack:"active"`
}

// benchValues are arguments with types to decode them into.
func benchValues() []struct {
	name string
	args any
	to   func() any
} {
	type sumArgs struct{ X, Y int }
	items := make([]benchItem, 1000)
	for i := range items {
		items[i] = benchItem{int64(i), fmt.Sprintf("item %d", i), float64(i) + 0.5, i % 100, i%2 == 0}
	}
	return []struct {
		name string
		args any
		to   func() any
	}{
		{"value=sum", sumArgs{1, 2}, func() any { return new(sumArgs) }},
		{"value=bytes64KiB", make([]byte, 64<<10), func() any { return new([]byte) }},
		{"value=structs1000", items, func() any { return new([]benchItem) }},
		{"value=any1000", items, func() any { return new(any) }},
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range benchValues() {
		b.Run(c.name, func(b *testing.B) {
			var buffer []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buffer, err = values.AppendRequest(buffer[:0], 1, "sum", c.args, false); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buffer)))
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range benchValues() {
		frame, err := values.AppendRequest(nil, 1, "sum", c.args, false)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				m, err := wire.Parse(frame)
				if err == nil {
					err = values.DecodeParams(m.Params, c.to())
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
