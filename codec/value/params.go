package value

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// Args is a list of parameters: the argument of a call that passes them as
// they are, or that wants to see whatever comes.
type Args []any

// params appends the list of parameters that an argument stands for. Pointers are
// removed, and the first rule that matches counts:
//
//   - Args: all of them
//   - a type that encodes or decodes itself: one parameter
//   - a struct: its fields in their order; one without fields stands for none
//   - everything else: one
func (e *encoder) params(b []byte, args any) (_ []byte, err error) {
	switch args := args.(type) {
	case nil:
		return e.list(b, 0)
	case Args:
		return e.args(b, args)
	}
	v := reflect.ValueOf(args)
	t, isNil := v.Type(), false
	if v.Kind() == reflect.Pointer {
		if endlessPointer(t) {
			return b, endlessError(t)
		}
		for v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		t, isNil = pointee(v.Type()), v.Kind() == reflect.Pointer
	}
	ti := typeOf(t)
	switch {
	case t == typeArgs && !isNil:
		return e.args(b, v.Interface().(Args))
	case t == typeArgs:
		return b, fmt.Errorf("nil %s as parameters", v.Type())
	case !ti.isStruct() || ti.register.is():
		if b, err = e.list(b, 1); err == nil {
			b, err = e.whole(b, args)
		}
		return b, sendError(err, 0, "")
	}
	fs := e.vs.Format.fieldsOf(ti)
	switch {
	case fs.paramsErr != nil:
		return b, fs.paramsErr
	case isNil:
		return b, fmt.Errorf("nil %s as parameters", v.Type())
	case v.CanAddr():
		return e.paramFields(b, fs, v.Addr().UnsafePointer())
	case ti.inPlace:
		return e.paramFields(b, fs, dataOf(args))
	}
	return e.paramFields(b, fs, copyOf(v))
}

func (e *encoder) args(b []byte, args Args) (_ []byte, err error) {
	if b, err = e.list(b, len(args)); err != nil {
		return b, err
	}
	for i, x := range args {
		if b, err = e.whole(b, x); err != nil {
			return b, sendError(err, i, "")
		}
	}
	return b, nil
}

func (e *encoder) paramFields(b []byte, fs *fields, p unsafe.Pointer) (_ []byte, err error) {
	n := fs.given(p)
	if b, err = e.list(b, n); err != nil {
		return b, err
	}
	for i, f := range fs.list[:n] {
		if b, err = e.wholeAt(b, f.info, f.of(p)); err != nil {
			return b, sendError(err, i, f.name)
		}
	}
	return b, nil
}

// given returns how many parameters the struct at p stands for: zero values of
// optional ones at the end are left out.
func (fs *fields) given(p unsafe.Pointer) int {
	n := len(fs.list)
	for n > fs.required && fs.list[n-1].info.at(fs.list[n-1].of(p)).IsZero() {
		n--
	}
	return n
}

// whole writes a parameter or a result.
func (e *encoder) whole(b []byte, x any) ([]byte, error) {
	if b, ok := appendScalar(b, x); ok {
		return b, nil
	}
	v := reflect.ValueOf(x)
	switch ti := typeOf(v.Type()); {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return e.wholeAt(b, typeOf(ti.t.Elem()), v.UnsafePointer())
	case ti.msgp[0]:
		return e.wholeAt(b, ti, copyOf(v))
	}
	return e.any(b, x)
}

func (e *encoder) wholeAt(b []byte, ti *typeInfo, p unsafe.Pointer) ([]byte, error) {
	if ti.msgp[0] {
		return e.msgp(b, ti.at(p).Addr())
	}
	return ti.encode(e, b, p)
}

