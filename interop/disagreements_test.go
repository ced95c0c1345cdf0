package interop_test

import (
	"cmp"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec/codectest"
)

// A disagreement is a row of the table in docs/values.md, by its first column: what the two sides do not see alike, on
// purpose.
type disagreement struct {
	about string
	cases []difference
}

// A difference is one value of which each side has its own idea. It is written by Go or packed by Python, or its bytes are
// given as codectest.Bytes reads them.
type difference struct {
	write any
	expr  string
	bytes string
	goSide
	modern bool // it is for msgpack 1 alone

	refused string // why it is not sent at all: Go's error, or Python's exception
	sent    string // the bytes in hex; "" does not care
	python  string // type and repr of what Python reads, or "raises" and the exception; see match
	old     string // the same with msgpack 0.6.2, where it is another
	reads   string // what Go reads into an any, as show gives it, or "error: " and its text
	into    any    // a Go type to read into, by its zero value
	typed   string // what Go reads into that type
}

var (
	noon     = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	timeExts = goSide{timeExt: true}
	deep     = goSide{depth: 2000}
)

const (
	notUTF8 = `~.*text is not valid UTF-8; use \[\]byte for bytes`
	oldExt  = "raises ValueError: code must be 0~.127"
)

var disagreements = []disagreement{
	{"tuple, namedtuple", []difference{
		{expr: "(1, 'a')", python: "list [1, 'a']", reads: "[]interface {}[int64 1, string a]"},
		{expr: "Point(1, 2)", python: "list [1, 2]", reads: "[]interface {}[int64 1, int64 2]", into: [2]int{}, typed: "[2]int [1 2]"},
	}},
	{"bytearray, memoryview", []difference{
		{expr: "bytearray(b'a')", python: "bytes b'a'", reads: "[]uint8 [97]"},
		{expr: "memoryview(b'a')", python: "bytes b'a'", reads: "[]uint8 [97]"},
	}},
	{"IntEnum and other subclasses of int, str, dict", []difference{
		{expr: "Color.RED", python: "int 1", reads: "int64 1"},
		{expr: "Text('a')", python: "str 'a'", reads: "string a"},
		{expr: "collections.OrderedDict(a=1)", python: "dict {'a': 1}", reads: "map[string]interface {}[string a: int64 1]"},
		{expr: "collections.Counter('a')", python: "dict {'a': 1}", reads: "map[string]interface {}[string a: int64 1]"},
		{expr: "collections.defaultdict(int)", python: "dict {}", reads: "map[string]interface {}[]"},
	}},
	{"keys 1, 1.0 and True", []difference{
		{write: ordered{{1, "int"}, {1.0, "float"}, {true, "bool"}}, python: "dict {1: 'bool'}",
			reads: "map[interface {}]interface {}[bool true: string bool, float64 1: string float, int64 1: string int]"},
		{expr: "{1: 'int', 1.0: 'float', True: 'bool'}", python: "dict {1: 'bool'}",
			reads: "map[interface {}]interface {}[int64 1: string bool]"},
	}},
	{"keys that are bytes, tuples, ExtType", []difference{
		{expr: "{b'k': 1}", python: "dict {b'k': 1}", reads: "error: bytes cannot be a map key in Go",
			into: map[string]int{}, typed: "map[string]int map[k:1]"},
		{expr: "{(1, 2): 3}", python: "raises TypeError: unhashable type: 'list'", reads: "error: a list cannot be a map key in Go",
			into: map[[2]int]int{}, typed: "map[[2]int]int map[[1 2]:3]"},
		{expr: "{ExtType(1, b'a'): 2}", python: "dict {ExtType(code=1, data=b'a'): 2}",
			reads: "error: an extension cannot be a map key in Go"},
	}},
	{"keys that are not text, for strict_map_key=True", []difference{
		{expr: `msgpack.unpackb(b'\x81\x01\x02', raw=False, strict_map_key=True)`, refused: "ValueError: int is not allowed for map key~.*"},
	}},
	{"float32", []difference{
		{write: float32(0.1), sent: "ca3dcccccd", python: "float 0.10000000149011612", reads: "float64 0.10000000149011612"},
		{expr: "0.1", sent: "cb3fb999999999999a", python: "float 0.1", reads: "float64 0.1", into: float32(0), typed: "float32 0.1"},
		{expr: "1e300", python: "float 1e+300", reads: "float64 1e+300", into: float32(0), typed: "error: float 1e+300 does not fit float32"},
		{expr: "Packed(msgpack.packb(1e300, use_single_float=True))", sent: "ca7f800000", python: "float inf", reads: "float64 +Inf"},
	}},
	{"NaN", []difference{
		{write: math.NaN(), sent: "cb7ff8000000000001", python: "float nan", reads: "float64 NaN"},
		{expr: "float('nan')", sent: "cb7ff8000000000000", python: "float nan", reads: "float64 NaN"},
	}},
	{"float for int, int for float, bool for int", []difference{
		{expr: "2.0", python: "float 2.0", reads: "float64 2", into: 0, typed: "error: float 2 does not fit int"},
		{expr: "2", python: "int 2", reads: "int64 2", into: 0.0, typed: "float64 2"},
		{expr: "2**53 + 1", python: "int 9007199254740993", reads: "int64 9007199254740993", into: 0.0,
			typed: "error: 9007199254740993 does not fit float64"},
		{expr: "True", python: "bool True", reads: "bool true", into: 0, typed: "error: true does not fit int"},
		{expr: "1", python: "int 1", reads: "int64 1", into: false, typed: "error: 1 does not fit bool"},
	}},
	{"integers beyond 64 bits", []difference{
		{expr: "2**64", refused: "OverflowError: Integer value out of range"},
		{expr: "-2**63 - 1", refused: "OverflowError: Integer value out of range"},
	}},
	{"str for bytes, bytes for str", []difference{
		{expr: "'a'", python: "str 'a'", reads: "string a", into: []byte{}, typed: "[]uint8 [97]"},
		{expr: "b'a'", python: "bytes b'a'", reads: "[]uint8 [97]", into: "", typed: "string a"},
	}},
	{"text that is not UTF-8", []difference{
		{bytes: "a1 ff", python: "raises UnicodeDecodeError: ~.*invalid start byte", reads: "[]uint8 [255]"},
		{bytes: "a2 c0 80", python: "raises UnicodeDecodeError: ~.*invalid start byte", reads: "[]uint8 [192 128]"},
		{bytes: "a3 ed a0 80", python: "raises UnicodeDecodeError: ~.*invalid continuation byte", reads: "[]uint8 [237 160 128]"},
		{bytes: "a4 f4 90 80 80", python: "raises UnicodeDecodeError: ~.*invalid continuation byte", reads: "[]uint8 [244 144 128 128]"},
		{bytes: "a2 e2 82", python: "raises UnicodeDecodeError: ~.*unexpected end of data", reads: "[]uint8 [226 130]"},
		{bytes: "81 a1 ff 01", python: "raises UnicodeDecodeError: ~.*invalid start byte", reads: "map[string]interface {}[string \xff: int64 1]"},
		{write: "\xff", refused: notUTF8},
		{write: map[string]int{"\xff": 1}, refused: notUTF8},
		{expr: `'\ud800'`, refused: "UnicodeEncodeError: ~.*surrogates not allowed"},
		{expr: `Packed(msgpack.packb('\ud800', use_bin_type=True, unicode_errors='surrogatepass'))`,
			python: "raises UnicodeDecodeError: ~.*invalid continuation byte", reads: "[]uint8 [237 160 128]"},
	}},
	{"None", []difference{
		{expr: "None", python: "NoneType None", reads: "<nil> <nil>", into: 0, typed: "int 0"},
		{expr: "[None]", python: "list [None]", reads: "[]interface {}[<nil> <nil>]", into: []string{}, typed: "[]string []"},
	}},
	{"times", []difference{
		{write: noon, python: "str '2024-02-29T12:00:00Z'", reads: "string 2024-02-29T12:00:00Z", into: noon, typed: "time.Time 2024-02-29 12:00:00 +0000 UTC"},
		{write: noon, goSide: timeExts, python: "Timestamp Timestamp(seconds=1709208000, nanoseconds=0)", old: oldExt,
			reads: "time.Time 2024-02-29 12:00:00 +0000 UTC"},
		{write: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), refused: "time of the year 10000 has no RFC 3339 form"},
		{expr: "datetime.datetime(2024, 2, 29)", refused: "TypeError: can not serialize 'datetime.datetime' object"},
		{expr: "Packed(msgpack.packb(datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc), datetime=True))", modern: true,
			python: "Timestamp Timestamp(seconds=1709208000, nanoseconds=0)", reads: "time.Time 2024-02-29 12:00:00 +0000 UTC"},
		{expr: "datetime.datetime(2024, 2, 29, 14, tzinfo=datetime.timezone(datetime.timedelta(hours=2))).isoformat()",
			python: "str '2024-02-29T14:00:00+02:00'", reads: "string 2024-02-29T14:00:00+02:00", into: noon,
			typed: "time.Time 2024-02-29 12:00:00 +0000 UTC"},
		{expr: "datetime.datetime(2024, 2, 29, 14).isoformat()", python: "str '2024-02-29T14:00:00'", reads: "string 2024-02-29T14:00:00",
			into: noon, typed: "error: text ~.*is not a time in RFC 3339 form.*"},
	}},
	{"timestamps that are none", []difference{
		{bytes: "d7 ff ee 6b 28 00 00 00 00 00", python: "raises ValueError: ~.*", old: oldExt,
			reads: "error: timestamp of 1000000000 nanoseconds"},
		{bytes: "c7 05 ff 00 00 00 00 00", python: "raises ValueError: ~.*", old: oldExt, reads: "error: timestamp of 5 bytes"},
		{bytes: "c7 00 ff", python: "raises ValueError: ~.*", old: oldExt, reads: "error: timestamp of 0 bytes"},
	}},
	{"extension types below 0", []difference{
		{bytes: "d4 fe 07", python: oldExt, reads: "msgpack.RawMessage [212 254 7]"},
		{bytes: "c7 00 81", python: oldExt, reads: "msgpack.RawMessage [199 0 129]"},
		{bytes: "c7 00 80", python: oldExt, reads: "msgpack.RawMessage [199 0 128]"},
	}},
	{"nesting", []difference{
		{expr: "nest(127, lambda v: [v], [])", python: "list ~.*", reads: "error: message exceeds MaxDepth (128)"},
		{write: nest(128), refused: "message exceeds MaxDepth (128)"},
		{expr: "nest(512, lambda v: [v], [])", refused: "ValueError: recursion limit exceeded."},
		{write: nest(1024), goSide: deep, python: "list ~.*", reads: show(nest(1024))},
		{write: nest(1025), goSide: deep, python: "raises StackError: ", reads: show(nest(1025))},
	}},
	{"set, complex, Decimal, UUID, datetime", []difference{
		{expr: "{1}", refused: "TypeError: can not serialize 'set' object"},
		{expr: "1j", refused: "TypeError: can not serialize 'complex' object"},
		{expr: "decimal.Decimal(1)", refused: "TypeError: can not serialize 'decimal.Decimal' object"},
		{expr: "uuid.UUID(int=0)", refused: "TypeError: can not serialize 'UUID' object"},
		{expr: "datetime.date(2024, 2, 29)", refused: "TypeError: can not serialize 'datetime.date' object"},
		{expr: "range(3)", refused: "TypeError: can not serialize 'range' object"},
	}},
	{"complex, chan, func", []difference{
		{write: 1i, refused: "~.*unsupported complex128.*"}, {write: []complex64{1}, refused: "~.*unsupported complex64.*"},
		{write: make(chan int), refused: "~.*unsupported chan int.*"},
		{write: map[string]any{"f": func() {}}, refused: "~.*unsupported func.*"},
	}},
	{"error", []difference{
		{write: []error{errors.New("a")}, python: "list ['a']", reads: "[]interface {}[string a]"},
		{write: []any{errors.New("a")}, python: "list [{}]", reads: "[]interface {}[map[string]interface {}[]]"},
	}},
	{"bytes that are no value", []difference{
		{bytes: "c1", python: "raises FormatError: ", reads: "error: byte 0xc1 is not MessagePack"},
		{bytes: "91 c1", python: "raises FormatError: ", reads: "error: byte 0xc1 is not MessagePack"},
		{bytes: "a2 'a'", python: "raises ValueError: Unpack failed: incomplete input", reads: "error: not one whole value"},
		{bytes: "dd ff ff ff ff", python: "raises ValueError: ~.*", reads: "error: message exceeds MaxMessage (16777216)"},
		{bytes: "01 02", python: "raises ExtraData: unpack(b) received extra data.", reads: "error: not one whole value"},
	}},
	{"an extension with a longer header than needed", []difference{
		{bytes: "c7 01 05 'a'", python: "ExtType ExtType(code=5, data=b'a')", reads: "msgpack.RawMessage [199 1 5 97]"},
	}},
}

