package interop_test

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// The corpus's lists, maps and structs.

// lists have every length at which the header changes.
func lists() (all []specimen) {
	for _, n := range lengths() {
		ints, read := make([]int, n), make([]any, n)
		for i := range n {
			ints[i], read[i] = i%128, int64(i%128)
		}
		s := specimen{name: fmt.Sprint("list/of ", n), expr: fmt.Sprintf("[i %% 128 for i in range(%d)]", n), typ: "list",
			write: ints, read: read, misfits: []any{0, "", []byte{}, [3]string{}, map[string]int{}, [34567]int8{}}}
		if n < 40 {
			array := reflect.New(reflect.ArrayOf(n, reflect.TypeFor[int]())).Elem()
			reflect.Copy(array, reflect.ValueOf(ints))
			s.alike = []any{namedList(ints), array.Interface(), read}
		}
		all = append(all, s)
	}
	return all
}

// maps have every length at which the header changes, with integers and with texts as keys.
func maps() (all []specimen) {
	for _, n := range lengths() {
		ints, read := make(map[int]int, n), make(map[any]any, n)
		for i := range n {
			ints[i], read[int64(i)] = i%128, int64(i%128)
		}
		s := specimen{name: fmt.Sprint("map/of ", n), expr: fmt.Sprintf("{i: i %% 128 for i in range(%d)}", n), typ: "dict",
			write: ints, read: read, misfits: []any{0, "", []int{}}}
		if n == 0 {
			s.read = map[string]any{}
		} else {
			s.misfits = append(s.misfits, map[string]int{})
		}
		all = append(all, s)
		if n > 300 {
			continue
		}
		texts, read2 := namedMap{}, map[string]any{}
		for i := range n {
			key := fmt.Sprintf("k%03d", i)
			texts[key], read2[key] = i%128, int64(i%128)
		}
		all = append(all, specimen{name: fmt.Sprintf("map/of %d texts", n), expr: fmt.Sprintf("{'k%%03d' %% i: i %% 128 for i in range(%d)}", n),
			typ: "dict", write: texts, read: read2, alike: []any{map[string]int(texts), read2}, misfits: []any{0, "", []int{}}})
	}
	return all
}

// noKey is the error of a key that an any cannot have.
func noKey(what string) string { return what + " cannot be a map key in Go" }

// mapKeys are of all types that both have. Python has them all as keys, bytes and lists included.
func mapKeys() []specimen {
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	return []specimen{
		{name: "key/text", expr: "{'k': 1}", typ: "dict", write: map[string]int{"k": 1}, read: map[string]any{"k": int64(1)},
			alike: []any{map[namedString]int{"k": 1}, map[any]any{"k": int64(1)}}, misfits: []any{map[int]int{}, map[bool]int{}}},
		{name: "key/empty text", expr: "{'': None}", typ: "dict", write: map[string]any{"": nil}, read: map[string]any{"": nil},
			alike: []any{map[string]*int{"": nil}}},
		{name: "key/int", expr: "{-1: 'a'}", typ: "dict", write: map[int8]string{-1: "a"}, read: map[any]any{int64(-1): "a"},
			alike: []any{map[int64]string{-1: "a"}}, misfits: []any{map[uint]string{}, map[string]string{}}},
		{name: "key/largest int", expr: "{2**64 - 1: 'a'}", typ: "dict", write: map[uint64]string{math.MaxUint64: "a"},
			read: map[any]any{uint64(math.MaxUint64): "a"}, misfits: []any{map[int64]string{}}},
		{name: "key/bool", expr: "{True: 1}", typ: "dict", write: map[bool]int{true: 1}, read: map[any]any{true: int64(1)}},
		{name: "key/float", expr: "{1.5: 1}", typ: "dict", write: map[float64]int{1.5: 1}, read: map[any]any{1.5: int64(1)},
			misfits: []any{map[int]int{}}},
		{name: "key/None", expr: "{None: 1}", typ: "dict", write: map[any]int{nil: 1}, read: map[any]any{nil: int64(1)}},
		{name: "key/bytes", expr: "{b'k': 1}", typ: "dict", write: map[[1]byte]int{{'k'}: 1}, anyError: noKey("bytes"),
			reads: []any{map[string]int{"k": 1}}},
		{name: "key/tuple", expr: "{(1, 2): 3}", typ: "dict", write: map[[2]int]int{{1, 2}: 3}, anyError: noKey("a list"), tuples: true},
		{name: "key/timestamp", expr: "{Timestamp(1709164800, 0): 3}", typ: "dict", write: map[time.Time]int{day: 3},
			read: map[any]any{day: int64(3)}, goSide: goSide{timeExt: true}, modern: true},
		{name: "key/several types", expr: "{'a': 4, 1.5: 3, None: 1, True: 2, -7: 0}", typ: "dict",
			write: map[any]any{"a": int64(4), 1.5: int64(3), nil: int64(1), true: int64(2), int64(-7): int64(0)},
			read:  map[any]any{"a": int64(4), 1.5: int64(3), nil: int64(1), true: int64(2), int64(-7): int64(0)}},
	}
}