// DecodeParams stores parameters, an array that has passed a Scanner or nil for
// none, in what the pointer to points to, by the rules of parameters. The error
// says what is wrong in words for the caller.
func (vs *Values) DecodeParams(raw []byte, to any) (err error) {
	defer guard(&err)
	t, p, err := target(to)
	if err != nil {
		return err
	}
	if t.Kind() == reflect.Pointer && endlessPointer(t) {
		return endlessError(t)
	}
	for ; t.Kind() == reflect.Pointer; t = t.Elem() {
		next := (*unsafe.Pointer)(p)
		if *next == nil {
			*next = reflect.New(t.Elem()).UnsafePointer()
		}
		p = *next
	}
	d := vs.decoder(raw)
	defer d.recycle()
	n := d.count()
	if t == typeArgs {
		return d.args(n, (*Args)(p))
	}
	ti := typeOf(t)
	if !ti.isStruct() {
		if n != 1 {
			return fmt.Errorf("%s, got %d", want(nil), n)
		}
		return paramError(d.whole(ti, p), 0, "")
	}
	fs := vs.Format.fieldsOf(ti)
	switch {
	case fs.paramsErr != nil:
		return fs.paramsErr
	case n == 1 && d.byName(fs):
		return d.keywords(fs, p)
	case n < fs.required || n > len(fs.list):
		return fmt.Errorf("%s, got %d", want(fs), n)
	}
	for i, f := range fs.list[:n] {
		if err := d.whole(f.info, f.of(p)); err != nil {
			return paramError(err, i, f.name)
		}
	}
	return nil
}

func (d *decoder) args(n int, to *Args) (err error) {
	if err := d.charge(n, 16); err != nil {
		return err
	}
	args := make(Args, n)
	*to = args
	for i := range args {
		if args[i], err = d.any(); err != nil {
			return paramError(err, i, "")
		}
	}
	return nil
}

// whole stores the value at hand, a parameter or a result, where p leads to.
func (d *decoder) whole(ti *typeInfo, p unsafe.Pointer) error {
	if ti.msgp[1] {
		return d.msgp(ti.at(p))
	}
	return ti.decode(d, p)
}

// DecodeEach stores parameters in what the pointers point to, one for each.
func (vs *Values) DecodeEach(raw []byte, to ...any) (err error) {
	defer guard(&err)
	d := vs.decoder(raw)
	defer d.recycle()
	if n := d.count(); n != len(to) {
		return fmt.Errorf("want %s, got %d", plural(len(to)), n)
	}
	return d.each(to)
}

// each stores one parameter in what each of the pointers points to.
func (d *decoder) each(to []any) error {
	for i, p := range to {
		t, p, err := target(p)
		if err == nil {
			err = d.whole(typeOf(t), p)
		}
		if err != nil {
			return paramError(err, i, "")
		}
	}
	return nil
}

// DecodeVariadic stores the first parameters in what the pointers of fixed point
// to, one for each, and all that follow in the slice that rest points to. The
// slice is charged before it is made: a parameter of one byte may be large in Go.
func (vs *Values) DecodeVariadic(raw []byte, fixed []any, rest any) (err error) {
	defer guard(&err)
	t, p, err := target(rest)
	if err == nil && t.Kind() != reflect.Slice {
		err = fmt.Errorf("want a pointer to a slice to decode into, got %T", rest)
	}
	if err != nil {
		return err
	}
	d := vs.decoder(raw)
	defer d.recycle()
	n := d.count() - len(fixed)
	if n < 0 {
		return fmt.Errorf("want at least %s, got %d", plural(len(fixed)), n+len(fixed))
	}
	if err := d.each(fixed); err != nil {
		return err
	}
	elem := typeOf(t.Elem())
	if err := d.charge(n, elem.t.Size()); err != nil {
		return err
	}
	reflect.NewAt(t, p).Elem().Set(reflect.MakeSlice(t, n, n))
	for i := range n {
		if err := d.whole(elem, unsafe.Add((*slice)(p).data, uintptr(i)*elem.t.Size())); err != nil {
			return paramError(err, len(fixed)+i, "")
		}
	}
	return nil
}

// target returns the type of what a pointer points to, and the address.
func target(to any) (reflect.Type, unsafe.Pointer, error) {
	v := reflect.ValueOf(to)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, nil, fmt.Errorf("want a pointer to decode into, got %T", to)
	}
	return v.Type().Elem(), v.UnsafePointer(), nil
}

