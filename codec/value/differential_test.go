package value_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// written returns what vmihailenco writes for v, or nil for what it cannot write.
func written(v reflect.Value) (b []byte) {
	defer func() {
		if recover() != nil {
			b = nil
		}
	}()
	var out bytes.Buffer
	e := msgpack.NewEncoder(&out)
	e.UseCompactInts(true)
	e.SetCustomStructTag("json")
	if e.EncodeValue(v) != nil {
		return nil
	}
	return out.Bytes()
}

// compare fails the test unless the value that p points to is written here as
// vmihailenco writes it.
func compare(t *testing.T, p reflect.Value) {
	t.Helper()
	want := written(p.Elem())
	if disagrees(p.Elem(), 9) {
		return
	}
	vs := value.Values{Limits: limits, Format: value.Format{TimeExt: true, Nanoseconds: true}}
	for _, v := range []any{p.Interface(), p.Elem().Interface()} {
		got, err := vs.AppendNotification(nil, "m", value.Args{v})
		if want == nil && err == nil { // it fails where a value has no address, and for some types of arrays
			scanned(t, got)
			continue
		}
		if err != nil && want != nil || err == nil && !bytes.Equal(got[5:], want) {
			t.Fatalf("%T: %v\n% x, want\n% x, %v", v, p.Elem(), cut(got), cut(want), err)
		}
	}
}

// within returns pointers to values that hold v: in a struct in all ways, before
// what would show if v changed the encoder, and in a map, where it has no address.
func within(v any) (all []reflect.Value) {
	t := reflect.TypeOf(v)
	outer := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "A", Type: reflect.SliceOf(t)}, {Name: "B", Type: reflect.PointerTo(t)}, {Name: "C", Type: t}, {Name: "D", Type: reflect.ArrayOf(2, t)},
		{Name: "E", Type: reflect.TypeFor[[]twenty]()},
	}))
	o := outer.Elem()
	o.Field(0).Set(reflect.Append(o.Field(0), reflect.ValueOf(v)))
	o.Field(1).Set(reflect.New(t))
	o.Field(1).Elem().Set(reflect.ValueOf(v))
	o.Field(2).Set(reflect.ValueOf(v))
	o.Field(3).Index(0).Set(reflect.ValueOf(v))
	o.Field(3).Index(1).Set(reflect.ValueOf(v))
	o.Field(4).Set(reflect.ValueOf([]twenty{{A: 1 << 40}}))
	m := reflect.New(reflect.MapOf(reflect.TypeFor[string](), t))
	m.Elem().Set(reflect.MakeMap(m.Type().Elem()))
	m.Elem().SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf(v))
	return []reflect.Value{outer, m}
}

// TestAgrees sends types alone and within others, with values at the bounds of
// what the wire's forms take.
func TestAgrees(t *testing.T) {
	t.Parallel()
	for typ, v := range knownValues {
		for _, p := range within(v) {
			compare(t, p)
		}
		if _, purpose := disagreements[typ]; purpose {
			continue
		}
		compare(t, reflect.ValueOf(ptr([]any{v, twenty{A: 1 << 40}})))
	}
	for _, typ := range plannedTypes {
		for _, seed := range []byte{0, 1, 0xff} {
			m := maker{bytes.Repeat([]byte{seed}, 1000)}
			v := reflect.New(typ).Elem()
			m.fill(v, 3)
			for _, p := range append(within(v.Interface()), within(reflect.Zero(typ).Interface())...) {
				compare(t, p)
			}
			if !value.Walked(typ) {
				t.Errorf("%s is left to vmihailenco", typ)
			}
		}
	}
}

// TestDisagrees shows each disagreement with vmihailenco that is on purpose.
func TestDisagrees(t *testing.T) {
	t.Parallel()
	for typ, d := range disagreements {
		v := reflect.New(typ)
		if known, ok := knownValues[typ]; ok {
			v.Elem().Set(reflect.ValueOf(known))
		}
		if d.wire == "" { // see compare
			continue
		}
		vs := value.Values{Limits: limits, Format: value.Format{TimeExt: true}}
		got, err := vs.AppendNotification(nil, "m", value.Args{v.Elem().Interface()})
		if want := unhex(t, d.wire); err != nil || !bytes.Equal(got[5:], want) || bytes.Equal(want, written(v.Elem())) {
			t.Errorf("%s, %s: % x, %v, want % x; vmihailenco % x", typ, d.why, got, err, want, written(v.Elem()))
		}
	}
}

func TestAgreesOnLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		compare(t, reflect.ValueOf(ptr(make([]bool, n))))
		compare(t, reflect.ValueOf(ptr([][]byte{make([]byte, n), nil})))
		compare(t, reflect.ValueOf(ptr([]string{strings.Repeat("a", n)})))
		compare(t, reflect.New(reflect.ArrayOf(n, reflect.TypeFor[int8]())))
		compare(t, reflect.New(reflect.SliceOf(reflect.ArrayOf(n, reflect.TypeFor[byte]()))))
		m := map[uint16]bool{} // in no order: not for compare
		for i := range min(n, math.MaxUint16+1) {
			m[uint16(i)] = i%3 == 0
		}
		got, err := values.AppendResult(nil, []byte{1}, m)
		if err != nil {
			t.Fatal(err)
		}
		want, again := written(reflect.ValueOf(m)), map[uint16]bool{}
		if err := msgpack.Unmarshal(scanned(t, got)[4:], &again); err != nil || len(got)-4 != len(want) || !maps.Equal(m, again) {
			t.Errorf("a map of %d became one of %d in %d bytes, want %d; %v", n, len(again), len(got)-4, len(want), err)
		}
	}
}

// generatedText stands for code of github.com/tinylib/msgp.
type generatedText string

func (g generatedText) MarshalMsg(b []byte) ([]byte, error) {
	return append(append(b, 0xa0|byte(len(g))), g...), nil
}

// TestFormatWithin writes text in every place that only the pass over the
// finished bytes may refuse or change.
func TestFormatWithin(t *testing.T) {
	t.Parallel()
	const bad = "a\xff"
	for _, v := range []any{
		bad, ptr(bad), myString(bad), []string{bad, "a"}, [1]string{bad}, map[string]int{bad: 1}, map[int]myString{1: bad}, generatedText(bad),
		struct{ A string }{bad}, struct{ A []*string }{[]*string{nil, ptr(bad)}}, []any{bad}, reflect.New(reflect.StructOf([]reflect.StructField{
			{Name: "A", Type: reflect.TypeFor[int](), Tag: `msgpack:"a\xff"`},
		})).Interface(),
	} {
		_, errs := messages(t, &values, v)
		for _, err := range errs {
			if !strings.Contains(errText(err), "not valid UTF-8") {
				t.Errorf("%T: %v", v, err)
			}
		}
	}
	long := strings.Repeat("b", 40)
	for _, tt := range []struct {
		format value.Format
		want   string
	}{
		{value.Format{}, "82 a141 d928" + strings.Repeat("62", 40) + "a142 c40162"},
		{value.Format{Raw: true}, "82 a141 da0028" + strings.Repeat("62", 40) + "a142 a162"},
		{value.Format{EncodeText: rot}, "82 a140 d928" + strings.Repeat("61", 40) + "a141 c40162"},
	} {
		vs := value.Values{Limits: limits, Format: tt.format}
		got, err := vs.AppendResult(nil, []byte{1}, struct {
			A string
			B []byte
		}{long, []byte("b")})
		if d := diff(unhex(t, "94 01 01 c0"+tt.want), got); d != "" || err != nil {
			t.Error(d, err)
		}
	}
}

// TestRegisteredLate shows that a type is looked at once: registered behind its
// first use, it stays as it was, as the fields of a struct do for vmihailenco.
func TestRegisteredLate(t *testing.T) {
	t.Parallel()
	type late int
	compare(t, reflect.ValueOf(ptr([]late{1})))
	msgpack.Register(late(0), func(e *msgpack.Encoder, _ reflect.Value) error { return e.EncodeString("late") }, nil)
	got, err := values.AppendResult(nil, []byte{1}, []late{1})
	if d := diff(unhex(t, "94 01 01 c0 91 01"), got); d != "" || err != nil {
		t.Error(d, err)
	}
}