// nestings go down to the limit, which counts the response's own array, and beyond it where the options allow that.
func nestings() (all []specimen) {
	for _, n := range []int{1, 2, 3, 15, 16, 17, 31, 32, 33, 64, 126, 127, 128, 255, 256, 511, 512} {
		var side goSide
		if n > 127 {
			side.depth = n + 1
		}
		var dict any = map[string]any{}
		var mixed any = []any{}
		for i := range n - 1 {
			dict = map[string]any{"k": dict}
			if i%2 == 0 {
				mixed = map[any]any{int64(i): mixed}
			} else {
				mixed = []any{nil, mixed}
			}
		}
		all = append(all,
			specimen{name: fmt.Sprint("nested/lists ", n), expr: fmt.Sprintf("nest(%d, lambda v: [v], [])", n-1), typ: "list",
				write: nest(n), read: nest(n), goSide: side},
			specimen{name: fmt.Sprint("nested/dicts ", n), expr: fmt.Sprintf("nest(%d, lambda v: {'k': v}, {})", n-1), typ: "dict",
				write: dict, read: dict, goSide: side})
		if n%2 == 1 {
			all = append(all, specimen{name: fmt.Sprint("nested/both ", n), typ: "list", write: mixed, read: mixed, goSide: side,
				expr: fmt.Sprintf("functools.reduce(lambda v, i: [None, v] if i %% 2 else {i: v}, range(%d), [])", n-1)})
		}
	}
	return all
}

type person struct {
	Name string   `msgpack:"name"`
	Age  int      `msgpack:"age,omitempty"`
	Tags []string `msgpack:"tags,omitempty"`
	Boss *person  `msgpack:"boss,omitempty"`
}

type optional struct {
	Int    int            `msgpack:",omitempty"`
	Float  float64        `msgpack:",omitempty"`
	Bool   bool           `msgpack:",omitempty"`
	Text   string         `msgpack:",omitempty"`
	Bytes  []byte         `msgpack:",omitempty"`
	List   []int          `msgpack:",omitempty"`
	Map    map[string]int `msgpack:",omitempty"`
	Any    any            `msgpack:",omitempty"`
	Time   time.Time      `msgpack:",omitempty"`
	Struct *person        `msgpack:",omitempty"`
}

type bare struct {
	UserID int
	Héllo  string
	Left   int `msgpack:"-"`
}

type position struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 vmihailenco looks at it
	X, Y     int
	Label    string
}

type event struct {
	At    time.Time  `msgpack:"at"`
	Until *time.Time `msgpack:"until"`
}

// Animal and the types that embed it are exported because vmihailenco leaves out embedded types that are not.
type Animal struct {
	Legs int `msgpack:"legs"`
}

type dog struct {
	Animal
	Name string `msgpack:"name"`
}

type cat struct {
	*Animal
	Name string `msgpack:"name"`
}

type cage struct {
	Animal `msgpack:"animal,noinline"`
	Size   float64 `msgpack:"size"`
}

type scalars struct {
	I8  int8           `msgpack:"i8"`
	U64 uint64         `msgpack:"u64"`
	F   float64        `msgpack:"f"`
	B   bool           `msgpack:"b"`
	P   *int           `msgpack:"p"`
	L   []int          `msgpack:"l"`
	M   map[string]any `msgpack:"m"`
	D   []byte         `msgpack:"d"`
	A   [2]bool        `msgpack:"a"`
	X   any            `msgpack:"x"`
}

