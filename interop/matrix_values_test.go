package interop_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

// A value is one value in both languages.
type value struct {
	name string

	expr string // what makes it in Python
	repr string // repr of what Python reads; an array is a tuple to mprpc, keys are in the order of their reprs
	typ  string // its type

	write any    // what Go writes
	read  string // what Go reads into any, as show gives it

	service string // of typed, for a parameter of the value's own Go type; "" for none
	typed   any    // what Go reads into that type; nil means write
}

var leapDay = time.Date(2024, 2, 29, 12, 34, 56, 789_000_001, time.UTC)

// ordered is a map that is written in a known order.
type ordered [][2]any

// EncodeMsgpack writes the map.
func (o ordered) EncodeMsgpack(e *msgpack.Encoder) error {
	err := e.EncodeMapLen(len(o))
	for _, kv := range o {
		if err == nil {
			err = e.EncodeMulti(kv[0], kv[1])
		}
	}
	return err
}

// integer is a number in the narrowest type that is at its boundary.
func integer(write any) value {
	text, read := fmt.Sprint(write), "int64"
	if u, ok := write.(uint64); ok && u > math.MaxInt64 {
		read = "uint64"
	}
	t := fmt.Sprintf("%T", write)
	return value{"int/" + text + " " + t, text, text, "int", write, read + " " + text, t, nil}
}

// float is a number whose texts differ between the languages.
func float(name string, write any, expr, repr, read string) value {
	return value{"float/" + name, expr, repr, "float", write, "float64 " + read, fmt.Sprintf("%T", write), nil}
}

func str(name, write, repr string) value {
	return value{"str/" + name, fmt.Sprintf("bytes.fromhex('%x').decode()", write), repr, "str", write, "string " + write,
		"string", nil}
}

// textOf and bytesOf are long enough to need each header.
func textOf(n int) value {
	text := strings.Repeat("a", n)
	repr := "'" + text + "'"
	if n > 200 {
		repr = cut("str", text)
	}
	return value{fmt.Sprint("str/of ", n), fmt.Sprintf("'a' * %d", n), repr, "str", text, show(text), "string", nil}
}

func bytesOf(n int) value {
	b := []byte(strings.Repeat("\xff", n))
	repr := "b'" + strings.Repeat(`\xff`, n) + "'"
	if n > 200 {
		repr = cut("bytes", b)
	}
	return value{fmt.Sprint("bytes/of ", n), fmt.Sprintf("b'\\xff' * %d", n), repr, "bytes", b, show(b), "bytes", nil}
}

// zeros is a list of n zeros, which needs each header.
func zeros(n int) value {
	repr := "(" + strings.TrimSuffix(strings.Repeat("0, ", n), ", ") + ")"
	if len(repr) > 4000 {
		repr = cut("repr", repr)
	}
	read := make([]any, n)
	for i := range read {
		read[i] = int64(0)
	}
	return value{fmt.Sprint("list/of ", n), fmt.Sprintf("[0] * %d", n), repr, "tuple", make([]int, n), show(read), "ints", nil}
}

// deepDefinition makes the Python function that nest is in Go; a display of
// more than 200 brackets is too deep for Python's parser.
const deepDefinition = "def nest(n):\n    return functools.reduce(lambda inner, _: (inner,), range(n - 1), ())\n"

// nestExpr is the same without a definition, for the server.
func nestExpr(n int) string {
	return fmt.Sprintf("__import__('functools').reduce(lambda inner, _: (inner,), range(%d), ())", n-1)
}

func nest(n int) any {
	list := []any{}
	for range n - 1 {
		list = []any{list}
	}
	return list
}

func nestRepr(n int) string { return strings.Repeat("(", n) + ")" + strings.Repeat(",)", n-1) }

func nested(n int) value {
	return value{fmt.Sprint("list/nested ", n), nestExpr(n), nestRepr(n), "tuple", nest(n), show(nest(n)), "list", nil}
}