// TestEncodingStops sends lists, maps and structs beyond the limits. They are given
// up soon: without that, these would become gigabytes first.
func TestEncodingStops(t *testing.T) { // not in parallel: it counts what is allocated
	long := strings.Repeat("a", 1<<20)
	var keys []struct{ A, B string }
	for i := range 2000 {
		keys = append(keys, struct{ A, B string }{long, fmt.Sprint(i)})
	}
	byKey, byValue := map[[1]string]int{}, map[int]string{}
	for i := range 2000 {
		byKey[[1]string{long[i:]}], byValue[i] = i, long
	}
	for _, v := range []any{slices.Repeat([]string{long}, 2000), keys, byKey, byValue, [2000]*string{&long, &long, &long}} {
		vs := value.Values{Limits: wire.Limits{Message: 100_000, Depth: 10, Elements: 10_000}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := vs.AppendResult(nil, []byte{1}, v)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; limitName(err) != "MaxMessage" || grown > 64<<20 {
			t.Errorf("%T: %v after %d MB", v, err, grown>>20)
		}
	}
}

// A maker makes a type and a value of it, both as the bytes of a program say.
// Behind its end there are only zeros.
type maker struct{ program []byte }

func (m *maker) next() int {
	if len(m.program) == 0 {
		return 0
	}
	c := m.program[0]
	m.program = m.program[1:]
	return int(c)
}

// leaves are what the types are made of.
var leaves = append(slices.Clone(plannedTypes), slices.SortedFunc(maps.Keys(knownValues),
	func(a, b reflect.Type) int { return strings.Compare(a.String(), b.String()) })...)

var (
	keyTypes = []reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[myString](), reflect.TypeFor[int16](), reflect.TypeFor[[2]byte](),
		reflect.TypeFor[Inner](), reflect.TypeFor[level](), reflect.TypeFor[textual](), reflect.TypeFor[any](),
	}
	// # is the number of the field: vmihailenco logs names that are there twice.
	tags = []string{
		"", `msgpack:"f#"`, `msgpack:"-"`, `json:"f#"`, `msgpack:"f#,omitempty"`, `msgpack:"'f#'"`, `msgpack:" f#"`,
		`msgpack:"f#:x"`, `msgpack:"f# é"`, `msgpack:"#,alias:old#"`, `msgpack:f#`, `msgpack:"#-"`,
	}
)

func (m *maker) typ(depth int) reflect.Type {
	n := m.next()
	if depth == 0 || n >= 6 {
		return leaves[n%len(leaves)]
	}
	switch n {
	case 0:
		return reflect.SliceOf(m.typ(depth - 1))
	case 1:
		return reflect.ArrayOf(m.next()%4, m.typ(depth-1))
	case 2:
		return reflect.PointerTo(m.typ(depth - 1))
	case 3:
		return reflect.MapOf(keyTypes[m.next()%len(keyTypes)], m.typ(depth-1))
	}
	var fields []reflect.StructField
	for i := range m.next() % 20 {
		f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: m.typ(depth - 1)}
		if n == 5 { // with tags, and fields that are not exported
			k := m.next()
			f.Tag = reflect.StructTag(strings.ReplaceAll(tags[k%len(tags)], "#", fmt.Sprint(i)))
			if k >= 0xf0 {
				f.Name, f.PkgPath = fmt.Sprintf("f%d", i), "value_test"
			}
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// fill stores something in v. Maps get one entry: more have no order.
func (m *maker) fill(v reflect.Value, depth int) {
	if !v.CanSet() {
		return
	}
	if known, ok := knownValues[v.Type()]; ok {
		v.Set(reflect.ValueOf(known))
		return
	}
	n := m.next()
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(n%2 == 1)
	case v.CanInt():
		v.SetInt(m.number(n))
	case v.CanUint():
		v.SetUint(uint64(m.number(n)))
	case v.CanFloat():
		v.SetFloat([]float64{0, 1, -1, 0.1, math.Inf(1), math.NaN(), math.MaxFloat32, math.Float64frombits(uint64(m.number(n)))}[n%8])
	case v.Kind() == reflect.String:
		v.SetString(strings.Repeat("é", n%20+n/200*200))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			m.fill(v.Field(i), depth-1)
		}
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			m.fill(v.Index(i), depth-1)
		}
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		if n >= 6 {
			v.Set(reflect.ValueOf([]any{n, "a", switching{}, Inner{1, n}, Interned{"abcd", nil}}[n%5]))
		}
	case n == 0 || depth <= 0: // nil, as it is
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), (n-1)%20, 20))
		for i := range v.Len() {
			m.fill(v.Index(i), depth-1)
		}
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		if n > 1 {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			m.fill(key, depth-1)
			m.fill(elem, depth-1)
			if key.Comparable() {
				v.SetMapIndex(key, elem)
			}
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		m.fill(v.Elem(), depth-1)
	}
}

