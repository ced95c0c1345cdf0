package codec_test

import (
	"fmt"
	"time"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// The peer byhand is the floor of BenchmarkRows: functions for these two types alone, as
// somebody would write them who knows both the types and the order of the bytes, without
// a check of text, limits or what is read. No codec for any type can do less.

func newByHand() valueCodec {
	var buffer []byte
	return valueCodec{
		encode: func(value any) ([]byte, error) {
			switch rows := value.(type) {
			case []plainRow:
				buffer = wire.AppendArrayHeader(buffer[:0], len(rows))
				for i := range rows {
					buffer = rows[i].append(buffer)
				}
			case []fullRow:
				buffer = wire.AppendArrayHeader(buffer[:0], len(rows))
				for i := range rows {
					buffer = rows[i].append(buffer)
				}
			}
			return buffer, nil
		},
		decode: func(encoded []byte, to any) error {
			r := byHand{b: encoded}
			n := r.open()
			switch to := to.(type) {
			case *[]plainRow:
				*to = make([]plainRow, n)
				for i := range *to {
					r.plainRow(&(*to)[i])
				}
			case *[]fullRow:
				*to = make([]fullRow, n)
				for i := range *to {
					r.fullRow(&(*to)[i])
				}
			}
			return nil
		},
	}
}

func appendString(b []byte, s string) []byte {
	return append(wire.AppendStrHeader(b, len(s), false), s...)
}

func (r *plainRow) append(b []byte) []byte {
	b = wire.AppendInt(append(b, "\x85\xa2id"...), r.ID)
	b = appendString(append(b, "\xa4name"...), r.Name)
	b = wire.AppendFloat64(append(b, "\xa5price"...), r.Price)
	b = wire.AppendInt(append(b, "\xa5stock"...), int64(r.Stock))
	return wire.AppendBool(append(b, "\xa6active"...), r.Active)
}

func (r *fullRow) append(b []byte) []byte {
	n := 7
	if r.Updated != nil {
		n++
	}
	b = wire.AppendMapHeader(b, n)
	b = wire.AppendInt(append(b, "\xa2id"...), r.ID)
	b = appendString(append(b, "\xa4name"...), r.Name)
	b = wire.AppendArrayHeader(append(b, "\xa4tags"...), len(r.Tags))
	for _, tag := range r.Tags {
		b = appendString(b, tag)
	}
	b = wire.AppendFloat64(append(b, "\xa5price"...), r.Price)
	b = appendRFC3339(append(b, "\xa7created"...), r.Created)
	if r.Updated != nil {
		b = appendRFC3339(append(b, "\xa7updated"...), *r.Updated)
	}
	b = appendString(append(b, "\xa5owner"...), r.Owner)
	b = wire.AppendInt(append(b, "\xa8revision"...), int64(r.Revision))
	b = wire.AppendMapHeader(append(b, "\xa5attrs"...), len(r.Attrs))
	for k, v := range r.Attrs {
		b = appendString(b, k)
		switch v := v.(type) {
		case string:
			b = appendString(b, v)
		case int:
			b = wire.AppendInt(b, int64(v))
		case bool:
			b = wire.AppendBool(b, v)
		case float64:
			b = wire.AppendFloat64(b, v)
		default:
			panic(fmt.Sprintf("%T", v))
		}
	}
	return b
}

func appendRFC3339(b []byte, t time.Time) []byte {
	start := len(b)
	b = t.AppendFormat(append(b, 0), time.RFC3339Nano)
	b[start] = 0xa0 | byte(len(b)-start-1)
	return b
}

type byHand struct {
	b   []byte
	pos int
}

func (r *byHand) open() int {
	_, n, head := wire.Header(r.b[r.pos:])
	r.pos += head
	return int(n)
}

// name skips the name of a field.
func (r *byHand) name() { r.pos = wire.Skip(r.b, r.pos) }

func (r *byHand) text() string {
	n := r.open()
	r.pos += n
	return string(r.b[r.pos-n : r.pos])
}

func (r *byHand) int() int64 {
	u, _ := wire.ReadInt(r.b[r.pos:])
	r.pos += wire.Size(r.b[r.pos])
	return int64(u)
}

func (r *byHand) float() float64 {
	r.pos += 9
	return wire.ReadFloat(r.b[r.pos-9:])
}

func (r *byHand) bool() bool {
	r.pos++
	return r.b[r.pos-1] == wire.CodeTrue
}

func (r *byHand) plainRow(to *plainRow) {
	r.open()
	r.name()
	to.ID = r.int()
	r.name()
	to.Name = r.text()
	r.name()
	to.Price = r.float()
	r.name()
	to.Stock = int(r.int())
	r.name()
	to.Active = r.bool()
}

func (r *byHand) time() (t time.Time) {
	n := r.open()
	t, _ = time.Parse(time.RFC3339Nano, string(r.b[r.pos:r.pos+n]))
	r.pos += n
	return t
}

func (r *byHand) fullRow(to *fullRow) {
	n := r.open()
	r.name()
	to.ID = r.int()
	r.name()
	to.Name = r.text()
	r.name()
	to.Tags = make([]string, r.open())
	for i := range to.Tags {
		to.Tags[i] = r.text()
	}
	r.name()
	to.Price = r.float()
	r.name()
	to.Created = r.time()
	if n == 8 {
		r.name()
		t := r.time()
		to.Updated = &t
	}
	r.name()
	to.Owner = r.text()
	r.name()
	to.Revision = int(r.int())
	r.name()
	n = r.open()
	to.Attrs = make(map[string]any, n)
	for range n {
		k := r.text()
		switch wire.KindOf(r.b[r.pos]) {
		case wire.KindStr:
			to.Attrs[k] = r.text()
		case wire.KindInt:
			to.Attrs[k] = r.int()
		case wire.KindBool:
			to.Attrs[k] = r.bool()
		default:
			to.Attrs[k] = r.float()
		}
	}
}