// TestDisagreements has each side read what the other, or nobody, would write.
func TestDisagreements(t *testing.T) {
	for _, v := range msgpackVersions {
		t.Run("msgpack "+v.name, func(t *testing.T) {
			t.Parallel()
			var asked []difference
			var questions []question
			for _, row := range disagreements {
				for _, d := range row.cases {
					if q, ok := d.question(t, v); ok {
						asked, questions = append(asked, d), append(questions, q)
					}
				}
			}
			for i, a := range v.ask(t, questions) {
				asked[i].check(t, v, questions[i], a)
			}
		})
	}
}

// question is what Python is asked; there is nothing to ask of what Go does not send.
func (d difference) question(t *testing.T, v msgpackVersion) (q question, ok bool) {
	if d.modern && !v.modern {
		return q, false
	}
	if d.expr != "" {
		return question{Expr: d.expr}, true
	}
	b, err := d.sending()
	switch {
	case d.refused == "" && err == nil:
		return question{Hex: hex.EncodeToString(b)}, true
	case err == nil || !match(d.refused, err.Error()):
		t.Errorf("Go writes %T as %x, %v, want the error %s", d.write, b, err, d.refused)
	}
	return q, false
}

// sending is what is sent of a value that Go writes, or the bytes given.
func (d difference) sending() ([]byte, error) {
	if d.bytes != "" {
		return codectest.Bytes(d.bytes), nil
	}
	return d.goSide.write(d.write)
}

