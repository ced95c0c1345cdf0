package value_test

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// Types that are written otherwise than their kind says, beside those that have
// methods.
type (
	level     int   // registered by functions, without an extension type
	maybe     uint  // the same, and it differs in its zero value only
	emptied   []int // the same, and it differs where it is nil only
	sly       int   // writes small numbers as they are
	switching struct{ N int }
	Interned  struct { // from the second time on, A and what equals it are extension values
		A string `msgpack:",intern"`
		B []string
	}
	Omitting struct {
		A int `msgpack:",omitempty"`
		B int
	}
	OmittingAll struct {
		_msgpack struct{} `msgpack:",omitempty"` //lint:ignore U1000 vmihailenco looks at it
		A, B     int
	}
	Quoted struct {
		A int `msgpack:"'a,b'"`
		B int `msgpack:"name:c"`
		C int `msgpack:" d "`
		D int `msgpack:"name:"`
	}
	HasAny struct {
		A any
		B []string
		C int64
	}
	HasStringer struct{ S fmt.Stringer }
	hiddenToo   struct {
		a      int    //lint:ignore U1000 it must not be written
		B      string `msgpack:"-"`
		Name   string `msgpack:"a b\\\"ü-"`
		*Inner `msgpack:"-"`
	}
	twenty struct {
		A, B, C, D, E, F, G, H, I, J int
		K, L, M, N, O, P, Q, R, S, T string
	}
	Hops struct{ P ***int }
	// RecursiveA and B contain each other, C only them.
	RecursiveA struct{ B map[string]RecursiveB }
	RecursiveB struct{ A *RecursiveA }
	RecursiveC struct{ A []RecursiveA }
)

// EncodeMsgpack leaves the encoder with other settings than it found.
func (switching) EncodeMsgpack(e *msgpack.Encoder) error {
	e.UseCompactInts(false)
	e.UseArrayEncodedStructs(true)
	return e.EncodeNil()
}

func (s sly) EncodeMsgpack(e *msgpack.Encoder) error {
	if s > 1 {
		return e.EncodeString("many")
	}
	return e.EncodeInt(int64(s))
}

func init() {
	msgpack.Register(level(0), func(e *msgpack.Encoder, v reflect.Value) error {
		return e.EncodeString(fmt.Sprint("level ", v.Int()))
	}, nil)
	msgpack.Register(maybe(0), func(e *msgpack.Encoder, v reflect.Value) error {
		if v.IsZero() {
			return e.EncodeNil()
		}
		return e.EncodeUint(v.Uint())
	}, nil)
	msgpack.Register(emptied(nil), func(e *msgpack.Encoder, v reflect.Value) error {
		err := e.EncodeArrayLen(v.Len())
		for i := range v.Len() {
			err = errors.Join(err, e.EncodeInt(v.Index(i).Int()))
		}
		return err
	}, nil)
}

// plannedTypes are walked through.
var plannedTypes = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](),
	reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](),
	reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](),
	reflect.TypeFor[[]byte](), reflect.TypeFor[[3]byte](), reflect.TypeFor[[]myByte](), reflect.TypeFor[[2]myByte](),
	reflect.TypeFor[myString](), reflect.TypeFor[myByte](), reflect.TypeFor[myBool](), reflect.TypeFor[time.Duration](),
	reflect.TypeFor[[]myString](), reflect.TypeFor[map[myString]bool](), reflect.TypeFor[map[int]string](), reflect.TypeFor[map[[2]byte]Inner](),
	reflect.TypeFor[Inner](), reflect.TypeFor[hiddenToo](), reflect.TypeFor[twenty](), reflect.TypeFor[Hops](), reflect.TypeFor[struct{}](),
	reflect.TypeFor[generated](), reflect.TypeFor[generatedStruct](), // within other values they are written by their kind
}

