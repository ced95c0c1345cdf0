package value

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// fields are those of a struct, as it is written, as it is read, and as it stands
// for parameters. Where names are equal Go's own rule holds, as in encoding/json:
// the field that is embedded less deep, then the one whose name comes from a tag,
// and neither where that leaves two.
type fields struct {
	list    []*field          // in the order of the struct, those of embedded structs in their place
	byName  map[string]*field // with aliases, and embedded structs by their own names
	byFold  map[string]*field // by foldName; the first of those that are alike
	asArray bool
	omits   bool // there are fields that may be left out
	plain   bool // vmihailenco may be asked about the struct: it recurses into embedded ones without an end, and panics for some tags

	required  int   // how many parameters a caller must send
	paramsErr error // why the struct cannot stand for parameters
}

type field struct {
	name    string
	head    []byte // the name as it is written, nil where that has to be looked at
	index   []int
	hops    []hop   // embedded pointers on the way, outermost first
	offset  uintptr // in what the last of them leads to, or in the struct
	tagged  bool
	byPlace bool // a parameter that has no name, whatever errors call it
	omit    omission
	info    *typeInfo
	quick   bool // a name that is written as it is, and no hops
	aliases []string
}

// A hop is an embedded pointer.
type hop struct {
	offset   uintptr
	t        reflect.Type // of the pointer
	exported bool
}

// fieldsOf collects the fields of the struct t, level by level of embedding. rename
// makes names of Go names; what is no name, empty or not UTF-8, counts for none.
func (build builder) fieldsOf(t reflect.Type, rename func(string) string) *fields {
	type level struct {
		t      reflect.Type
		index  []int
		hops   []hop
		offset uintptr
	}
	fs := &fields{byName: make(map[string]*field), byFold: make(map[string]*field), plain: true}
	var all []*field        // candidates
	nested := []*field(nil) // embedded structs, which may be sent under their own names
	exported := false
	next, seen := []level{{t: t}}, map[reflect.Type]bool{}
	var times, nextTimes map[reflect.Type]int // how often a type is embedded at a level
	for len(next) > 0 {
		current := next
		next, times, nextTimes = nil, nextTimes, map[reflect.Type]int{}
		for _, l := range current {
			if seen[l.t] {
				continue
			}
			seen[l.t] = true
			var whole tag
			if f, ok := l.t.FieldByName("_msgpack"); ok && len(f.Index) == 1 {
				whole = tagOf(f)
				fs.asArray = fs.asArray || whole.asArray && len(l.index) == 0
			}
			for i := range l.t.NumField() {
				f := l.t.Field(i)
				tag := tagOf(f)
				exported = exported || f.IsExported()
				fs.plain = fs.plain && !tag.intern && !f.Anonymous && tag.omit == omitNone
				elem := f.Type
				if elem.Kind() == reflect.Pointer && f.Anonymous {
					elem = elem.Elem()
				}
				embedded := f.Anonymous && elem.Kind() == reflect.Struct
				embeds := embedded && !tag.separate && build.typeOf(elem).own == nil
				if tag.skip || !f.IsExported() && !embeds && !(embedded && tag.separate) {
					continue
				}
				field := &field{name: tag.name, index: append(slices.Clone(l.index), i),
					hops: l.hops, offset: l.offset + f.Offset, tagged: tag.name != "", byPlace: tag.byPlace,
					omit: max(tag.omit, whole.omit), aliases: tag.aliases}
				if field.name == "" {
					if field.name = rename(f.Name); field.name == "" || !utf8.ValidString(field.name) {
						field.name = f.Name
					}
				}
				if !embeds {
					field.info = build.typeOf(f.Type)
					all = append(all, field)
					if times[l.t] > 1 { // the same name twice, which drops both
						all = append(all, field)
					}
					continue
				}
				if f.Type.Kind() == reflect.Pointer && fs.paramsErr == nil {
					fs.paramsErr = fmt.Errorf("%s embeds the pointer %s, which cannot stand for parameters", l.t, f.Type)
				}
				if f.IsExported() {
					field.info = build.typeOf(f.Type)
					nested = append(nested, field)
				}
				inner := level{elem, field.index, l.hops, field.offset}
				if f.Type.Kind() == reflect.Pointer {
					inner.hops = append(slices.Clone(l.hops), hop{field.offset, f.Type, f.IsExported()})
					inner.offset = 0
				}
				if nextTimes[elem]++; nextTimes[elem] == 1 {
					next = append(next, inner)
				}
			}
		}
	}
	fs.list = dominant(all)
	fs.plain = fs.plain && len(fs.list) == len(all)
	if fs.paramsErr == nil && !exported && t.NumField() > 0 {
		fs.paramsErr = fmt.Errorf("%s has no exported field to hold a parameter", t)
	}
	fs.index(nested)
	return fs
}