// number returns small numbers and those around the powers of two.
func (m *maker) number(n int) int64 {
	if n < 0x40 {
		return int64(n) - 0x20
	}
	x := int64(1)<<(n%64) + int64(m.next()%3) - 1
	if n >= 0xa0 {
		return -x
	}
	return x
}

// TestAgreesByProperty makes types and values at random. FuzzEncode does it with
// those that are worth something.
func TestAgreesByProperty(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	compared, read := 0, 0
	for range 1500 {
		program := make([]byte, 300)
		for i := range program {
			program[i] = byte(random.Uint32() >> (random.Uint32() % 8)) // small ones more often: they are lists, maps and structs
		}
		if encoded(t, program) {
			compared++
		}
		if decoded(t, program) {
			read++
		}
	}
	if compared < 300 || read < 100 {
		t.Errorf("%d of 1500 values are compared when written, %d when read", compared, read)
	}
}

func encoded(t *testing.T, program []byte) (compared bool) {
	m := maker{program}
	typ := reflect.SliceOf(m.typ(3)) // in a list, as an empty struct and msgp's types are special alone
	v := reflect.New(typ)
	m.fill(v.Elem(), 5)
	compare(t, v)
	compare(t, reflect.New(typ))
	return !disagrees(v.Elem(), 9)
}

// decoded decodes what vmihailenco writes for a value into its type, here and there, and
// reports whether that could be compared: where vmihailenco does not get back the value
// that it wrote, nobody knows what is right.
func decoded(t *testing.T, program []byte) (compared bool) {
	m := maker{program}
	typ := reflect.SliceOf(m.typ(3))
	v := reflect.New(typ)
	m.fill(v.Elem(), 5)
	b := written(v.Elem())
	if b == nil || disagrees(v.Elem(), 9) {
		return false
	}
	theirs, ours := reflect.New(typ), reflect.New(typ)
	if !theirDecode(b, theirs.Interface()) || !reflect.DeepEqual(theirs.Interface(), v.Interface()) {
		return false
	}
	vs := value.Values{Limits: limits, Format: value.Format{Nanoseconds: true}}
	if err := vs.DecodeResult(scanned(t, b), ours.Interface()); err != nil || !reflect.DeepEqual(ours.Interface(), theirs.Interface()) {
		t.Fatalf("% x into %s: %v, %v; want %v", cut(b), typ, ours.Elem(), err, theirs.Elem())
	}
	return true
}

func theirDecode(b []byte, to any) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	d := msgpack.NewDecoder(bytes.NewReader(b))
	d.UseLooseInterfaceDecoding(true)
	d.SetCustomStructTag("json")
	return d.Decode(to) == nil
}

// FuzzDecodeAs compares what is read here with what vmihailenco reads.
func FuzzDecodeAs(f *testing.F) {
	f.Add([]byte{4, 2, 7, 20, 3})
	f.Fuzz(func(t *testing.T, program []byte) { decoded(t, program[:min(len(program), 500)]) })
}

// FuzzEncode compares what is written here with what vmihailenco writes.
// It is for minutes, not for hours: types that were made stay in memory.
func FuzzEncode(f *testing.F) {
	f.Add([]byte{4, 2, 7, 20, 3})
	f.Fuzz(func(t *testing.T, program []byte) { encoded(t, program[:min(len(program), 500)]) })
}