// byName reports whether the only parameter, the value at hand, is a map that
// holds the parameters by name: all its keys are text, and it could not be the
// first parameter itself, since more are wanted or the field's type takes no map.
// An empty map stands for no parameters.
func (d *decoder) byName(fs *fields) bool {
	if d.kind() != wire.KindMap || len(fs.list) > 0 && fs.list[0].byPlace {
		return false
	}
	_, n, head := wire.Header(d.b[d.pos:])
	if len(fs.list) == 0 {
		return n == 0
	}
	if fs.required < 2 && fs.list[0].info.takesMap() {
		return false
	}
	pos := d.pos + head
	for range n {
		if wire.KindOf(d.b[pos]) != wire.KindStr {
			return false
		}
		pos = wire.Skip(d.b, wire.Skip(d.b, pos))
	}
	return true
}

// takesMap reports whether a map may fit the type. A struct or map that is read from
// text or bytes alone, as a time or an address, takes none.
func (ti *typeInfo) takesMap() bool {
	info := typeOf(pointee(ti.t))
	switch {
	case info.msgp[1]:
		return true
	case info.own != nil && info.own.decodes:
		return info.own.foreign
	}
	switch t := info.t; t.Kind() {
	case reflect.Map, reflect.Struct:
		return true
	case reflect.Interface: // with methods it is nil, and nothing is known to fill it with
		return t.NumMethod() == 0
	}
	return false
}

// keywords reads the only parameter, a map, as parameters by name. Unknown and
// missing names are errors: the peer meant something by each.
func (d *decoder) keywords(fs *fields, p unsafe.Pointer) error {
	seen := make([]bool, len(fs.list))
	for range d.open() {
		name := string(d.key())
		i := slices.Index(fs.list, fs.named([]byte(name))) // not an embedded struct, which is no parameter
		switch {
		case i < 0:
			return errors.New(want(fs) + ", got one named " + wire.QuoteName(name))
		case seen[i]:
			return errors.New("parameter " + fs.list[i].name + " is given twice")
		}
		seen[i] = true
		if err := d.whole(fs.list[i].info, fs.list[i].of(p)); err != nil {
			return paramError(err, i, fs.list[i].name)
		}
	}
	for i, f := range fs.list[:fs.required] {
		if !seen[i] {
			return errors.New(want(fs) + ", got none named " + f.name)
		}
	}
	return nil
}

func plural(n int) string {
	switch n {
	case 0:
		return "no parameters"
	case 1:
		return "1 parameter"
	}
	return fmt.Sprintf("%d parameters", n)
}

// Count returns how many parameters there are in an array; nil has none.
func Count(raw []byte) int { return (&decoder{b: raw}).count() }

// A Param describes one parameter that a Go argument's type stands for.
type Param struct {
	Name     string // by the tag, else the Go name; "" for a value that is the only parameter
	Type     reflect.Type
	Optional bool
}

// ParamsOf describes the parameters that an argument of type t stands for. It
// returns none for a type that stands for any.
func ParamsOf(t reflect.Type) []Param {
	t = pointee(t)
	ti := typeOf(t)
	switch {
	case t == typeArgs || ti.isStruct() && ti.fields.paramsErr != nil:
		return nil
	case !ti.isStruct():
		return []Param{{Type: t}}
	}
	list := make([]Param, len(ti.fields.list))
	for i, f := range ti.fields.list {
		list[i] = Param{f.name, f.info.t, i >= ti.fields.required}
	}
	return list
}

// want describes the parameters that fields ask for, or those of a type that is
// one parameter, for nil.
func want(fs *fields) string {
	if fs == nil {
		return "want 1 parameter"
	}
	n := len(fs.list)
	if n == 0 {
		return "want no parameters"
	}
	names := make([]string, n)
	for i, f := range fs.list {
		names[i] = f.name
		if i >= fs.required {
			names[i] = "[" + f.name + "]"
		}
	}
	count := fmt.Sprint(n)
	if fs.required < n {
		count = fmt.Sprintf("%d to %d", fs.required, n)
	}
	noun := "parameters"
	if n == 1 && fs.required == 1 {
		noun = "parameter"
	}
	return fmt.Sprintf("want %s %s (%s)", count, noun, strings.Join(names, ", "))
}
