package rpcutil

import (
	"fmt"
	"reflect"
	"slices"
)

// Register serves the methods of a receiver, under the names that a Names would
// offer for it: sum, SumServer.Sum and so on. They are those that net/rpc serves,
// (args, *reply) error, and those that Handle takes: a Go struct becomes what
// class SumServer(RPCServer) is in Python. Exported methods of other forms are
// left out. A name given to Handle comes before one of a receiver.
//
// The error says why the receiver cannot be served; then nothing has changed.
func (m *Mux) Register(rcvr any) error { return m.register("", rcvr) }

// RegisterName is Register under another name than that of the type.
func (m *Mux) RegisterName(name string, rcvr any) error {
	if name == "" {
		return fmt.Errorf("rpcutil: RegisterName needs a name for the service")
	}
	return m.register(name, rcvr)
}

func (m *Mux) register(name string, rcvr any) error {
	v := reflect.ValueOf(rcvr)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("rpcutil: the receiver is a nil %v", v.Type())
	}
	s, err := newServiceOf(name, rcvr, servableMethods)
	if err != nil {
		return err
	}
	return m.change(func(state *muxState) error {
		if state.table, err = state.table.with(s); err != nil {
			return err
		}
		suitable := suitableMethods(v.Type())
		for _, method := range s.methods {
			f := methodFunction(v.MethodByName(method), slices.Contains(suitable, method))
			goName := s.name + "." + method
			state.receivers[goName] = &muxMethod{Method{Name: goName}, f}
		}
		return nil
	})
}

// servableMethods lists the methods of a type that a Mux serves.
func servableMethods(typ reflect.Type) []string {
	suitable := suitableMethods(typ)
	var names []string
	for i := range typ.NumMethod() {
		method := typ.Method(i)
		if slices.Contains(suitable, method.Name) {
			names = append(names, method.Name)
		} else if _, err := newFunctionOf(withoutReceiver(method.Type), nil); err == nil {
			names = append(names, method.Name)
		}
	}
	return names
}

// withoutReceiver is the type of a method as a value.
func withoutReceiver(t reflect.Type) reflect.Type {
	var in, out []reflect.Type
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	for i := range t.NumOut() {
		out = append(out, t.Out(i))
	}
	return reflect.FuncOf(in, out, t.IsVariadic())
}

// methodFunction makes a function of a method. net/rpc's form comes first:
// (args, *reply) error could also be a function with an optional parameter.
func methodFunction(v reflect.Value, isRPC bool) *function {
	t := v.Type()
	if isRPC {
		return &function{fn: v, rpcArgs: t.In(0), result: t.In(1).Elem()}
	}
	f, _ := newFunctionOf(t, nil) // servableMethods has seen that it works
	f.fn = v
	return f
}
