package wire

import (
	"errors"
	"reflect"
	"strconv"
	"sync"
)

// A plan stores the value at hand in v, which is settable and of the plan's
// type. Plans are made once per type.
type plan func(d *decoder, v reflect.Value) error

var plans sync.Map // reflect.Type -> plan

func planOf(t reflect.Type) plan {
	if p, ok := plans.Load(t); ok {
		return p.(plan)
	}
	// A type may contain itself: while its plan is being made, others get one
	// that waits for it.
	var made sync.WaitGroup
	var p plan
	made.Add(1)
	other, loaded := plans.LoadOrStore(t, plan(func(d *decoder, v reflect.Value) error {
		made.Wait()
		return p(d, v)
	}))
	if loaded {
		return other.(plan)
	}
	p = newPlan(t)
	made.Done()
	plans.Store(t, p)
	return p
}

func newPlan(t reflect.Type) plan {
	if t == typeTime {
		return (*decoder).time
	}
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && decodesItself(t) {
		return (*decoder).delegate
	}
	p := kindPlan(t)
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return p
	}
	return func(d *decoder, v reflect.Value) error {
		switch d.kind() {
		case kindExt:
			if t.PkgPath() == "" && t.Kind() != reflect.Struct {
				return d.misfit(t)
			}
			return d.delegate(v) // a type registered with vmihailenco, or an error of its making
		case kindNil:
			if k := t.Kind(); k == reflect.Slice || k == reflect.Map {
				d.pos++
				v.SetZero()
				return nil
			}
			return d.nilValue(v)
		}
		return p(d, v)
	}
}

// kindPlan makes the plan of a type by its kind. Apart from those of pointers
// and interfaces, these plans are not asked for nil or extensions.
func kindPlan(t reflect.Type) plan {
	switch t.Kind() {
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return decodeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return decodeUint
	case reflect.Float32, reflect.Float64:
		return decodeFloat
	case reflect.String:
		return decodeString
	case reflect.Pointer:
		return pointerPlan(t)
	case reflect.Interface:
		return decodeInterface
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return decodeBytes
		}
		return slicePlan(t)
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return decodeByteArray
		}
		return arrayPlan(t)
	case reflect.Map:
		return mapPlan(t)
	case reflect.Struct:
		return structPlan(t)
	}
	return func(d *decoder, v reflect.Value) error { return d.misfit(t) } // chan, func, complex, uintptr, unsafe pointer
}

func decodeInterface(d *decoder, v reflect.Value) error {
	switch {
	case d.kind() == kindNil:
		d.pos++
		v.SetZero()
		return nil
	case v.NumMethod() == 0:
		x, err := d.any()
		if err == nil {
			v.Set(reflect.ValueOf(x))
		}
		return err
	case v.Type() == typeError && d.kind() == kindStr: // the wire form of an error
		if err := d.charge(1, boxedText); err != nil {
			return err
		}
		s, err := d.text()
		v.Set(reflect.ValueOf(errors.New(s)))
		return err
	}
	return d.misfit(v.Type())
}

func decodeAnyKey(d *decoder, v reflect.Value) error {
	k, err := d.anyKey()
	if err == nil && k != nil {
		v.Set(reflect.ValueOf(k))
	}
	return err
}

func pointerPlan(t reflect.Type) plan {
	if endlessPointer(t) { // it would be followed until the stack overflows
		return func(d *decoder, v reflect.Value) error { return d.misfit(t) }
	}
	elem := planOf(t.Elem())
	size := t.Elem().Size()
	return func(d *decoder, v reflect.Value) error {
		if d.kind() == kindNil {
			d.pos++
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			if err := d.charge(1, size); err != nil {
				return err
			}
			v.Set(reflect.New(t.Elem()))
		}
		return elem(d, v.Elem())
	}
}

func slicePlan(t reflect.Type) plan {
	elem := planOf(t.Elem())
	size := t.Elem().Size()
	return func(d *decoder, v reflect.Value) error {
		if d.kind() != kindArray {
			return d.misfit(t)
		}
		n := d.open()
		if err := d.charge(n, size); err != nil {
			return err
		}
		s := reflect.MakeSlice(t, n, n)
		v.Set(s)
		return elements(d, s, n, elem)
	}
}

func arrayPlan(t reflect.Type) plan {
	elem := planOf(t.Elem())
	return func(d *decoder, v reflect.Value) error {
		if d.kind() != kindArray {
			return d.misfit(t)
		}
		n := d.open()
		if n != t.Len() {
			return &ValueError{Msg: "a list of " + strconv.Itoa(n) + " does not fit " + t.String()}
		}
		return elements(d, v, n, elem)
	}
}

func elements(d *decoder, v reflect.Value, n int, elem plan) error {
	for i := range n {
		if err := elem(d, v.Index(i)); err != nil {
			return at(err, indexStep(i))
		}
	}
	return nil
}

func mapPlan(t reflect.Type) plan {
	key, elem := planOf(t.Key()), planOf(t.Elem())
	if t.Key().Kind() == reflect.Interface && t.Key().NumMethod() == 0 {
		key = decodeAnyKey
	}
	return func(d *decoder, v reflect.Value) error {
		if d.kind() != kindMap {
			return d.misfit(t)
		}
		n := d.open()
		if err := d.chargeMap(n, t.Key().Size(), t.Elem().Size()); err != nil {
			return err
		}
		if v.IsNil() {
			v.Set(reflect.MakeMapWithSize(t, n))
		}
		for range n {
			k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			if err := key(d, k); err != nil {
				return err
			}
			if !k.Comparable() {
				if k.Kind() == reflect.Interface {
					k = k.Elem()
				}
				return &ValueError{Msg: k.Type().String() + " cannot be a map key in Go"}
			}
			if err := elem(d, e); err != nil {
				return at(err, keyStep(k.Interface()))
			}
			v.SetMapIndex(k, e)
		}
		return nil
	}
}