// knownValues are of types with something in them that their kind does not tell:
// methods, tags, embedding, interfaces. Some encode their zero value to nothing.
var knownValues = func() map[reflect.Type]any {
	m := map[reflect.Type]any{}
	for _, v := range []any{
		upper{"ABC"}, pointerOnly{"abc"}, marshaler{[]byte{0x92, 1, 2}}, binaryOf{"abc"}, textual{"abc"}, list{7}, set{"x": true}, sly(7),
		msgpack.RawMessage{0x91, 5}, *big.NewInt(5), time.Unix(1e9, 5).UTC(), // by methods
		point{3, -4}, named{"abc"}, bag{[]byte{1}}, level(3), maybe(0), emptied(nil), // by registration
		Omitting{0, 1}, OmittingAll{}, AsArray{A: 1, B: 2}, Quoted{1, 2, 3, 4}, Tagged{Name: "x", Alias: 3}, Interned{"abcd", []string{"abcd"}}, // by tags
		Inlined{Inner{1, 2}}, Pointered{&Inner{1, 2}, 3}, Pointered{}, Unexported{hidden{1, 2}}, NotInlined{Inner{1, 2}}, Shadowed{3, Inner{1, 2}},
		Forced{3, Inner{0, 2}}, HasSelf{upper{"A"}, 1}, Numbered{A: 1}, everyKind{}, // by embedding
		Recursive{N: 1, Left: &Recursive{N: 2, Map: map[string]Recursive{"k": {}}}}, RecursiveA{map[string]RecursiveB{"b": {&RecursiveA{}}}},
		RecursiveB{&RecursiveA{}}, RecursiveC{[]RecursiveA{{}}}, // by containing themselves
		HasAny{5, []string{"a"}, 1 << 40}, HasAny{switching{}, nil, 5}, HasAny{Interned{"abcd", nil}, []string{"abcd"}, 0}, HasAny{},
		HasStringer{time.Second}, switching{}, struct{ E error }{errBad}, struct{ P *any }{ptr(any(5))}, // by what may come
		map[string][2]myByte{"a": {1, 2}}, // a case in which it panics
		struct{ C chan int }{},
	} {
		m[reflect.TypeOf(v)] = v
	}
	return m
}()

// disagreements are the types that are written otherwise than by vmihailenco, on
// purpose: what for, and what knownValues has or the zero value is.
var disagreements = map[reflect.Type]struct{ why, wire string }{
	reflect.TypeFor[textual]():   {"F7: a type with MarshalText is text", "a3616263"},
	reflect.TypeFor[big.Int]():   {"F7", "a135"},
	reflect.TypeFor[Interned]():  {"F5: intern has no effect", "82 a141 a461626364 a142 91 a461626364"},
	reflect.TypeFor[switching](): {"settings of an encoder end with its value", ""},
	reflect.TypeFor[Numbered]():  {"F4: an embedded type that is not exported and no struct is no field", "81 a141 01"},
	reflect.TypeFor[Shadowed]():  {"F2: Go's rule of shadowing, whatever the order of fields", "82 a141 03 a142 02"},
}

// disagrees reports whether there is a value of one of those types in v.
func disagrees(v reflect.Value, depth int) bool {
	if !v.IsValid() || depth == 0 {
		return !v.IsValid()
	}
	if _, ok := disagreements[v.Type()]; ok {
		return true
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return !v.IsNil() && disagrees(v.Elem(), depth-1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if disagrees(v.Index(i), depth-1) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if disagrees(it.Key(), depth-1) || disagrees(it.Value(), depth-1) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && (disagrees(v.Field(i), depth-1) || strings.Contains(string(f.Tag), "omitempty") && opaque(f.Type)) {
				return true
			}
		}
	}
	return false
}

// opaque reports whether t is a struct without exported fields, which vmihailenco
// takes for empty whatever it holds, also where the type encodes itself.
func opaque(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() {
		return false
	}
	for i := range t.NumField() {
		if t.Field(i).IsExported() {
			return false
		}
	}
	return true
}
