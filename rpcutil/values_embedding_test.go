package rpcutil_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
)

type (
	Base struct{ ID, Rev int }
	Item struct {
		Base
		ID int
	}
	ItemLast struct {
		ID int
		Base
	}
	ItemByPointer struct {
		*Base
		ID int
	}
	ItemOfText struct { // another type than what it hides
		Base
		ID string
	}
	ItemByTag struct { // hidden by a name that only the wire knows
		Base
		Number int `msgpack:"ID"`
	}
	Mid struct {
		Base
		ID int
	}
	Top struct {
		Mid
		Name string
	}
	Topmost struct {
		Top
		Rev string
	}
	Other     struct{ ID, Size int }
	Ambiguous struct { // Go has no name for either ID
		Base
		Other
	}
	TaggedOther struct {
		Number int `msgpack:"ID"`
	}
	Decided struct { // the name from a tag wins at the same depth
		Base
		TaggedOther
	}
	Left   struct{ Base }
	Right  struct{ Base }
	Double struct { // both fields of Base are there twice
		Left
		Right
		N int
	}
	Looping struct {
		*Looping
		N int
	}
	ListItem struct {
		//lint:ignore U1000 its tag is about the struct
		_msgpack struct{} `msgpack:",as_array"`
		Base
		ID int
	}
	Generic[T any] struct{ V T }
	OfGeneric      struct {
		Generic[int]
		N int
	}
	hiddenBase struct{ ID, Rev int }
	OfHidden   struct {
		hiddenBase
		N int
	}
	OfHiddenPointer struct {
		*hiddenBase
		N int
	}
)

// TestShadowedFields holds both directions to Go's own rule of which field a name
// means, whatever the order of keys.
func TestShadowedFields(t *testing.T) {
	t.Parallel()
	runValues(t, codec.Options{}, []valueCase{
		reads("outer field first", "82 a2 'ID' 05 a3 'Rev' 02", Item{Base{0, 2}, 5}), // F1
		both("outer field last", Item{Base{0, 2}, 5}, "82 a3 'Rev' 02 a2 'ID' 05"),   // F1
		both("outer field before", ItemLast{5, Base{0, 2}}, "82 a2 'ID' 05 a3 'Rev' 02"),
		reads("in lower case", "82 a2 'id' 05 a3 'rev' 02", Item{Base{0, 2}, 5}),
		both("through a pointer", ItemByPointer{&Base{0, 2}, 5}, "82 a3 'Rev' 02 a2 'ID' 05"),
		reads("through a pointer that stays nil", "81 a2 'ID' 05", ItemByPointer{nil, 5}),
		reads("through a pointer, other order", "82 a2 'ID' 05 a3 'Rev' 02", ItemByPointer{&Base{0, 2}, 5}),
		both("another type", ItemOfText{Base{0, 2}, "five"}, "82 a3 'Rev' 02 a2 'ID' a4 'five'"),
		reads("another type, other order", "82 a2 'ID' a4 'five' a3 'Rev' 02", ItemOfText{Base{0, 2}, "five"}),
		refuses[ItemOfText]("the hidden type", "81 a2 'ID' 05", ".ID", "5 does not fit string"),
		both("by a tag", ItemByTag{Base{0, 2}, 5}, "82 a3 'Rev' 02 a2 'ID' 05"),
		reads("by a tag, other order", "82 a2 'ID' 05 a3 'Rev' 02", ItemByTag{Base{0, 2}, 5}),
		both("two levels", Top{Mid{Base{0, 1}, 2}, "n"}, "83 a3 'Rev' 01 a2 'ID' 02 a4 'Name' a1 'n'"), // F2
		reads("two levels, other order", "83 a2 'ID' 02 a4 'Name' a1 'n' a3 'Rev' 01", Top{Mid{Base{0, 1}, 2}, "n"}),
		both("three levels", Topmost{Top{Mid{Base{}, 2}, "n"}, "r"}, "83 a2 'ID' 02 a4 'Name' a1 'n' a3 'Rev' a1 'r'"),
		both("ambiguous", Ambiguous{Base{0, 1}, Other{0, 2}}, "82 a3 'Rev' 01 a4 'Size' 02"),
		reads("ambiguous name", "82 a2 'ID' 05 a3 'Rev' 01", Ambiguous{Base: Base{0, 1}}),
		both("decided by a tag", Decided{Base{0, 1}, TaggedOther{2}}, "82 a3 'Rev' 01 a2 'ID' 02"),
		both("the same type twice", Double{N: 1}, "81 a1 'N' 01"),
		reads("names of the same type twice", "83 a2 'ID' 05 a3 'Rev' 06 a1 'N' 01", Double{N: 1}),
		both("itself", Looping{N: 1}, "81 a1 'N' 01"),
		both("as a list", ListItem{Base: Base{0, 2}, ID: 5}, "92 02 05"),
		reads("a list by places", "92 02 05", Item{Base{0, 2}, 5}),
		both("of a generic type", OfGeneric{Generic[int]{1}, 2}, "82 a1 'V' 01 a1 'N' 02"),
		both("of an unexported struct", OfHidden{hiddenBase{1, 2}, 3}, "83 a2 'ID' 01 a3 'Rev' 02 a1 'N' 03"),
		both("of a pointer to an unexported struct", OfHiddenPointer{nil, 3}, "83 a2 'ID' c0 a3 'Rev' c0 a1 'N' 03"), // as vmihailenco has it
		writes("behind a pointer to an unexported struct", OfHiddenPointer{&hiddenBase{1, 2}, 3}, "83 a2 'ID' 01 a3 'Rev' 02 a1 'N' 03"),
		refuses[OfHiddenPointer]("into a pointer to an unexported struct", "81 a2 'ID' 01", ".ID",
			"*rpcutil_test.hiddenBase is embedded, not exported and nil"), // as encoding/json has it
	})
}

