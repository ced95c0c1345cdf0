package rpcutil

import (
	"encoding"
	"errors"
	"fmt"
	"go/token"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/value"
)

// A service is what the table knows of a receiver: under which name net/rpc has it, and its methods.
type service struct {
	name    string
	typ     reflect.Type
	methods []string // in the order of reflect, which sorts by name
}

// newService looks at a receiver as rpc.Server.Register does. An empty name stands for the name of the receiver's type.
func newService(name string, rcvr any) (service, error) {
	return newServiceOf(name, rcvr, suitableMethods)
}

// newServiceOf is newService with another choice of methods.
func newServiceOf(name string, rcvr any, methodsOf func(reflect.Type) []string) (service, error) {
	typ := reflect.TypeOf(rcvr)
	if typ == nil {
		return service{}, errors.New("rpcutil: the receiver is nil")
	}
	if name == "" {
		base := typ
		if base.Kind() == reflect.Pointer {
			base = base.Elem()
		}
		switch name = base.Name(); {
		case name == "":
			return service{}, fmt.Errorf("rpcutil: type %v has no name to use for the service", typ)
		case !token.IsExported(name):
			return service{}, fmt.Errorf("rpcutil: type %v is not exported, so net/rpc needs a name for the service", typ)
		}
	}
	methods := methodsOf(typ)
	if len(methods) == 0 {
		hint := ""
		if len(methodsOf(reflect.PointerTo(typ))) > 0 {
			hint = " (hint: pass a pointer to a value of that type)"
		}
		return service{}, fmt.Errorf("rpcutil: type %v has no method that can be served%s", typ, hint)
	}
	return service{name: name, typ: typ, methods: methods}, nil
}

var typeOfError = reflect.TypeFor[error]()

// suitableMethods lists the methods that net/rpc serves, by the rules of its own function of this name: exported, of the form
// func(receiver, args, *reply) error, with types that another package could name.
//
// The table may not offer more than net/rpc does, or a call would be answered with net/rpc's text instead of ours; and not
// less, or a method would be out of reach. TestSuitableMethodsAreThoseOfNetRPC compares the two.
func suitableMethods(typ reflect.Type) []string {
	var names []string
	for i := range typ.NumMethod() {
		method := typ.Method(i)
		t := method.Type
		if method.IsExported() &&
			t.NumIn() == 3 && isExportedOrBuiltin(t.In(1)) &&
			t.In(2).Kind() == reflect.Pointer && isExportedOrBuiltin(t.In(2)) &&
			t.NumOut() == 1 && t.Out(0) == typeOfError {
			names = append(names, method.Name)
		}
	}
	return names
}

func isExportedOrBuiltin(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	// PkgPath is empty for predeclared types and for composite ones such as []T, which net/rpc lets through unseen.
	return token.IsExported(t.Name()) || t.PkgPath() == ""
}

var (
	typeOfRequest = reflect.TypeFor[codec.Request]()
	typeOfArgs    = reflect.TypeFor[codec.Args]()

	// own are the interfaces by which a type has a wire form of its own, for
	// parameters and for results.
	own = map[string][]reflect.Type{
		"parameter": {
			reflect.TypeFor[msgpack.CustomDecoder](), reflect.TypeFor[msgpack.Unmarshaler](),
			reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
		},
		"result": {
			reflect.TypeFor[msgpack.CustomEncoder](), reflect.TypeFor[msgpack.Marshaler](),
			reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler](),
		},
	}
)

// takesAll reports whether an argument of type t takes all parameters of a call,
// whatever they are.
func takesAll(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t == typeOfRequest || t == typeOfArgs
}

// usable refuses types that no MessagePack value can stand for.
func usable(t reflect.Type, as string) error {
	return usableIn(t, as, map[reflect.Type]bool{})
}

// usableIn is usable for a part of a type. What seen has is looked at already, or
// is being looked at.
func usableIn(t reflect.Type, as string, seen map[reflect.Type]bool) error {
	switch {
	case t == typeOfRequest || t == typeOfArgs && as == "parameter":
		return fmt.Errorf("%s can only be the only parameter, which takes all", t)
	case seen[t] || hasOwnForm(t, as):
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer, reflect.Uintptr:
		return fmt.Errorf("%s cannot be sent, so it cannot be a %s", t, as)
	case reflect.Pointer:
		if endless(t) {
			return fmt.Errorf("%s is a pointer to nothing but pointers, so it cannot be a %s", t, as)
		}
		return usableIn(t.Elem(), as, seen)
	case reflect.Slice, reflect.Array:
		return usableIn(t.Elem(), as, seen)
	case reflect.Map:
		if err := usableIn(t.Key(), as, seen); err != nil {
			return err
		}
		return usableIn(t.Elem(), as, seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if value.Ignored(f) {
				continue
			}
			if err := usableIn(f.Type, as, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// hasOwnForm reports whether t looks after itself. An interface does not: there
// is nothing yet that could.
func hasOwnForm(t reflect.Type, as string) bool {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false
	}
	for _, i := range own[as] {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	if t.Kind() != reflect.Struct {
		return false
	}
	// Package wire takes a struct as one value only if it has a form of its own,
	// such as time.Time and extension types.
	params := value.ParamsOf(t)
	return len(params) == 1 && params[0].Name == ""
}

// endless reports whether a pointer type leads to no value: type P *P.
func endless(t reflect.Type) bool {
	seen := map[reflect.Type]bool{}
	for ; t.Kind() == reflect.Pointer; t = t.Elem() {
		if seen[t] {
			return true
		}
		seen[t] = true
	}
	return false
}
