package wire

import (
	"fmt"
	"math/bits"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// What a Go map costs: its header, and slots of a key, a value and one byte for
// a number of entries that is rounded up. Large keys and values lie apart, and
// the slot holds a pointer.
const (
	mapHeader = 48
	mapGroup  = 8   // the least number of slots, unless there are none
	mapInline = 128 // the largest key or value that lies in its slot
)

// chargeMap accounts for a map made for n entries before it is allocated.
func (d *decoder) chargeMap(n int, key, elem uintptr) error {
	size := int64(mapHeader)
	slot := int64(1)
	for _, part := range [...]uintptr{key, elem} {
		if part > mapInline {
			size += int64(n) * int64(part)
			part = 8
		}
		slot += int64(part)
	}
	switch {
	case n > mapGroup: // a power of two, full to 7/8 at most
		size += slot << bits.Len64(uint64(n)*8/7-1)
	case n > 0:
		size += slot * mapGroup
	}
	return d.chargeBytes(size)
}

// anyMap takes a map: map[string]any where every key is text, map[any]any
// otherwise. It does not look ahead at the keys: with maps within maps that
// would cost the square of the depth.
func (d *decoder) anyMap() (any, error) {
	n := d.open()
	if n > 0 && d.kind() != kindStr {
		return d.mixedMap(nil, n, n)
	}
	if err := d.chargeMap(n, 16, 16); err != nil {
		return nil, err
	}
	m := make(map[string]any, n)
	for i := range n {
		if d.kind() != kindStr {
			return d.mixedMap(m, n, n-i)
		}
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

// mixedMap takes the rest of the entries of a map of n, after those in text.
func (d *decoder) mixedMap(text map[string]any, n, rest int) (any, error) {
	if err := d.charge(len(text), boxedText); err != nil {
		return nil, err
	}
	if err := d.chargeMap(n, 16, 16); err != nil {
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

// anyKey takes the key of a map. Text is a string even where it is not UTF-8: as
// bytes it could be no key.
func (d *decoder) anyKey() (any, error) {
	what := d.kind()
	if what == kindStr {
		if err := d.charge(1, boxedText); err != nil {
			return nil, err
		}
		return d.text()
	}
	k, err := d.any()
	if err != nil {
		return nil, err
	}
	switch k.(type) {
	case []byte, []any, map[string]any, map[any]any, msgpack.RawMessage:
		return nil, &ValueError{Msg: fmt.Sprintf("%s cannot be a map key in Go", article(what))}
	}
	if k != nil && !reflect.ValueOf(k).Comparable() {
		return nil, &ValueError{Msg: fmt.Sprintf("%T cannot be a map key in Go", k)}
	}
	return k, nil
}