// TestShadowedFieldsWithin has them where other code leads to them.
func TestShadowedFieldsWithin(t *testing.T) {
	t.Parallel()
	in := Top{Mid{Base{0, 1}, 2}, "n"}
	runValues(t, codec.Options{}, []valueCase{
		echoes("list", []Top{in, in}),
		echoes("map", map[string]Top{"a": in, "b": in}),
		echoes("pointer", &in),
		echoes("array", [2]Item{{Base{0, 2}, 5}, {Base{0, 3}, 6}}),
		echoes("field", struct{ A, B Item }{Item{Base{0, 2}, 5}, Item{}}),
		echoes("key", map[Item]int{{Base{0, 2}, 5}: 1, {Base{0, 3}, 5}: 2}),
		writes("any", any(Item{Base{0, 2}, 5}), "82 a3 'Rev' 02 a2 'ID' 05"),
	})
}

// TestShadowedParameters has a struct stand for the parameters: its hidden fields
// are none. F1
func TestShadowedParameters(t *testing.T) {
	t.Parallel()
	want := Item{Base{0, 2}, 5}
	c := dialService(t, codec.Options{}, Whole[Item, Item]{func(i Item) (Item, error) { return i, nil }})
	for name, args := range map[string]any{
		"by name":           codec.Args{map[string]any{"ID": 5, "Rev": 2}},
		"by name, in bytes": codec.Args{raw("82 a2 'ID' 05 a3 'Rev' 02")},
		"other order":       codec.Args{raw("82 a3 'Rev' 02 a2 'ID' 05")},
		"by place":          codec.Args{2, 5},
		"as a struct":       want,
	} {
		var got Item
		err := c.Call("do", args, &got)
		same(t, name, got, err, want)
	}
	fails(t, "too many", c.Call("do", codec.Args{1, 2, 3}, nil), "do: want 2 parameters (Rev, ID), got 3")
}

