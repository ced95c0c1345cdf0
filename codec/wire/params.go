package wire

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Args is a list of parameters: the argument of a call that passes them as
// they are, or that wants to see whatever comes.
type Args []any

// A layout says how a Go argument's type stands for parameters.
type layout struct {
	single   bool          // the whole value is the only parameter
	params   []param       // the fields of a struct otherwise
	required int           // how many of params a caller must send
	plain    bool          // there are params, and all of them are of plain types
	plans    func() []plan // of params
	err      error         // why the type cannot stand for parameters
}

type param struct {
	name     string
	index    []int
	optional bool
}

var layouts sync.Map // reflect.Type -> *layout

// layoutOf returns the layout of t, which is no pointer, nil or Args. The first
// rule that matches wins:
//
//   - a type that encodes itself: one parameter
//   - a struct without fields: none
//   - a struct with an exported field: its exported fields in order, those of
//     embedded structs included
//   - everything else: one
func layoutOf(t reflect.Type) *layout {
	if l, ok := layouts.Load(t); ok {
		return l.(*layout)
	}
	l := newLayout(t)
	layouts.Store(t, l)
	return l
}

func newLayout(t reflect.Type) *layout {
	if t.Kind() != reflect.Struct || encodesItself(t) {
		return &layout{single: true}
	}
	if t.NumField() == 0 {
		return new(layout)
	}
	l := new(layout)
	exported := l.add(t, nil)
	if l.err == nil && !exported {
		l.err = fmt.Errorf("%s has no exported field to hold a parameter", t)
	}
	l.plain = l.err == nil && len(l.params) > 0
	for i, p := range l.params {
		if !p.optional {
			l.required = i + 1
		}
		l.plain = l.plain && isPlain(t.FieldByIndex(p.index).Type)
	}
	l.plans = sync.OnceValue(func() []plan {
		plans := make([]plan, len(l.params))
		for i, p := range l.params {
			plans[i] = wholePlan(t.FieldByIndex(p.index).Type)
		}
		return plans
	})
	return l
}

// add appends the fields of the struct t, which lies at index within the
// argument, and reports whether it has an exported one.
func (l *layout) add(t reflect.Type, index []int) (exported bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(append([]int(nil), index...), i)
		name, options := parseTag(f)
		if name == "-" {
			exported = exported || f.IsExported()
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Pointer {
			l.err = fmt.Errorf("%s embeds the pointer %s, which cannot stand for parameters", t, f.Type)
			return true
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct && !encodesItself(f.Type) {
			if l.add(f.Type, at) {
				exported = true
			}
			if l.err != nil {
				return true
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		exported = true
		l.params = append(l.params, param{name, at, hasOption(options, "omitempty")})
	}
	return exported
}

// field returns a field that is known to lie behind no pointer.
func field(v reflect.Value, index []int) reflect.Value {
	if len(index) == 1 {
		return v.Field(index[0])
	}
	return v.FieldByIndex(index)
}

// given returns how many parameters v stands for: zero values of optional ones at the
// end are left out.
func (l *layout) given(v reflect.Value) int {
	n := len(l.params)
	for n > l.required && field(v, l.params[n-1].index).IsZero() {
		n--
	}
	return n
}

// parseTag returns the name of a field by its msgpack tag, else its Go name,
// and the tag's options.
func parseTag(f reflect.StructField) (name, options string) {
	name, options, _ = strings.Cut(f.Tag.Get("msgpack"), ",")
	if name == "" {
		name = f.Name
	}
	return name, options
}

func hasOption(options, want string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if strings.TrimSpace(o) == want {
			return true
		}
	}
	return false
}

// A Param describes one parameter that a Go argument's type stands for.
type Param struct {
	Name     string // by the msgpack tag, else the Go name; "" for a value that is the only parameter
	Type     reflect.Type
	Optional bool
}

// ParamsOf describes the parameters that an argument of type t stands for. It
// returns none for a type that stands for any.
func ParamsOf(t reflect.Type) []Param {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	l := layoutOf(t)
	switch {
	case t == typeArgs || l.err != nil:
		return nil
	case l.single:
		return []Param{{Type: t}}
	}
	list := make([]Param, len(l.params))
	for i, p := range l.params {
		list[i] = Param{p.name, t.FieldByIndex(p.index).Type, i >= l.required}
	}
	return list
}

// Want describes the parameters that a struct type t asks for, in an error text.
func Want(t reflect.Type) string { return layoutOf(t).want() }

// want describes the parameters a layout asks for, in an error text.
func (l *layout) want() string {
	n := len(l.params)
	if l.single {
		return "want 1 parameter"
	}
	if n == 0 {
		return "want no parameters"
	}
	names := make([]string, n)
	for i, p := range l.params {
		names[i] = p.name
		if i >= l.required {
			names[i] = "[" + p.name + "]"
		}
	}
	count := fmt.Sprint(n)
	if l.required < n {
		count = fmt.Sprintf("%d to %d", l.required, n)
	}
	noun := "parameters"
	if n == 1 && l.required == 1 {
		noun = "parameter"
	}
	return fmt.Sprintf("want %s %s (%s)", count, noun, strings.Join(names, ", "))
}
