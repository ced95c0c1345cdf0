package value

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/wire"
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
	case wire.KindNil:
		d.pos++
		return nil, nil
	case wire.KindBool:
		d.pos++
		return d.b[d.pos-1] == wire.CodeTrue, nil
	case wire.KindInt:
		if err := d.charge(1, boxedNumber); err != nil {
			return nil, err
		}
		u, neg := wire.ReadInt(d.next())
		if u > math.MaxInt64 && !neg {
			return u, nil
		}
		return int64(u), nil
	case wire.KindFloat:
		if err := d.charge(1, boxedNumber); err != nil {
			return nil, err
		}
		return wire.ReadFloat(d.next()), nil
	case wire.KindStr:
		return d.anyText()
	case wire.KindBin:
		if err := d.charge(1, boxedSlice); err != nil {
			return nil, err
		}
		return d.bytes()
	case wire.KindArray:
		return d.anyList()
	case wire.KindMap:
		return d.anyMap()
	}
	return d.anyExt()
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
	if wire.ExtType(raw) == wire.ExtTime {
		t, err := wire.ReadTimestamp((&decoder{b: raw}).payload())
		if err != nil {
			return nil, &ValueError{Msg: err.Error()}
		}
		return t, d.charge(1, boxedTime)
	}
	if err := d.charge(1, boxedSlice); err != nil {
		return nil, err
	}
	if err := d.chargeForeign(raw); err != nil {
		return nil, err
	}
	var v any
	err := errUnknownExt
	if wire.ExtType(raw) != internedExt {
		err = msgpack.Unmarshal(raw, &v)
	}
	switch {
	case err == nil:
		if t := reflect.TypeOf(v); t != nil && t.Kind() == reflect.Pointer {
			extensions.Store(t, nil)
		}
		return v, nil
	case strings.HasPrefix(err.Error(), errUnknownExt.Error()): // vmihailenco has no error value for it
		return msgpack.RawMessage(bytes.Clone(raw)), nil
	}
	return nil, foreignError(err)
}

// internedExt is an extension type that vmihailenco takes for a text of its own kind.
const internedExt = 0x80

var errUnknownExt = errors.New("msgpack: unknown ext id=")

// extensions are the pointer types that a value in an any has been made of.
var extensions sync.Map // reflect.Type -> nil

// madeHere reports whether a pointer in an any may come from an earlier result.
func madeHere(t reflect.Type) bool {
	_, made := extensions.Load(t)
	return made
}

// What a Go map costs: its header, and slots of a key, a value and one byte for
// a number of entries that is rounded up. Large keys and values lie apart, and
// the slot holds a pointer.
const (
	mapHeader = 48
	mapGroup  = 8   // the least number of slots, unless there are none
	mapInline = 128 // the largest key or value that lies in its slot
	mapTable  = 896 // entries beyond which a map has several tables, which are half full on average
)

// A mapCost is what an entry costs: in its slot, and apart.
type mapCost struct{ slot, apart int64 }

var anyMapCost = mapCostOf(typeAnyMap)

func mapCostOf(t reflect.Type) (c mapCost) {
	offset, align := uintptr(0), uintptr(1)
	for _, part := range [...]reflect.Type{t.Key(), t.Elem()} {
		size, a := part.Size(), uintptr(part.Align())
		if size > mapInline {
			c.apart += int64(size)
			size, a = unsafe.Sizeof(size), unsafe.Alignof(size)
		}
		align = max(align, a)
		offset = (offset+a-1)/a*a + size
	}
	if t.Elem().Size() == 0 {
		offset++ // its address must not be that of the next slot
	}
	c.slot = int64((offset+align-1)/align*align) + 1
	return c
}

// chargeMap accounts for a map made for n entries before it is allocated.
func (d *decoder) chargeMap(n int, c mapCost) error {
	size := mapHeader + int64(n)*c.apart
	switch {
	case n > mapTable:
		size += 2 * c.slot << bits.Len64(uint64(n)*8/7-1)
	case n > mapGroup: // a power of two, full to 7/8 at most
		size += c.slot << bits.Len64(uint64(n)*8/7-1)
	case n > 0:
		size += c.slot * mapGroup
	}
	return d.chargeBytes(size)
}

// anyMap takes a map: map[string]any where every key is text, map[any]any
// otherwise. It does not look ahead at the keys: with maps within maps that
// would cost the square of the depth.
func (d *decoder) anyMap() (any, error) {
	n := d.open()
	if n > 0 && d.kind() != wire.KindStr {
		return d.mixedMap(nil, n, n)
	}
	if err := d.chargeMap(n, anyMapCost); err != nil {
		return nil, err
	}
	m := make(map[string]any, n)
	for i := range n {
		if d.kind() != wire.KindStr {
			return d.mixedMap(m, n, n-i)
		}
		k, err := d.keyText()
		if err != nil {
			return nil, err
		}
		if m[k], err = d.any(); err != nil {
			return nil, at(err, keyStep(k))
		}
	}
	return m, nil
}

// anyEntries reads the entries of a map whose Go type is map[string]any.
func (d *decoder) anyEntries(m map[string]any, n int) error {
	for range n {
		if k := d.kind(); k != wire.KindStr && k != wire.KindBin {
			return inKey(d.misfit(reflect.TypeFor[string]()))
		}
		p, err := d.validText()
		if err != nil {
			return inKey(err)
		}
		k := d.keys.string(p)
		if m[k], err = d.any(); err != nil {
			return at(err, keyStep(k))
		}
	}
	return nil
}

// mixedMap takes the rest of the entries of a map of n, after those in text.
func (d *decoder) mixedMap(text map[string]any, n, rest int) (any, error) {
	if err := d.charge(len(text), boxedText); err != nil {
		return nil, err
	}
	if err := d.chargeMap(n, anyMapCost); err != nil {
		return nil, err
	}
	m := make(map[any]any, n)
	for k, v := range text {
		m[k] = v
	}
	for range rest {
		k, err := d.anyKey()
		if err != nil {
			return nil, err
		}
		if m[k], err = d.any(); err != nil {
			return nil, at(err, keyStep(k))
		}
	}
	return m, nil
}

// keyText takes a key that is text, in whatever encoding: as []byte it could be
// no key.
func (d *decoder) keyText() (string, error) {
	p, err := d.textBytes()
	if err == nil {
		err = d.charge(len(p), 1)
	}
	if err != nil {
		return "", err
	}
	return d.keys.string(p), nil
}

// anyKey takes the key of a map.
func (d *decoder) anyKey() (any, error) {
	what := d.kind()
	if what == wire.KindStr {
		if err := d.charge(1, boxedText); err != nil {
			return nil, err
		}
		return d.keyText()
	}
	k, err := d.any()
	if err != nil {
		return nil, err
	}
	switch k.(type) {
	case []byte, []any, map[string]any, map[any]any, msgpack.RawMessage:
		return nil, &ValueError{Msg: fmt.Sprintf("%s cannot be a map key in Go", what.Article())}
	}
	if v := reflect.ValueOf(k); k != nil && (!v.Comparable() || v.Kind() == reflect.Pointer) { // a new pointer is equal to nothing
		return nil, &ValueError{Msg: fmt.Sprintf("%T cannot be a map key in Go", k)}
	}
	return k, nil
}