// structs are dicts in Python, or lists where the tag says so.
func structs() []specimen {
	ann, readAnn := person{Name: "Ann"}, map[string]any{"name": "Ann"}
	return []specimen{
		{name: "struct/fields omitted", expr: "{'name': 'Ann'}", typ: "dict", write: ann, read: readAnn,
			alike: []any{&ann, readAnn, map[string]string{"name": "Ann"}}, misfits: []any{0, "", []int{}, struct{ Name int }{}}},
		{name: "struct/all fields", expr: "{'name': 'Bob', 'age': 40, 'tags': ['a', 'b'], 'boss': {'name': 'Ann'}}", typ: "dict",
			write: person{"Bob", 40, []string{"a", "b"}, &ann},
			read:  map[string]any{"name": "Bob", "age": int64(40), "tags": []any{"a", "b"}, "boss": readAnn}},
		{name: "struct/nothing to omit", expr: "{'Int': 1, 'Float': 0.5, 'Bool': True, 'Text': 'a', 'Bytes': b'a', 'List': [1], " +
			"'Map': {'a': 1}, 'Any': 'a', 'Time': '2024-02-29T12:00:00Z', 'Struct': {'name': 'Ann'}}", typ: "dict",
			write: optional{1, 0.5, true, "a", []byte("a"), []int{1}, map[string]int{"a": 1}, "a", noon, &ann},
			read: map[string]any{"Int": int64(1), "Float": 0.5, "Bool": true, "Text": "a", "Bytes": []byte("a"), "List": []any{int64(1)},
				"Map": map[string]any{"a": int64(1)}, "Any": "a", "Time": "2024-02-29T12:00:00Z", "Struct": readAnn}},
		{name: "struct/all omitted", expr: "{}", typ: "dict", write: optional{}, read: map[string]any{}},
		{name: "struct/nil within", expr: "{'at': '2024-02-29T12:00:00Z', 'until': None}", typ: "dict",
			write: event{noon, nil}, read: map[string]any{"at": "2024-02-29T12:00:00Z", "until": nil}},
		{name: "struct/times", expr: "{'at': Timestamp(1709208000, 0), 'until': Timestamp(1709208000, 0)}", typ: "dict",
			write: event{noon, &noon}, read: map[string]any{"at": noon, "until": noon},
			goSide: goSide{timeExt: true}, modern: true},
		{name: "struct/names of Go", expr: "{'UserID': 7, 'Héllo': 'x'}", typ: "dict", write: bare{UserID: 7, Héllo: "x"},
			read: map[string]any{"UserID": int64(7), "Héllo": "x"}},
		{name: "struct/as a list", expr: "[1, -2, 'c']", typ: "list", write: position{X: 1, Y: -2, Label: "c"},
			read: []any{int64(1), int64(-2), "c"}, alike: []any{[]any{int64(1), int64(-2), "c"}}, reads: []any{struct {
				A, B int
				C    string
			}{1, -2, "c"}}, misfits: []any{ann, struct{ A, B int }{}}},
		{name: "struct/embedded", expr: "{'legs': 4, 'name': 'Rex'}", typ: "dict", write: dog{Animal{4}, "Rex"},
			read: map[string]any{"legs": int64(4), "name": "Rex"}, alike: []any{cat{&Animal{4}, "Rex"}}},
		{name: "struct/embedded but not inlined", expr: "{'animal': {'legs': 2}, 'size': 1.0}", typ: "dict", write: cage{Animal{2}, 1},
			read: map[string]any{"animal": map[string]any{"legs": int64(2)}, "size": 1.0}},
		{name: "struct/zero values", expr: "{'i8': 0, 'u64': 0, 'f': 0.0, 'b': False, 'p': None, 'l': None, 'm': None, 'd': None, " +
			"'a': [False, False], 'x': None}", typ: "dict", write: scalars{},
			read: map[string]any{"i8": int64(0), "u64": int64(0), "f": 0.0, "b": false, "p": nil, "l": nil, "m": nil, "d": nil,
				"a": []any{false, false}, "x": nil}},
		{name: "struct/largest values", expr: "{'i8': -128, 'u64': 2**64 - 1, 'f': 1.7976931348623157e308, 'b': True, 'p': 2**63 - 1, " +
			"'l': [], 'm': {}, 'd': b'', 'a': [True, False], 'x': [{}]}", typ: "dict",
			write: scalars{-128, math.MaxUint64, math.MaxFloat64, true, pointer(math.MaxInt64), []int{}, map[string]any{}, []byte{},
				[2]bool{true}, []any{map[string]any{}}},
			read: map[string]any{"i8": int64(-128), "u64": uint64(math.MaxUint64), "f": math.MaxFloat64, "b": true, "p": int64(math.MaxInt64),
				"l": []any{}, "m": map[string]any{}, "d": []byte{}, "a": []any{true, false}, "x": []any{map[string]any{}}}},
		{name: "struct/keys in other case, and unknown", expr: "{'NAME': 'Ann', 'Extra': [1, {}]}", typ: "dict",
			write: map[string]any{"NAME": "Ann", "Extra": []any{int64(1), map[string]any{}}},
			read:  map[string]any{"NAME": "Ann", "Extra": []any{int64(1), map[string]any{}}}, reads: []any{ann}},
	}
}