// dominant returns the fields that win their names, in the order of the struct.
func dominant(all []*field) (list []*field) {
	byName := map[string][]*field{}
	for _, f := range all {
		if f.byPlace {
			list = append(list, f)
			continue
		}
		byName[f.name] = append(byName[f.name], f)
	}
	for _, same := range byName {
		slices.SortStableFunc(same, func(a, b *field) int {
			if a.tagged != b.tagged && len(a.index) == len(b.index) {
				if a.tagged {
					return -1
				}
				return 1
			}
			return cmp.Compare(len(a.index), len(b.index))
		})
		if len(same) == 1 || len(same[0].index) != len(same[1].index) || same[0].tagged != same[1].tagged {
			list = append(list, same[0])
		}
	}
	slices.SortFunc(list, func(a, b *field) int { return slices.Compare(a.index, b.index) })
	return list
}

// index fills in what is derived from the list.
func (fs *fields) index(nested []*field) {
	for i, f := range fs.list {
		fs.byName[f.name] = f
		fs.omits = fs.omits || f.omit != omitNone
		if f.omit == omitNone {
			fs.required = i + 1
		}
		if utf8.ValidString(f.name) {
			f.head = append(wire.AppendStrHeader(nil, len(f.name), false), f.name...)
			f.quick = len(f.hops) == 0
		}
	}
	other := func(name string, f *field) {
		if _, taken := fs.byName[name]; !taken {
			fs.byName[name] = f
		}
	}
	for _, f := range fs.list {
		for _, alias := range f.aliases {
			other(alias, f)
		}
	}
	for _, f := range nested {
		other(f.name, f)
	}
	for _, f := range append(slices.Clone(fs.list), nested...) {
		if fold := foldName(f.name); fs.byFold[fold] == nil && fs.byName[f.name] == f {
			fs.byFold[fold] = f
		}
	}
}

// named finds a field by its exact name, else without regard to case, as
// encoding/json does: Python writes names in lower case.
func (fs *fields) named(name []byte) *field {
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

// of returns where the field of the struct at p is, or nil where it lies behind a
// nil pointer.
func (f *field) of(p unsafe.Pointer) unsafe.Pointer {
	for i := range f.hops {
		if p = *(*unsafe.Pointer)(unsafe.Add(p, f.hops[i].offset)); p == nil {
			return nil
		}
	}
	return unsafe.Add(p, f.offset)
}

// left reports whether the field of the struct at p is left out of a struct of which
// any may be: those behind a nil pointer are, too.
func (e *encoder) left(f *field, p unsafe.Pointer) bool {
	if f.omit == omitNone && len(f.hops) == 0 {
		return false
	}
	switch p = f.of(p); {
	case p == nil, f.omit != omitNone && f.info.t.Kind() == reflect.Pointer && *(*unsafe.Pointer)(p) == nil:
		return true
	case f.omit == omitNone:
		return false
	}
	return e.isEmpty(f.info, f.info.at(p), f.omit)
}

// isEmpty reports whether omitempty leaves v out: false, 0, "", nil, an empty
// list or map, what its method IsZero says, a struct all of whose fields are left
// out, and the zero value of a type that encodes itself. For omitzero it is the
// zero value, or what IsZero says.
func (e *encoder) isEmpty(ti *typeInfo, v reflect.Value, omit omission) bool {
	if v.Kind() == reflect.Interface {
		if v.IsNil() || omit == omitZero {
			return v.IsNil()
		}
		v = v.Elem()
		ti = typeOf(v.Type())
	}
	nilable := v.Kind() == reflect.Pointer || v.Kind() == reflect.Map || v.Kind() == reflect.Slice
	if nilable && v.IsNil() {
		return true
	}
	if ti.t == typeTime && v.CanAddr() {
		return timeAt(v).IsZero()
	}
	if ti.isZero != nil {
		return ti.isZero(v)
	}
	if omit == omitZero {
		return v.IsZero()
	}
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Pointer:
		return false
	case reflect.Struct:
		if !ti.isStruct() {
			return v.IsZero()
		}
		if e.asked++; !ti.fields.omits && len(ti.fields.list) > 0 || e.asked > e.vs.Limits.Elements || e.depth > e.vs.Limits.Depth {
			return false // what is beyond the limits is found when it is written
		}
		p := unsafe.Pointer(nil)
		if v.CanAddr() {
			p = v.Addr().UnsafePointer()
		} else {
			p = copyOf(v)
		}
		e.depth++
		defer func() { e.depth-- }()
		return !slices.ContainsFunc(ti.fields.list, func(f *field) bool { return !e.left(f, p) })
	}
	return v.IsZero()
}
