package codec_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// BenchmarkRows encodes and decodes a list of 1,000 structs, with this project and with what
// a program might use instead. The values are those of the workloads list and rows in the
// folder benchmarks, which is another module. Each peer works as it does on a connection: it
// uses its buffers again, and gob sends its types once.
//
// This project and JSON write a time as RFC 3339 text of 27 bytes. vmihailenco and gob write
// it as numbers, in about half of that.
func BenchmarkRows(b *testing.B) {
	peers := []struct {
		name string
		make func() valueCodec
	}{{"/peer=ours", newOurs}, {"/peer=byhand", newByHand}, {"/peer=vmihailenco", newVmihailenco}, {"/peer=gob", newGob}, {"/peer=json", newJSON}}
	for _, c := range []struct {
		name  string
		value any
		empty func() any
	}{
		{"/value=list", plainRows(), func() any { return new([]plainRow) }},
		{"/value=rows", fullRows(), func() any { return new([]fullRow) }},
	} {
		for _, peer := range peers {
			b.Run("op=encode"+c.name+peer.name, func(b *testing.B) { benchEncode(b, peer.make(), c.value) })
		}
		for _, peer := range peers {
			b.Run("op=decode"+c.name+peer.name, func(b *testing.B) { benchDecode(b, peer.make(), c.value, c.empty) })
		}
	}
}

func benchEncode(b *testing.B, peer valueCodec, value any) {
	encoded := encodeTwice(b, peer, value)
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := peer.encode(value); err != nil {
			b.Fatal(err)
		}
	}
}

// benchDecode decodes into a new value each time, as a call does.
func benchDecode(b *testing.B, peer valueCodec, value any, empty func() any) {
	encoded := encodeTwice(b, peer, value)
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		if err := peer.decode(encoded, empty()); err != nil {
			b.Fatal(err)
		}
	}
}

// encodeTwice returns the second message of a connection, after the peer has read the
// first one: the types that gob sends are in the first one only.
func encodeTwice(b *testing.B, peer valueCodec, value any) []byte {
	b.Helper()
	first, err := peer.encode(value)
	if err != nil {
		b.Fatal(err)
	}
	if err := decodesTo(peer, first, value); err != nil {
		b.Fatal(err)
	}
	second, err := peer.encode(value)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Clone(second)
}

// decodesTo compares the ends of what was decoded.
func decodesTo(peer valueCodec, encoded []byte, value any) error {
	switch want := value.(type) {
	case []plainRow:
		var got []plainRow
		if err := peer.decode(encoded, &got); err != nil {
			return err
		}
		if end := len(want) - 1; len(got) != len(want) || got[end] != want[end] {
			return fmt.Errorf("decoded %d plain rows, not what was encoded", len(got))
		}
	case []fullRow:
		var got []fullRow
		if err := peer.decode(encoded, &got); err != nil {
			return err
		}
		end := len(want) - 1
		if len(got) != len(want) || got[end].Audit != want[end].Audit || !got[end].Updated.Equal(*want[end].Updated) ||
			len(got[end].Attrs) != len(want[end].Attrs) {
			return fmt.Errorf("decoded %d rows, not what was encoded", len(got))
		}
	}
	return nil
}

// A plainRow has fields of basic types only.
type plainRow struct {
	ID     int64   `msgpack:"id" json:"id"`
	Name   string  `msgpack:"name" json:"name"`
	Price  float64 `msgpack:"price" json:"price"`
	Stock  int     `msgpack:"stock" json:"stock"`
	Active bool    `msgpack:"active" json:"active"`
}

func plainRows() []plainRow {
	rows := make([]plainRow, 1000)
	for i := range rows {
		rows[i] = plainRow{int64(i), fmt.Sprintf("item %d", i), float64(i) + 0.5, i % 100, i%2 == 0}
	}
	return rows
}

// A fullRow is a struct as people have them.
type fullRow struct {
	ID      int64      `msgpack:"id" json:"id"`
	Name    string     `msgpack:"name" json:"name"`
	Tags    []string   `msgpack:"tags" json:"tags"`
	Price   float64    `msgpack:"price" json:"price"`
	Created time.Time  `msgpack:"created" json:"created"`
	Updated *time.Time `msgpack:"updated,omitempty" json:"updated,omitempty"`
	Audit
	Attrs map[string]any `msgpack:"attrs" json:"attrs"`
}

// Audit is exported because codecs leave out embedded structs that are not.
type Audit struct {
	Owner    string `msgpack:"owner" json:"owner"`
	Revision int    `msgpack:"revision" json:"revision"`
}

func fullRows() []fullRow {
	rows := make([]fullRow, 1000)
	for i := range rows {
		r := fullRow{
			ID: int64(i), Name: fmt.Sprintf("article %d", i), Tags: []string{"new", "sale", "heavy"}[:i%4], Price: float64(i) + 0.5,
			Created: time.Date(2024, 1, 2, 3, 4+i, 5, 678901000, time.UTC),
			Audit:   Audit{Owner: "Zoë Müller", Revision: i % 10},
			Attrs:   map[string]any{"colour": "blue", "stock": i % 100},
		}
		switch i % 4 {
		case 1:
			r.Attrs["fragile"] = i%8 == 1
		case 3:
			r.Attrs["weight"] = float64(i) / 4
		}
		if i%2 == 1 {
			updated := r.Created.Add(36 * time.Hour)
			r.Updated = &updated
		}
		rows[i] = r
	}
	return rows
}

// A valueCodec is both ends of a connection. What encode returns is valid until it is
// called again.
type valueCodec struct {
	encode func(value any) ([]byte, error)
	decode func(encoded []byte, to any) error
}

// newOurs makes and reads whole responses, because package wire converts values in
// messages only. What is around the value is four bytes.
func newOurs() valueCodec {
	values := value.Values{Limits: wire.Limits{Message: 64 << 20, Depth: 100, Elements: 1 << 20, Decoded: 256 << 20}}
	var buffer []byte
	return valueCodec{
		encode: func(value any) (_ []byte, err error) {
			buffer, err = values.AppendResult(buffer[:0], []byte{1}, value)
			return buffer, err
		},
		decode: func(encoded []byte, to any) error {
			m, err := wire.Parse(encoded)
			if err != nil {
				return err
			}
			return values.DecodeResult(m.Result, to)
		},
	}
}

func newVmihailenco() valueCodec {
	var out bytes.Buffer
	encoder := msgpack.NewEncoder(&out)
	return valueCodec{encode: into(&out, encoder.Encode), decode: msgpack.Unmarshal}
}

func newJSON() valueCodec {
	var out bytes.Buffer
	return valueCodec{encode: into(&out, json.NewEncoder(&out).Encode), decode: json.Unmarshal}
}

// newGob has one encoder and one decoder, as a connection of net/rpc has.
func newGob() valueCodec {
	var out bytes.Buffer
	var in bytes.Reader
	decoder := gob.NewDecoder(&in)
	return valueCodec{
		encode: into(&out, gob.NewEncoder(&out).Encode),
		decode: func(encoded []byte, to any) error {
			in.Reset(encoded)
			return decoder.Decode(to)
		},
	}
}

// into makes a function that returns the bytes of an encoder that writes them to out.
func into(out *bytes.Buffer, encode func(any) error) func(any) ([]byte, error) {
	return func(value any) ([]byte, error) {
		out.Reset()
		err := encode(value)
		return out.Bytes(), err
	}
}
