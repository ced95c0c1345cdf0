package wire

import (
	"fmt"
	"reflect"
	"sync"
)

// maxHops is how many pointers and interfaces may follow upon each other. No
// honest value comes near.
const maxHops = 1000

// pointee returns the type that a chain of pointer types leads to. If that is a
// pointer still, the chain has no end: type P *P.
func pointee(t reflect.Type) reflect.Type {
	for hops := 0; t.Kind() == reflect.Pointer && hops < maxHops; hops++ {
		t = t.Elem()
	}
	return t
}

func endlessPointer(t reflect.Type) bool { return pointee(t).Kind() == reflect.Pointer }

func endlessError(t reflect.Type) error {
	return fmt.Errorf("%s is a pointer to nothing but pointers", t)
}

// encodable reports why vmihailenco must not see v. It recurses along types and
// chains of pointers without looking for a loop, writes nothing meanwhile that a
// check could count, and ends by overflowing the stack, which is fatal.
func encodable(v reflect.Value) error {
	if err := encodableType(v.Type()); err != nil {
		return err
	}
	for range maxHops {
		switch {
		case v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface || v.IsNil():
			return nil
		case v.Kind() == reflect.Interface:
			if err := encodableType(v.Elem().Type()); err != nil {
				return err
			}
		}
		v = v.Elem()
	}
	return fmt.Errorf("%s leads through more than %d pointers", v.Type(), maxHops)
}

var encodableTypes sync.Map // reflect.Type -> error, or nil

// encodableType checks t and all types that a value of t holds, as far as they
// are known from t: not what stands in an interface.
func encodableType(t reflect.Type) error {
	if err, ok := encodableTypes.Load(t); ok {
		e, _ := err.(error)
		return e
	}
	err := checkType(t, map[reflect.Type]bool{})
	encodableTypes.Store(t, err)
	return err
}

func checkType(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if t.Kind() == reflect.Pointer && endlessPointer(t) {
		return endlessError(t)
	}
	if implements(t, selfEncoders...) {
		return nil
	}
	switch t.Kind() {
	case reflect.Uintptr: // vmihailenco has no encoder for it, and panics
		return fmt.Errorf("unsupported %s", t)
	case reflect.Map:
		if err := checkType(t.Key(), seen); err != nil {
			return err
		}
		return checkType(t.Elem(), seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return checkType(t.Elem(), seen)
	case reflect.Struct:
		if loop := embedsItself(t, map[reflect.Type]bool{}); loop != nil {
			return fmt.Errorf("%s embeds itself", loop)
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if name, _ := parseTag(f); name == "-" || !f.IsExported() && !f.Anonymous {
				continue
			}
			if err := checkType(f.Type, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// embedsItself returns t or a struct embedded in it that embeds itself, or nil
// for none. vmihailenco would never be done with collecting its fields: those of
// embedded structs are among them. open holds the types around t.
func embedsItself(t reflect.Type, open map[reflect.Type]bool) reflect.Type {
	if open[t] {
		return t
	}
	open[t] = true
	defer delete(open, t)
	for i := range t.NumField() {
		f := t.Field(i)
		name, options := parseTag(f)
		if !f.Anonymous || name == "-" || hasOption(options, "noinline") {
			continue
		}
		elem := pointee(f.Type)
		if elem.Kind() != reflect.Struct || decodesItself(elem) || implements(elem, selfEncoders...) {
			continue
		}
		if loop := embedsItself(elem, open); loop != nil {
			return loop
		}
	}
	return nil
}
