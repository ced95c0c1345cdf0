package value

import (
	"reflect"
	"strings"
)

// A tag is what the struct tag of a field says: the msgpack tag, or the json tag
// of a field that has none.
type tag struct {
	name     string // empty for the Go name
	skip     bool   // "-"
	omit     omission
	intern   bool     // without effect
	separate bool     // an embedded struct is a field like others
	asArray  bool     // of the field _msgpack
	byPlace  bool     // the name is for errors: a parameter of a function, which has none
	aliases  []string // more names by which the field is read
}

// An omission says which values of a field are left out.
type omission int

const (
	omitNone omission = iota
	omitEmpty
	omitZero
)

func tagOf(f reflect.StructField) (t tag) {
	text, isJSON := f.Tag.Get("msgpack"), false
	if text == "" {
		text = f.Tag.Get("json")
		isJSON = true
	}
	items := splitTag(text)
	switch {
	case text == "-" || !isJSON && len(items) > 0 && items[0] == "-":
		return tag{skip: true}
	case len(items) == 0:
		return t
	}
	if first := items[0]; isJSON || !strings.Contains(first, ":") {
		t.name, items = first, items[1:]
	}
	t.separate = isJSON && t.name != ""
	for _, option := range items {
		key, value, _ := strings.Cut(option, ":")
		switch {
		case option == "omitempty":
			t.omit = omitEmpty
		case option == "omitzero":
			t.omit = omitZero
		case isJSON: // string has no effect: integers keep their 64 bits as they are
		case option == "intern":
			t.intern = true
		case option == "noinline":
			t.separate = true
		case option == "as_array" || option == "asArray":
			t.asArray = true
		case option == "byplace":
			t.byPlace = true
		case key == "alias":
			t.aliases = append(t.aliases, strings.TrimSpace(value))
		}
	}
	return t
}

// Ignored reports whether a field is no part of its struct's value: by its tag, or
// because it is not exported and no struct that is embedded.
func Ignored(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return tagOf(f).skip || !f.IsExported() && !(f.Anonymous && t.Kind() == reflect.Struct)
}

// splitTag cuts a tag at its commas; text in single quotes is left whole.
func splitTag(s string) (items []string) {
	for s != "" {
		var item string
		if rest, quoted := strings.CutPrefix(s, "'"); quoted && strings.Contains(rest, "'") {
			item, s, _ = strings.Cut(rest, "'")
			s = strings.TrimPrefix(s, ",")
		} else {
			item, s, _ = strings.Cut(s, ",")
		}
		items = append(items, strings.TrimSpace(item))
	}
	return items
}
