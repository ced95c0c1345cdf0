package wire

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// structFields are the fields of a struct as vmihailenco encodes them: by the
// name in the msgpack tag, else the Go name; "-" is left out; the fields of an
// embedded struct stand among those of the struct around it unless one of them
// has a name that is taken, or the tag says noinline.
type structFields struct {
	list   []*structField
	byName map[string]*structField
	byFold map[string]*structField // by foldName; the first of those that are alike
}

type structField struct {
	name  string
	index []int
	plan  plan
}

// named finds a field by its exact name, else without regard to case, as
// encoding/json does: Python writes names in lower case. It looks first at the
// field with the number expected: most peers write fields in their order.
func (fs *structFields) named(name []byte, expected int) *structField {
	if expected < len(fs.list) && fs.list[expected].name == string(name) {
		return fs.list[expected]
	}
	if f, ok := fs.byName[string(name)]; ok {
		return f
	}
	return fs.byFold[foldName(string(name))]
}

// foldName returns the same text for all that strings.EqualFold calls equal.
// Lower case would not: "ſ" is the lower case of nothing, and equal to "s".
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		for { // to the least of the runes that are equal
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}

func fieldsOf(t reflect.Type) *structFields {
	fs := &structFields{byName: make(map[string]*structField), byFold: make(map[string]*structField)}
	fs.add(t, nil, map[reflect.Type]bool{})
	for _, f := range fs.list {
		f.plan = planOf(t.FieldByIndex(f.index).Type)
		if fold := foldName(f.name); fs.byFold[fold] == nil {
			fs.byFold[fold] = f
		}
	}
	return fs
}

func (fs *structFields) append(f *structField) {
	fs.list = append(fs.list, f)
	fs.byName[f.name] = f
}

// add appends the fields of t, which lies at index within the whole. open holds
// the types around it: an embedded pointer may lead back to one of them.
func (fs *structFields) add(t reflect.Type, index []int, open map[reflect.Type]bool) {
	open[t] = true
	defer delete(open, t)
	for i := range t.NumField() {
		f := t.Field(i)
		name, options := parseTag(f)
		if name == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		at := append(append([]int(nil), index...), i)
		if f.Anonymous && !hasOption(options, "noinline") {
			elem := f.Type
			for elem.Kind() == reflect.Pointer {
				elem = elem.Elem()
			}
			if open[elem] {
				continue
			}
			if elem.Kind() == reflect.Struct && !encodesItself(elem) {
				inner := &structFields{byName: make(map[string]*structField)}
				inner.add(elem, at, open)
				if hasOption(options, "inline") || !fs.shadows(inner) {
					for _, g := range inner.list {
						if _, taken := fs.byName[g.name]; !taken {
							fs.append(g)
						}
					}
					continue
				}
			}
		}
		if !f.IsExported() {
			continue
		}
		sf := &structField{name: name, index: at}
		fs.append(sf)
		for o := range strings.SplitSeq(options, ",") {
			if alias, ok := strings.CutPrefix(o, "alias:"); ok {
				fs.byName[alias] = sf
			}
		}
	}
}

func (fs *structFields) shadows(inner *structFields) bool {
	for _, f := range inner.list {
		if _, taken := fs.byName[f.name]; taken {
			return true
		}
	}
	return false
}

// store decodes the value at hand into the field of v, which it reaches through
// embedded pointers as needed.
func (f *structField) store(d *decoder, v reflect.Value) error {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if d.kind() == kindNil { // how the encoder writes the fields behind it
					d.pos++
					return nil
				}
				if !v.CanSet() {
					return at(&ValueError{Msg: v.Type().String() + " is embedded, not exported and nil"}, "."+f.name)
				}
				if err := d.charge(1, v.Type().Elem().Size()); err != nil {
					return err
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	if err := f.plan(d, v); err != nil {
		return at(err, "."+f.name)
	}
	return nil
}

// structPlan reads a map by field name, and a list by position where it has
// exactly as many values as the struct has fields.
func structPlan(t reflect.Type) plan {
	fields := fieldsOf(t)
	return func(d *decoder, v reflect.Value) error {
		switch d.kind() {
		case kindMap:
			for i := range d.open() {
				f := fields.named(d.key(), i)
				if f == nil {
					d.next()
					continue
				}
				if err := f.store(d, v); err != nil {
					return err
				}
			}
			return nil
		case kindArray:
			n := d.open()
			if n != len(fields.list) {
				return &ValueError{Msg: "a list of " + strconv.Itoa(n) + " does not fit " + t.String() +
					", which has " + strconv.Itoa(len(fields.list)) + " fields"}
			}
			for _, f := range fields.list {
				if err := f.store(d, v); err != nil {
					return err
				}
			}
			return nil
		}
		return d.misfit(t)
	}
}

// key takes a map's key if it is text, and anything else as no name at all. The
// bytes are not its own.
func (d *decoder) key() []byte {
	if k := d.kind(); k == kindStr || k == kindBin {
		p := d.payload()
		if k == kindStr {
			if q, err := d.vs.Format.decodeText(p); err == nil {
				p = q
			}
		}
		return p
	}
	d.next()
	return nil
}
