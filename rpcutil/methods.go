package rpcutil

import (
	"errors"
	"fmt"
	"go/token"
	"reflect"
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