// mixtures are values within values.
func mixtures() []specimen {
	everything := []any{nil, true, int64(-1), 1.5, "a", []byte("a"), []any{}, map[string]any{}, map[any]any{int64(1): []any{nil}}}
	return []specimen{
		{name: "mixed/everything", expr: "[None, True, -1, 1.5, 'a', b'a', [], {}, {1: [None]}]", typ: "list", write: everything, read: everything},
		{name: "mixed/list of structs", expr: "[{'name': 'Ann'}, {'name': '', 'age': -1}]", typ: "list",
			write: []person{{Name: "Ann"}, {Age: -1}}, alike: []any{[]*person{{Name: "Ann"}, {Age: -1}}, [2]person{{Name: "Ann"}, {Age: -1}}},
			read: []any{map[string]any{"name": "Ann"}, map[string]any{"name": "", "age": int64(-1)}}},
		{name: "mixed/map of structs", expr: "{7: {'name': 'Ann'}}", typ: "dict", write: map[int]person{7: {Name: "Ann"}},
			read: map[any]any{int64(7): map[string]any{"name": "Ann"}}},
		{name: "mixed/map of lists of maps", expr: "{'a': [{1: True}, {}], 'b': []}", typ: "dict",
			write: map[string][]map[int]bool{"a": {{1: true}, {}}, "b": {}},
			read:  map[string]any{"a": []any{map[any]any{int64(1): true}, map[string]any{}}, "b": []any{}}},
		{name: "mixed/lists of lists", expr: "[[1, 2], [3, 4], []]", typ: "list", write: [][]int{{1, 2}, {3, 4}, {}},
			read: []any{[]any{int64(1), int64(2)}, []any{int64(3), int64(4)}, []any{}}, misfits: []any{[][2]int{}, []int{}}},
		{name: "mixed/list of pointers", expr: "[1, None, 3]", typ: "list", write: []*int{pointer(1), nil, pointer(3)},
			read: []any{int64(1), nil, int64(3)}, reads: []any{[]int{1, 0, 3}}},
		{name: "mixed/bytes and text", expr: `[b'', b'\xff', 'a']`, typ: "list", write: []any{[]byte{}, []byte{0xff}, "a"},
			read: []any{[]byte{}, []byte{0xff}, "a"}, reads: []any{[][]byte{{}, {0xff}, []byte("a")}}},
		{name: "mixed/list of floats and ints", expr: "[1, 2.5]", typ: "list", write: []any{int64(1), 2.5}, read: []any{int64(1), 2.5},
			reads: []any{[]float64{1, 2.5}, []float32{1, 2.5}}, misfits: []any{[]int{}}},
		{name: "mixed/extensions", expr: `{'p': [ExtType(42, b'\x01\x02')]}`, typ: "dict", write: map[string][]*Pixel{"p": {{1, 2}}},
			read: map[string]any{"p": []any{&Pixel{1, 2}}}},
		{name: "mixed/named types", expr: "{'a': ['b', 'c']}", typ: "dict", write: map[namedString][]namedString{"a": {"b", "c"}},
			read: map[string]any{"a": []any{"b", "c"}}},
		{name: "mixed/mixed keys", expr: "{'a': {1: {None: {True: {1.5: {}}}}}}", typ: "dict",
			write: map[string]map[int]map[any]map[bool]map[float64]struct {
				X *int `msgpack:",omitempty"`
			}{"a": {1: {nil: {true: {1.5: {}}}}}},
			read: map[string]any{"a": map[any]any{int64(1): map[any]any{nil: map[any]any{true: map[any]any{1.5: map[string]any{}}}}}}},
	}
}
