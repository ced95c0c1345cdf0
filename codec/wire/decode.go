package wire

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// DecodeParams stores parameters, an array that has passed a Scanner or nil
// for none, in what the pointer to points to; see layoutOf. Each is decoded
// from its own bytes. The error says what is wrong in words for the caller.
func (vs *Values) DecodeParams(raw []byte, to any) (err error) {
	defer guard(&err)
	if vs.decodePlainParams(raw, to) {
		return nil
	}
	v, err := target(to)
	if err != nil {
		return err
	}
	if endlessPointer(v.Type()) {
		return endlessError(v.Type())
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	d := vs.decoder(raw)
	defer d.recycle()
	n := d.count()
	if v.Type() == typeArgs {
		if err := d.charge(n, 16); err != nil {
			return err
		}
		args := make(Args, n)
		v.Set(reflect.ValueOf(args))
		for i := range args {
			if args[i], err = d.any(); err != nil {
				return paramError(err, i, "")
			}
		}
		return nil
	}
	l := layoutOf(v.Type())
	if l.err != nil {
		return l.err
	}
	if l.single {
		if n != 1 {
			return fmt.Errorf("%s, got %d", l.want(), n)
		}
		return paramError(d.whole(v), 0, "")
	}
	if n == 1 && l.required > 1 && d.textKeys() {
		return d.keywords(l, v)
	}
	if n < l.required || n > len(l.params) {
		return fmt.Errorf("%s, got %d", l.want(), n)
	}
	if n == 0 {
		return nil
	}
	plans := l.plans()
	for i, p := range l.params[:n] {
		if err := plans[i](d, field(v, p.index)); err != nil {
			return paramError(err, i, p.name)
		}
	}
	return nil
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
		v, err := target(p)
		if err == nil {
			err = d.whole(v)
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
	tail, err := target(rest)
	if err == nil && tail.Kind() != reflect.Slice {
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
	if err := d.charge(n, tail.Type().Elem().Size()); err != nil {
		return err
	}
	tail.Set(reflect.MakeSlice(tail.Type(), n, n))
	for i := range n {
		if err := d.whole(tail.Index(i)); err != nil {
			return paramError(err, len(fixed)+i, "")
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

// paramError says which parameter an error is about.
func paramError(err error, i int, name string) error {
	if err == nil {
		return nil
	}
	if name != "" {
		name = " (" + name + ")"
	}
	var v *ValueError
	if errors.As(err, &v) {
		return fmt.Errorf("parameter %d%s%s: %s", i+1, name, v.Path(), v.Msg)
	}
	return fmt.Errorf("parameter %d%s: %w", i+1, name, err)
}

// textKeys reports whether the value at hand is a map with text keys alone.
// It looks over the whole value, which is why it is asked once per message.
func (d *decoder) textKeys() bool {
	if d.kind() != kindMap {
		return false
	}
	_, n, head := header(d.b[d.pos:])
	pos := d.pos + head
	for range n {
		if kinds[d.b[pos]] != kindStr {
			return false
		}
		pos = skip(d.b, skip(d.b, pos))
	}
	return true
}

// keywords reads the only parameter, a map, as parameters by name. Unknown and
// missing names are errors: the peer meant something by each.
func (d *decoder) keywords(l *layout, v reflect.Value) error {
	seen := make([]bool, len(l.params))
	for range d.open() {
		name := string(d.key())
		i := -1
		for j, p := range l.params {
			if p.name == name || i < 0 && strings.EqualFold(p.name, name) {
				i = j
			}
		}
		switch {
		case i < 0:
			return errors.New(l.want() + ", got one named " + QuoteName(name))
		case seen[i]:
			return errors.New("parameter " + l.params[i].name + " is given twice")
		}
		seen[i] = true
		f := field(v, l.params[i].index)
		if err := d.whole(f); err != nil {
			return paramError(err, i, l.params[i].name)
		}
	}
	for i, p := range l.params[:l.required] {
		if !seen[i] {
			return errors.New(l.want() + ", got none named " + p.name)
		}
	}
	return nil
}
