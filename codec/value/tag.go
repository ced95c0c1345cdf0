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
	items := splitTag(text, isJSON)
	switch {
	case text == "-" || !isJSON && len(items) > 0 && items[0] == tagItem{text: "-"}:
		return tag{skip: true}
	case len(items) == 0:
		return t
	}
	if items[0].key == "" {
		t.name, items = items[0].text, items[1:]
	}
	t.separate = isJSON && t.name != ""
	for _, option := range items {
		switch {
		case option.text == "omitempty":
			t.omit = omitEmpty
		case option.text == "omitzero":
			t.omit = omitZero
		case isJSON: // string has no effect: integers keep their 64 bits as they are
		case option.key == "alias":
			t.aliases = append(t.aliases, option.text)
		case option.text == "intern":
			t.intern = true
		case option.text == "noinline":
			t.separate = true
		case option.text == "as_array" || option.text == "asArray":
			t.asArray = true
		case option.text == "byplace":
			t.byPlace = true
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

// A tagItem is what stands between two commas: a text, or a key, a colon and a text.
type tagItem struct{ key, text string }

// splitTag cuts a tag into its items. In a msgpack tag what stands in single quotes
// is left whole, so that a name may have commas and colons.
func splitTag(s string, isJSON bool) (items []tagItem) {
	for s != "" {
		var item tagItem
		if i := strings.IndexAny(s, ":,'"); !isJSON && i >= 0 && s[i] == ':' {
			item.key, s = strings.TrimSpace(s[:i]), s[i+1:]
		}
		if rest, quoted := strings.CutPrefix(s, "'"); !isJSON && quoted && strings.Contains(rest, "'") {
			item.text, s, _ = strings.Cut(rest, "'")
			s = strings.TrimPrefix(s, ",")
		} else {
			item.text, s, _ = strings.Cut(s, ",")
		}
		item.text = strings.TrimSpace(item.text)
		s = strings.TrimLeft(s, " ")
		items = append(items, item)
	}
	return items
}
