package value_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec/value"
)

// Types to embed, whose fields hide each other in every way: at equal and other depths,
// with and without tags, by value and by pointer, and one that leads back to itself.
type (
	EmbedA struct{ ID, Rev int }
	EmbedB struct {
		EmbedA
		ID int
	}
	EmbedC struct {
		*EmbedA
		Name int `json:"ID"`
	}
	EmbedD struct {
		EmbedB
		EmbedC
		Rev int `json:"Rev"`
	}
	EmbedE struct {
		Rev  int `json:"rev"`
		Kind int `json:"ID,omitempty"`
	}
	EmbedF struct {
		EmbedE `json:"e"`
		*EmbedG
		Kind int
	}
	EmbedG struct {
		*EmbedF
		Last int `json:"-"`
		Name int
	}
	EmbedH struct {
		embedHidden
		ID int `json:"Name"`
	}
	embedHidden struct {
		Kind, Name int
		*EmbedA
	}
)

var embeddable = []reflect.Type{
	reflect.TypeFor[EmbedA](), reflect.TypeFor[EmbedB](), reflect.TypeFor[EmbedC](), reflect.TypeFor[EmbedD](),
	reflect.TypeFor[EmbedE](), reflect.TypeFor[EmbedF](), reflect.TypeFor[EmbedG](), reflect.TypeFor[EmbedH](),
}

var embedNames = []string{"ID", "Rev", "Name", "Kind", "rev", "e"}

// embedding makes a struct type as the bytes of a program say: what it embeds, and
// fields and tags with names that are taken.
func (m *maker) embedding() reflect.Type {
	var fields []reflect.StructField
	used := map[string]bool{}
	for range 1 + m.next()%3 {
		t := embeddable[m.next()%len(embeddable)]
		f := reflect.StructField{Name: t.Name(), Type: t, Anonymous: true}
		if used[f.Name] {
			continue
		}
		used[f.Name] = true
		if n := m.next(); n%3 == 0 {
			f.Type = reflect.PointerTo(t)
		} else if n%7 == 0 {
			f.Tag = `json:"e"`
		}
		fields = append(fields, f)
	}
	for i := range m.next() % 4 {
		f := reflect.StructField{Name: embedNames[m.next()%4], Type: reflect.TypeFor[int]()}
		if used[f.Name] {
			f.Name = fmt.Sprintf("F%d", i)
		}
		used[f.Name] = true
		switch n := m.next(); n % 3 {
		case 0:
			f.Tag = reflect.StructTag(fmt.Sprintf("json:%q", embedNames[n%len(embedNames)]))
		case 1:
			f.Tag = `json:",omitempty"`
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// numberInts gives each int in v one of its own, and each pointer but for those of types
// that lead back to themselves something to point to.
func numberInts(v reflect.Value, n *int, depth int) {
	switch v.Kind() {
	case reflect.Int:
		if *n++; v.CanSet() {
			v.SetInt(int64(*n))
		}
	case reflect.Pointer:
		if depth < 6 && v.CanSet() {
			v.Set(reflect.New(v.Type().Elem()))
			numberInts(v.Elem(), n, depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			numberInts(v.Field(i), n, depth+1)
		}
	}
}

// embedded compares the fields that are found in a struct with those that
// encoding/json finds: what is written, and what is read in any order of keys.
func embedded(t *testing.T, program []byte) {
	m := maker{program}
	typ := m.embedding()
	v := reflect.New(typ)
	n := 0
	numberInts(v.Elem(), &n, 0)
	text, err := json.Marshal(v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	b, err := values.AppendResult(nil, []byte{1}, v.Interface())
	if err == nil {
		err = values.DecodeResult(scanned(t, b)[4:], &got)
	}
	if err != nil || fmt.Sprint(plainNumbers(got)) != fmt.Sprint(plainNumbers(want)) {
		t.Fatalf("%s is written as\n%v, %v; encoding/json has\n%v", typ, got, err, want)
	}
	// A part of the keys, in another order, with some that no field has.
	var keys []string
	for k := range want {
		if _, nested := want[k].(map[string]any); !nested {
			keys = append(keys, k)
		}
	}
	keys = append(keys, "nobody")
	slices.Sort(keys)
	for i := range keys {
		j := m.next() % len(keys)
		keys[i], keys[j] = keys[j], keys[i]
	}
	keys = keys[:len(keys)-m.next()%len(keys)]
	object := make([]string, len(keys))
	raw := []byte{0x80 | byte(len(keys))}
	for i, k := range keys {
		object[i] = fmt.Sprintf("%q:%d", k, i+1)
		raw = append(append(append(raw, 0xa0|byte(len(k))), k...), byte(i+1))
	}
	wantIn, gotIn := reflect.New(typ), reflect.New(typ)
	wantErr := json.Unmarshal([]byte("{"+strings.Join(object, ",")+"}"), wantIn.Interface())
	gotErr := values.DecodeResult(scanned(t, raw), gotIn.Interface())
	if (wantErr == nil) != (gotErr == nil) || !reflect.DeepEqual(wantIn.Interface(), gotIn.Interface()) {
		t.Fatalf("%v into %s\n%+v, %v; encoding/json has\n%+v, %v", object, typ, gotIn.Elem(), gotErr, wantIn.Elem(), wantErr)
	}
	// By name as parameters, where no pointer is embedded, it is the same. With fewer than
	// two that must be sent, the map may be the first of them.
	params := value.ParamsOf(typ)
	asParams := reflect.New(typ)
	err = values.DecodeParams(append([]byte{0x91}, raw...), asParams.Interface())
	if err == nil && len(params) > 1 && !params[1].Optional && !reflect.DeepEqual(wantIn.Interface(), asParams.Interface()) {
		t.Fatalf("%v as parameters of %s: %+v, want %+v", object, typ, asParams.Elem(), wantIn.Elem())
	}
	for _, p := range params {
		if _, field := want[p.Name]; !field && !p.Optional {
			t.Fatalf("%s has a parameter %s, which is no field", typ, p.Name)
		}
	}
}

// plainNumbers makes of all numbers what both write alike, and leaves out what is nil:
// fields behind a nil pointer, which encoding/json leaves out.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			if x != nil {
				m[k] = plainNumbers(x)
			}
		}
		return m
	case nil:
		return nil
	}
	return fmt.Sprint(v)
}

func TestEmbeddingIsThatOfJSON(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 3000 {
		program := make([]byte, 60)
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		embedded(t, program)
	}
}

// FuzzEmbedding does it with those types that are worth something.
func FuzzEmbedding(f *testing.F) {
	f.Add([]byte{2, 3, 1, 5, 0, 3, 0, 1})
	f.Fuzz(func(t *testing.T, program []byte) { embedded(t, program[:min(len(program), 100)]) })
}
