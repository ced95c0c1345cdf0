package interop_test

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/codectest"
)

// wideForms are read though neither side writes them: values with longer headers than they need, and keys that come twice.
func wideForms() (all []specimen) {
	for _, w := range []struct {
		bytes, expr string
		read        any
		alike       any
	}{
		{"cc 01", "1", int64(1), int8(1)}, {"cd 00 01", "1", int64(1), int8(1)},
		{"ce 00 00 00 01", "1", int64(1), int8(1)}, {"cf 00 00 00 00 00 00 00 01", "1", int64(1), int8(1)},
		{"d0 01", "1", int64(1), uint8(1)}, {"d1 00 01", "1", int64(1), uint8(1)},
		{"d2 00 00 00 01", "1", int64(1), uint8(1)}, {"d3 00 00 00 00 00 00 00 01", "1", int64(1), uint8(1)},
		{"d0 ff", "-1", int64(-1), int8(-1)}, {"d1 ff ff", "-1", int64(-1), int8(-1)},
		{"d2 ff ff ff ff", "-1", int64(-1), int8(-1)}, {"d3 ff ff ff ff ff ff ff ff", "-1", int64(-1), int8(-1)},
		{"d3 7f ff ff ff ff ff ff ff", "2**63 - 1", int64(math.MaxInt64), uint64(math.MaxInt64)},
		{"d3 ff ff ff ff 80 00 00 00", "-2**31", int64(math.MinInt32), int32(math.MinInt32)},
		{"ca 3f c0 00 00", "1.5", 1.5, 1.5},
		{"d9 00", "''", "", ""}, {"da 00 00", "''", "", ""}, {"db 00 00 00 00", "''", "", ""},
		{"d9 01 'a'", "'a'", "a", "a"}, {"da 00 01 'a'", "'a'", "a", "a"}, {"db 00 00 00 01 'a'", "'a'", "a", "a"},
		{"c5 00 00", "b''", []byte{}, []byte{}}, {"c6 00 00 00 00", "b''", []byte{}, [0]byte{}},
		{"c5 00 01 'a'", "b'a'", []byte("a"), []byte("a")}, {"c6 00 00 00 01 'a'", "b'a'", []byte("a"), [1]byte{'a'}},
		{"dc 00 00", "[]", []any{}, []int{}}, {"dd 00 00 00 00", "[]", []any{}, [0]int{}},
		{"dc 00 01 07", "[7]", []any{int64(7)}, []int{7}}, {"dd 00 00 00 01 07", "[7]", []any{int64(7)}, [1]int{7}},
		{"de 00 00", "{}", map[string]any{}, map[int]int{}}, {"df 00 00 00 00", "{}", map[string]any{}, map[int]int{}},
		{"de 00 01 a1 'k' 07", "{'k': 7}", map[string]any{"k": int64(7)}, map[string]int{"k": 7}},
		{"df 00 00 00 01 db 00 00 00 01 'k' cc 07", "{'k': 7}", map[string]any{"k": int64(7)}, map[string]int{"k": 7}},
		{"82 01 01 01 02", "{1: 2}", map[any]any{int64(1): int64(2)}, map[int]int{1: 2}}, // the last one counts
		{"82 a1 'k' 01 a1 'k' 02", "{'k': 2}", map[string]any{"k": int64(2)}, map[string]int{"k": 2}},
	} {
		all = append(all, wide(w.bytes, w.expr, w.read, w.alike))
	}
	for _, w := range []struct {
		bytes, expr string
		time        time.Time
	}{
		{"d7 ff 00 00 00 00 00 00 00 01", "Timestamp(1, 0)", time.Unix(1, 0)},
		{"c7 0c ff 00 00 00 00 00 00 00 00 00 00 00 01", "Timestamp(1, 0)", time.Unix(1, 0)},
		{"c7 0c ff 00 00 00 05 00 00 00 00 00 00 00 01", "Timestamp(1, 5)", time.Unix(1, 5)},
		{"c7 04 ff 00 00 00 01", "Timestamp(1, 0)", time.Unix(1, 0)},
		{"c8 00 08 ff 00 00 00 00 00 00 00 01", "Timestamp(1, 0)", time.Unix(1, 0)},
	} {
		s := wide(w.bytes, w.expr, w.time.UTC(), pointer(w.time.UTC()))
		s.timeExt, s.modern = true, true
		all = append(all, s)
	}
	return all
}

func wide(text, expr string, read, alike any) specimen {
	b := codectest.Bytes(text)
	return specimen{name: fmt.Sprintf("wide/%x", b), expr: expr, typ: pythonType(read), write: msgpack.RawMessage(b), read: read,
		alike: []any{alike}, wide: true}
}

// pythonType is the type in Python of what Go reads into an any.
func pythonType(v any) string {
	switch v.(type) {
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []byte:
		return "bytes"
	case []any:
		return "list"
	case time.Time:
		return "Timestamp"
	}
	return "dict"
}

// corpus is every value that Go and Python are compared by.
func corpus() []specimen {
	return slices.Concat(integers(), floats(), constants(), textsAndLengths(), unicodes(), byteStrings(), extensions(), timestamps(),
		lists(), maps(), mapKeys(), nestings(), structs(), mixtures(), wideForms())
}
