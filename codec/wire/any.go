package wire

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// What a value in an interface costs besides its contents: Go puts all but maps
// and bools into memory of their own.
const (
	boxedNumber = 8
	boxedText   = 16 // a string's header
	boxedSlice  = 24 // a slice's header
	boxedTime   = 24
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
		if err := d.charge(1, boxedNumber); err != nil {
			return nil, err
		}
		u, neg := readInt(d.next())
		if u > math.MaxInt64 && !neg {
			return u, nil
		}
		return int64(u), nil
	case kindFloat:
		if err := d.charge(1, boxedNumber); err != nil {
			return nil, err
		}
		return readFloat(d.next()), nil
	case kindStr:
		return d.anyText()
	case kindBin:
		if err := d.charge(1, boxedSlice); err != nil {
			return nil, err
		}
		return d.bytes()
	case kindArray:
		return d.anyList()
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
	return cloned(p), nil
}

// cloned is bytes.Clone without room for more.
func cloned(p []byte) []byte {
	b := make([]byte, len(p)) // right before the copy: then the memory is not cleared
	copy(b, p)
	return b
}

// anyText takes text: a string, or []byte if it is not UTF-8, an old peer's
// bytes.
func (d *decoder) anyText() (any, error) {
	p, err := d.textBytes()
	if err != nil {
		return nil, err
	}
	text := utf8.Valid(p)
	box := boxedText
	if !text {
		box = boxedSlice
	}
	if err := d.charge(box+len(p), 1); err != nil {
		return nil, err
	}
	if text {
		return string(p), nil
	}
	return bytes.Clone(p), nil
}

func (d *decoder) anyList() (any, error) {
	n := d.open()
	if err := d.chargeBytes(boxedSlice + int64(n)*16); err != nil {
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
}

// anyExt takes an extension value: a time, a type registered with vmihailenco,
// or, where none is, the value as it is, with its header.
func (d *decoder) anyExt() (any, error) {
	raw := d.next()
	if extType(raw) == extTime {
		t, err := parseTimestamp((&decoder{b: raw}).payload())
		if err != nil {
			return nil, &ValueError{Msg: err.Error()}
		}
		return t, d.charge(1, boxedTime)
	}
	if err := d.charge(boxedSlice+len(raw), 1); err != nil {
		return nil, err
	}
	var v any
	err := msgpack.Unmarshal(raw, &v)
	switch {
	case err == nil:
		return v, nil
	case strings.HasPrefix(err.Error(), "msgpack: unknown ext id="): // vmihailenco has no error value for it
		return msgpack.RawMessage(bytes.Clone(raw)), nil
	}
	return nil, foreignError(err)
}