func (d difference) check(t *testing.T, v msgpackVersion, q question, a answer) {
	name := q.Expr + q.Hex
	if d.refused != "" {
		if got := cmp.Or(a.Packed, a.Made); !match("raises "+d.refused, got) {
			t.Errorf("%s: Python packs %s, want raises %s", name, got, d.refused)
		}
		return
	}
	sent := q.Hex + a.Packed
	if d.sent != "" && sent != d.sent {
		t.Errorf("%s: sent is %s, want %s", name, sent, d.sent)
	}
	b, err := hex.DecodeString(sent)
	if err != nil {
		t.Fatalf("%s: %s", name, sent)
	}
	python := d.python
	if d.old != "" && !v.modern {
		python = d.old
	}
	if got := strings.TrimPrefix(a.Type+" "+a.Read, " "); !match(python, got) {
		t.Errorf("%s: Python reads %s, want %s", name, got, python)
	}
	if got := d.show(b, new(any)); got != d.reads {
		t.Errorf("%s: Go reads %s, want %s", name, got, d.reads)
	}
	if d.into == nil {
		return
	}
	if got := d.show(b, reflect.New(reflect.TypeOf(d.into)).Interface()); !match(d.typed, got) {
		t.Errorf("%s: Go reads %s, want %s", name, got, d.typed)
	}
}

// show shows what Go reads, a time in UTC: in which zone it is told depends on the machine.
func (d difference) show(b []byte, to any) string {
	if err := d.goSide.read(b, to); err != nil {
		return "error: " + err.Error()
	}
	v := reflect.ValueOf(to).Elem().Interface()
	if at, ok := v.(time.Time); ok {
		v = at.UTC()
	}
	return show(v)
}
