package wire

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// any takes a value of whatever kind.
func (d *decoder) any() (any, error) {
	switch d.kind() {
	case kindNil:
		d.pos++
		return nil, nil
	case kindBool:
		d.pos++
		return d.b[d.pos-1] == codeTrue, nil
	case kindInt:
		u, neg := readInt(d.next())
		if u > math.MaxInt64 && !neg {
			return u, nil
		}
		return int64(u), nil
	case kindFloat:
		return readFloat(d.next()), nil
	case kindStr:
		s, err := d.text()
		if err == nil && !utf8.ValidString(s) {
			return []byte(s), nil // an old peer's bytes
		}
		return s, err
	case kindBin:
		return d.bytes()
	case kindArray:
		n := d.open()
		if err := d.charge(n, 16); err != nil {
			return nil, err
		}
		list := make([]any, n)
		for i := range list {
			var err error
			if list[i], err = d.any(); err != nil {
				return nil, at(err, indexStep(i))
			}
		}
		return list, nil
	case kindMap:
		return d.anyMap()
	}
	return d.anyExt()
}

func (d *decoder) bytes() ([]byte, error) {
	p := d.payload()
	if err := d.charge(len(p), 1); err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(p)), p...), nil
}

// mapEntry is what an entry of a Go map costs besides its key and its value.
const mapEntry = 16

// anyMap takes a map: map[string]any where every key is text, map[any]any
// otherwise.
func (d *decoder) anyMap() (any, error) {
	text := d.allText(d.pos)
	n := d.open()
	if err := d.charge(n, 2*16+mapEntry); err != nil {
		return nil, err
	}
	if text {
		m := make(map[string]any, n)
		for range n {
			k, err := d.text()
			if err != nil {
				return nil, err
			}
			if m[k], err = d.any(); err != nil {
				return nil, at(err, keyStep(k))
			}
		}
		return m, nil
	}
	m := make(map[any]any, n)
	for range n {
		what := d.kind()
		k, err := d.any()
		if err != nil {
			return nil, err
		}
		switch k.(type) {
		case []byte, []any, map[string]any, map[any]any, msgpack.RawMessage:
			return nil, &ValueError{Msg: fmt.Sprintf("%s cannot be a map key in Go", article(what))}
		}
		if k != nil && !reflect.TypeOf(k).Comparable() {
			return nil, &ValueError{Msg: fmt.Sprintf("%T cannot be a map key in Go", k)}
		}
		if m[k], err = d.any(); err != nil {
			return nil, at(err, keyStep(k))
		}
	}
	return m, nil
}

// allText reports whether all keys of the map at pos are text.
func (d *decoder) allText(pos int) bool {
	_, n, head := header(d.b[pos:])
	pos += head
	for range n {
		if kinds[d.b[pos]] != kindStr {
			return false
		}
		pos = skip(d.b, skip(d.b, pos))
	}
	return true
}

// anyExt takes an extension value: a time, a type registered with vmihailenco,
// or the value as it is, with its header.
func (d *decoder) anyExt() (any, error) {
	raw := d.next()
	if extType(raw) == extTime {
		t, err := parseTimestamp((&decoder{b: raw}).payload())
		if err != nil {
			return nil, &ValueError{Msg: err.Error()}
		}
		return t, nil
	}
	if err := d.charge(len(raw), 1); err != nil {
		return nil, err
	}
	var v any
	if err := msgpack.Unmarshal(raw, &v); err == nil {
		return v, nil
	}
	return msgpack.RawMessage(bytes.Clone(raw)), nil
}