// TestNestedForm reads embedded structs that other programs send under their type's name.
func TestNestedForm(t *testing.T) {
	t.Parallel()
	type Row struct {
		Base
		Name string
	}
	type Pointed struct {
		*Base
		Name string
	}
	type Separate struct {
		Base `msgpack:",noinline"`
		ID   int
	}
	type Renamed struct {
		Base `msgpack:"base"`
		ID   int
	}
	type Taken struct { // the name of the embedded struct is that of a field
		Base
		Mine string `msgpack:"Base"`
	}
	runValues(t, codec.Options{}, []valueCase{
		reads("nested", "82 a4 'Base' 82 a2 'ID' 01 a3 'Rev' 02 a4 'Name' a1 'n'", Row{Base{1, 2}, "n"}), // F3
		both("flat", Row{Base{1, 2}, "n"}, "83 a2 'ID' 01 a3 'Rev' 02 a4 'Name' a1 'n'"),
		reads("in lower case", "81 a4 'base' 81 a2 'id' 01", Row{Base: Base{ID: 1}}),
		reads("half and half", "82 a3 'Rev' 02 a4 'Base' 81 a2 'ID' 01", Row{Base: Base{1, 2}}),
		reads("as a list", "81 a4 'Base' 92 01 02", Row{Base: Base{1, 2}}),
		reads("nested pointer", "81 a4 'Base' 81 a2 'ID' 01", Pointed{Base: &Base{ID: 1}}),
		reads("nested nil", "82 a4 'Base' c0 a4 'Name' a1 'n'", Pointed{Name: "n"}),
		reads("two levels", "82 a3 'Mid' 82 a4 'Base' 81 a3 'Rev' 01 a2 'ID' 02 a4 'Name' a1 'n'", Top{Mid{Base{0, 1}, 2}, "n"}),
		reads("the hidden field by its whole way", "82 a4 'Base' 81 a2 'ID' 01 a2 'ID' 02", Item{Base{ID: 1}, 2}),
		both("noinline", Separate{Base{1, 2}, 3}, "82 a4 'Base' 82 a2 'ID' 01 a3 'Rev' 02 a2 'ID' 03"),
		both("a tag's name", Renamed{Base{0, 2}, 3}, "82 a3 'Rev' 02 a2 'ID' 03"),
		reads("nested under a tag's name", "82 a4 'base' 82 a2 'ID' 01 a3 'Rev' 02 a2 'ID' 03", Renamed{Base{1, 2}, 3}),
		both("a field has the name", Taken{Base{1, 2}, "m"}, "83 a2 'ID' 01 a3 'Rev' 02 a4 'Base' a1 'm'"),
		reads("an unexported struct has no name", "82 aa 'hiddenBase' 81 a2 'ID' 01 a1 'N' 03", OfHidden{N: 3}),
		refuses[Row]("of the wrong kind", "81 a4 'Base' 05", ".Base", "5 does not fit rpcutil_test.Base"),
		refuses[Row]("with the wrong kind in it", "81 a4 'Base' 81 a2 'ID' c3", ".Base.ID", "true does not fit int"),
	})
}

type (
	note   string
	notes  map[string]int
	notify func()
	Label  string
	lines  []string
	number interface{ Number() int }
)

// TestEmbeddedOthers embeds what are no structs: fields under the type's name if
// that is exported, else nothing, in both directions, as in encoding/json.
func TestEmbeddedOthers(t *testing.T) {
	t.Parallel()
	type Fault struct {
		error
		Code int
	}
	type Noted struct {
		note
		notes
		lines
		number
		N int
	}
	type Pointed struct {
		*note
		N int
	}
	type Called struct {
		notify
		N int
	}
	type Listed struct {
		//lint:ignore U1000 its tag is about the struct
		_msgpack struct{} `msgpack:",as_array"`
		note
		N int
	}
	type Labelled struct {
		Label
		N int
	}
	type Tagged struct { // encoding/json takes no tag on it either
		note `msgpack:"note"`
		N    int
	}
	type Named struct {
		fmt.Stringer
		N int
	}
	secret := note("secret")
	runValues(t, codec.Options{}, []valueCase{
		both("error", Fault{nil, 7}, "81 a4 'Code' 07"),
		writes("error that is there", Fault{errors.New("x"), 7}, "81 a4 'Code' 07"), // F4
		reads("error by name", "82 a5 'error' a1 'x' a4 'Code' 07", Fault{nil, 7}),
		writes("text, map, list and interface", Noted{"secret", notes{"a": 1}, lines{"b"}, nil, 1}, "81 a1 'N' 01"), // F4
		reads("by their names", "84 a4 'note' a1 'x' a5 'notes' 80 a5 'lines' 90 a1 'N' 01", Noted{N: 1}),
		writes("pointer to text", Pointed{&secret, 1}, "81 a1 'N' 01"),
		both("nil pointer to text", Pointed{N: 1}, "81 a1 'N' 01"),
		writes("as_array", Listed{note: "secret", N: 1}, "91 01"), // F4
		reads("as_array", "91 01", Listed{N: 1}),
		writes("with a tag", Tagged{"secret", 1}, "81 a1 'N' 01"),
		both("exported text", Labelled{"l", 1}, "82 a5 'Label' a1 'l' a1 'N' 01"),
		both("exported interface", Named{nil, 1}, "82 a8 'Stringer' c0 a1 'N' 01"),
		both("function", Called{nil, 1}, "81 a1 'N' 01"),
	})
}
