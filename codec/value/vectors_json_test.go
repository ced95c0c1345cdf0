package value_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// The vectors describe values in JSON with a few objects of one "$" key for
// what JSON lacks. This file turns that into Go values, of two kinds: those that
// are encoded, and those that decoding is expected to give.

// object is a map in the order of its keys, which is the order in which Python
// writes them and in which Go's maps do not.
type object []entry

type entry struct{ key, value any }

func (o object) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeMapLen(len(o)); err != nil {
		return err
	}
	for _, kv := range o {
		if err := e.Encode(kv.key); err != nil {
			return err
		}
		if err := e.Encode(kv.value); err != nil {
			return err
		}
	}
	return nil
}

// ext is an extension value.
type ext struct {
	kind int8
	data []byte
}

func (x ext) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeExtHeader(x.kind, len(x.data)); err != nil {
		return err
	}
	_, err := e.Writer().Write(x.data)
	return err
}

// dialect is what the options of a vector do to its values.
type dialect struct {
	raw    bool // bytes are written as text
	single bool // floats are written in four bytes
}

// node is a value of a vector's JSON: nil, bool, json.Number, string, []any or
// object.
func parseNode(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return node(d)
}

func node(d *json.Decoder) (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := node(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		o := object{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := node(d)
			if err != nil {
				return nil, err
			}
			o = append(o, entry{k, v})
		}
		_, err = d.Token()
		return o, err
	}
	return tok, nil
}

// written returns the Go value that is encoded for a node.
func (dl dialect) written(n any) any {
	switch n := n.(type) {
	case json.Number:
		if strings.ContainsAny(string(n), ".e") {
			return dl.float(string(n))
		}
		return integer(string(n))
	case []any:
		list := make([]any, len(n))
		for i := range n {
			list[i] = dl.written(n[i])
		}
		return list
	case object:
		if len(n) == 1 && strings.HasPrefix(n[0].key.(string), "$") {
			return dl.special(n[0].key.(string), n[0].value)
		}
		o := make(object, len(n))
		for i, kv := range n {
			o[i] = entry{kv.key, dl.written(kv.value)}
		}
		return o
	}
	return n
}

func (dl dialect) special(key string, n any) any {
	list, _ := n.([]any)
	repeat := func(i int) int { return int(integer(string(list[i].(json.Number))).(int64)) }
	switch key {
	case "$bytes":
		return unbase64(n.(string))
	case "$ext":
		data, ok := dl.written(list[1]).([]byte)
		if !ok {
			data = unbase64(list[1].(string))
		}
		return ext{int8(repeat(0)), data}
	case "$float":
		return dl.float(n.(string))
	case "$int":
		return integer(n.(string))
	case "$map":
		o := object{}
		for _, kv := range list {
			kv := kv.([]any)
			o = append(o, entry{dl.written(kv[0]), dl.written(kv[1])})
		}
		return o
	case "$str_repeat":
		return strings.Repeat(list[0].(string), repeat(1))
	case "$bytes_repeat":
		return bytes.Repeat(unbase64(list[0].(string)), repeat(1))
	case "$list_repeat":
		all := make([]any, repeat(1))
		for i := range all {
			all[i] = dl.written(list[0])
		}
		return all
	case "$map_range":
		o := object{}
		for i := range repeat(0) {
			o = append(o, entry{int64(i), dl.written(list[1])})
		}
		return o
	}
	panic("unknown notation " + key)
}

func (dl dialect) float(s string) any {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	if math.IsNaN(f) {
		f = math.Float64frombits(0x7ff8 << 48) // Python's; the last bit of Go's is set
	}
	if dl.single {
		return float32(f)
	}
	return f
}

func integer(s string) any {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	u, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return u
}

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// read returns what decoding into any gives for a value that was written. Its
// error says that Go has no such value: a list or bytes as a map key.
func (dl dialect) read(v any) (any, error) {
	switch v := v.(type) {
	case float32:
		return float64(v), nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
	case []byte:
		if dl.raw && utf8.Valid(v) {
			return string(v), nil
		}
	case ext:
		b, err := msgpack.Marshal(v)
		return msgpack.RawMessage(b), err
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = dl.read(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case object:
		return dl.readObject(v)
	}
	return v, nil
}

func (dl dialect) readObject(o object) (any, error) {
	text, untyped := map[string]any{}, map[any]any{}
	for _, kv := range o {
		k, err := dl.read(kv.key)
		if err != nil {
			return nil, err
		}
		v, err := dl.read(kv.value)
		if err != nil {
			return nil, err
		}
		switch k := k.(type) {
		case []byte, []any:
			return nil, fmt.Errorf("%T cannot be a key", k)
		case string:
			text[k] = v
		}
		untyped[k] = v
	}
	if len(text) == len(o) {
		return text, nil
	}
	return untyped, nil
}