// nestedMaps are maps with one key each.
func nestedMaps(n int) value {
	repr := strings.Repeat("{'k': ", n-1) + "{}" + strings.Repeat("}", n-1)
	v := map[string]any{}
	for range n - 1 {
		v = map[string]any{"k": v}
	}
	expr := fmt.Sprintf("__import__('functools').reduce(lambda inner, _: {'k': inner}, range(%d), {})", n-1)
	return value{fmt.Sprint("map/nested ", n), expr, repr, "dict", v, show(v), "dict", nil}
}

func ext(name string, code byte, header string, data []byte, repr string) value {
	raw := append(append([]byte(header), code), data...)
	return value{"ext/" + name, fmt.Sprintf("ExtType(%d, bytes.fromhex('%x'))", code, data), repr, "ExtType",
		msgpack.RawMessage(raw), show(msgpack.RawMessage(raw)), "raw", nil}
}

var values = []value{
	integer(int8(0)), integer(int(1)), integer(int8(127)), integer(uint8(128)), integer(uint8(255)), integer(int16(256)),
	integer(int16(32767)), integer(uint16(32768)), integer(uint16(65535)), integer(int32(65536)),
	integer(int32(math.MaxInt32)), integer(uint32(1 << 31)), integer(uint32(math.MaxUint32)), integer(int64(1 << 32)),
	integer(int64(1<<53 + 1)), integer(int64(math.MaxInt64)), integer(int(math.MaxInt64)), integer(uint64(1 << 63)),
	integer(uint64(math.MaxUint64)), integer(uint(math.MaxUint32)), integer(int8(-1)), integer(int8(-32)),
	integer(int8(-33)), integer(int8(-128)), integer(int16(-129)), integer(int16(-32768)), integer(int32(-32769)),
	integer(int32(math.MinInt32)), integer(int64(math.MinInt32 - 1)), integer(int64(math.MinInt64)),
	integer(int(math.MinInt64)),

	float("zero", 0.0, "0.0", "0.0", "0"), float("minus zero", math.Copysign(0, -1), "-0.0", "-0.0", "-0"),
	float("one", 1.0, "1.0", "1.0", "1"), float("0.1", 0.1, "0.1", "0.1", "0.1"),
	float("largest", math.MaxFloat64, "sys.float_info.max", "1.7976931348623157e+308", "1.7976931348623157e+308"),
	float("smallest", 5e-324, "5e-324", "5e-324", "5e-324"), float("inf", math.Inf(1), "float('inf')", "inf", "+Inf"),
	float("minus inf", math.Inf(-1), "float('-inf')", "-inf", "-Inf"), float("nan", math.NaN(), "float('nan')", "nan", "NaN"),
	float("float32 1.5", float32(1.5), "1.5", "1.5", "1.5"),
	float("float32 0.1", float32(0.1), "0.10000000149011612", "0.10000000149011612", "0.10000000149011612"),
	float("float32 inf", float32(math.Inf(1)), "float('inf')", "inf", "+Inf"),

	{"bool/true", "True", "True", "bool", true, "bool true", "bool", nil},
	{"bool/false", "False", "False", "bool", false, "bool false", "bool", nil},
	{"nil", "None", "None", "NoneType", nil, "<nil> <nil>", "", nil},

	textOf(0), textOf(31), textOf(32), textOf(255), textOf(256), textOf(65535), textOf(65536),
	str("é", "é", "'é'"), str("é of 32 bytes", strings.Repeat("é", 16), "'"+strings.Repeat("é", 16)+"'"),
	str("日本語", "日本語", "'日本語'"), str("emoji", "😀👩‍👩‍👧", `'😀👩\u200d👩\u200d👧'`), str("combined", "e\u0301", "'e\u0301'"),
	str("zero byte", "a\x00b", `'a\x00b'`), str("byte order mark", "\ufeff", `'\ufeff'`), str("quotes", `'"\`, `'\'"\\'`),

	bytesOf(0), bytesOf(1), bytesOf(31), bytesOf(32), bytesOf(255), bytesOf(256), bytesOf(65535), bytesOf(65536),
	{"bytes/that are text", "b'abc'", "b'abc'", "bytes", []byte("abc"), "[]uint8 [97 98 99]", "bytes", nil},

	{"list/empty", "[]", "()", "tuple", []int{}, "[]interface {}[]", "ints", nil},
	{"list/one to three", "[1, 2, 3]", "(1, 2, 3)", "tuple", []int{1, 2, 3}, "[]interface {}[int64 1, int64 2, int64 3]", "ints", nil},
	zeros(15), zeros(16), zeros(65535), zeros(65536), nested(2), nested(100),
	{"list/of everything", "[None, True, 1, 1.5, 'a', b'a', [], {}]", "(None, True, 1, 1.5, 'a', b'a', (), {})", "tuple",
		[]any{nil, true, int64(1), 1.5, "a", []byte("a"), []any{}, map[string]any{}},
		"[]interface {}[<nil> <nil>, bool true, int64 1, float64 1.5, string a, []uint8 [97], []interface {}[], map[string]interface {}[]]",
		"list", nil},
	{"list/with maps within", "[1, [2, {'k': [3, ()]}]]", "(1, (2, {'k': (3, ())}))", "tuple",
		[]any{int64(1), []any{int64(2), map[string]any{"k": []any{int64(3), []any{}}}}},
		"[]interface {}[int64 1, []interface {}[int64 2, map[string]interface {}[string k: []interface {}[int64 3, []interface {}[]]]]]",
		"list", nil},
	{"list/of structs", "[{'id': 7, 'name': 'Zoë'}]", "({'id': 7, 'name': 'Zoë'},)", "tuple", []User{{7, "Zoë"}},
		"[]interface {}[map[string]interface {}[string id: int64 7, string name: string Zoë]]", "users", nil},

	{"map/empty", "{}", "{}", "dict", map[string]any{}, "map[string]interface {}[]", "dict", nil},
	{"map/one", "{'a': 1}", "{'a': 1}", "dict", map[string]int{"a": 1}, "map[string]interface {}[string a: int64 1]", "counts", nil},
	{"map/two", "{'a': 2, 'z': 1}", "{'a': 2, 'z': 1}", "dict", ordered{{"a", 2}, {"z", 1}},
		"map[string]interface {}[string a: int64 2, string z: int64 1]", "counts", map[string]int{"a": 2, "z": 1}},
	{"map/nested", "{'a': {'b': {'c': {}}}}", "{'a': {'b': {'c': {}}}}", "dict",
		map[string]any{"a": map[string]any{"b": map[string]any{"c": map[string]any{}}}},
		"map[string]interface {}[string a: map[string]interface {}[string b: map[string]interface {}[string c: map[string]interface {}[]]]]",
		"dict", nil},
	nestedMaps(100),
	{"map/int key", "{1: 'a'}", "{1: 'a'}", "dict", map[int]string{1: "a"}, "map[interface {}]interface {}[int64 1: string a]", "texts", nil},
	{"map/int keys", "{-1: 'b', 1: 'a', 300: 'c'}", "{-1: 'b', 1: 'a', 300: 'c'}", "dict", ordered{{-1, "b"}, {1, "a"}, {300, "c"}},
		"map[interface {}]interface {}[int64 -1: string b, int64 1: string a, int64 300: string c]", "texts",
		map[int]string{1: "a", -1: "b", 300: "c"}},
	{"map/keys of many types", "{'a': 4, 1.5: 3, None: 1, True: 2}", "{'a': 4, 1.5: 3, None: 1, True: 2}", "dict",
		ordered{{"a", 4}, {1.5, 3}, {nil, 1}, {true, 2}},
		"map[interface {}]interface {}[<nil> <nil>: int64 1, bool true: int64 2, float64 1.5: int64 3, string a: int64 4]", "", nil},

	{"time", "'2024-02-29T12:34:56.789000001Z'", "'2024-02-29T12:34:56.789000001Z'", "str", leapDay,
		"string 2024-02-29T12:34:56.789000001Z", "time", nil},

	ext("empty", 0, "\xc7\x00", nil, "ExtType(code=0, data=b'')"),
	ext("one byte", 1, "\xd4", []byte("a"), "ExtType(code=1, data=b'a')"),
	ext("sixteen bytes", 6, "\xd8", []byte("0123456789abcdef"), "ExtType(code=6, data=b'0123456789abcdef')"),
	ext("seventeen bytes", 127, "\xc7\x11", []byte("0123456789abcdefg"), "ExtType(code=127, data=b'0123456789abcdefg')"),
	{"ext/registered", "ExtType(42, b'\\x01\\x02')", `ExtType(code=42, data=b'\x01\x02')`, "ExtType", &Pixel{1, 2},
		"*interop_test.Pixel &{1 2}", "pixel", nil},
}

func valueRows() (rows []row) {
	for _, v := range values {
		rows = append(rows, row{name: v.name, toMprpc: v.toMprpc, toGo: v.toGo})
	}
	return rows
}

// toMprpc has Python tell what it got from Go, and Go what it got from Python:
// its own value back, and one that Python made, into any and into its own type.
func (v value) toMprpc(t *testing.T, m *matrix) {
	client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
	var seen [][2]string
	if err := try(t, client, "see", codec.Args{v.write}, &seen); err != nil {
		t.Fatal(err)
	}
	if want := [2]string{v.repr, v.typ}; len(seen) != 1 || seen[0] != want {
		t.Errorf("Python saw %q, want %q", seen, want)
	}
	if got := ask[any](t, client, "echo", codec.Args{v.write}); got != v.read {
		t.Errorf("echo is %s, want %s", got, v.read)
	}
	if got := ask[any](t, client, "value", v.expr); got != v.read {
		t.Errorf("Python's %s is %s, want %s", v.expr, got, v.read)
	}
	if v.service == "" {
		return
	}
	want := v.own()
	got := reflect.New(reflect.TypeOf(want))
	if err := try(t, client, "value", v.expr, got.Interface()); err != nil {
		t.Error(err)
	} else if got := show(got.Elem().Interface()); got != show(want) {
		t.Errorf("Python's %s is %s, want %s", v.expr, got, show(want))
	}
}

// own is the value as Go reads it into its own type.
func (v value) own() any {
	if v.typed != nil {
		return v.typed
	}
	return v.write
}

// toGo is the same with the roles exchanged.
func (v value) toGo(t *testing.T, m *matrix, class string) {
	client := m.client(t, class, m.served(t).addr, nil)
	if got := goSaw(t, client, "call('see', "+v.expr+")"); got != v.read {
		t.Errorf("Go saw %s, want %s", got, v.read)
	}
	want := v.typ + " " + v.repr
	evalIn(t, client, expression{"inorder(call('echo', " + v.expr + "))", want}, expression{"call('give', '" + v.name + "')", want})
	if v.service == "" {
		return
	}
	expr := fmt.Sprintf("call('%s.typed', %s)", v.service, v.expr)
	if got, want := goSaw(t, client, expr), show(v.own()); got != want {
		t.Errorf("Go saw %s, want %s", got, want)
	}
	evalIn(t, client, expression{"inorder(" + expr + "[1])", want})
}

// goSaw evaluates an expression whose first element is a text from Go.
func goSaw(t *testing.T, client *python.Client, expr string) string {
	t.Helper()
	reply, err := client.Eval("[(" + expr + ")[0].encode().hex()]")
	if err != nil {
		t.Fatal(err)
	}
	text, err := hex.DecodeString(strings.Trim(reply.Repr, "[]'"))
	if err != nil || !reply.OK {
		t.Errorf("%s brings %s", expr, reply)
	}
	return string(text)
}
