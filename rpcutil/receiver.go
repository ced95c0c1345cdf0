package rpcutil

import (
	"fmt"
	"reflect"
	"slices"
)

// Register serves the methods of a receiver, under the names that a Names would
// offer for it: sum, SumServer.Sum and so on. They are those that net/rpc serves,
// (args, *reply) error, and those that Handle takes: a Go struct becomes what
// class SumServer(RPCServer) is in Python. A name given to Handle comes before one
// of a receiver.
//
// Methods that are hardly meant for peers are left out: those of other forms; if
// one is of net/rpc's form, as Handle describes it, those of another form without
// a context.Context in front; and, unless net/rpc itself would serve them, those
// that come from an embedded field whose type is of another package, such as
// sync.Mutex, and those with the names Lock, Unlock, TryLock, RLock, RUnlock,
// TryRLock, RLocker, String, GoString, Error, Close, ServeHTTP or one of the
// methods by which a type encodes or decodes itself, such as MarshalText. Handle
// serves any of them.
//
// The error says why the receiver cannot be served; then nothing has changed.
func (m *Mux) Register(rcvr any) error { return m.register("", rcvr) }

// RegisterName is Register under another name than that of the type.
func (m *Mux) RegisterName(name string, rcvr any) error {
	if name == "" {
		return fmt.Errorf("rpcutil: RegisterName needs a name for the service")
	}
	if err := checkText(name); err != nil {
		return fmt.Errorf("rpcutil: service name %q %w", name, err)
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
		for _, old := range state.table.services {
			if old.name == s.name && old.typ == s.typ { // another type is the table's to refuse
				return fmt.Errorf("rpcutil: service %s is registered already", s.name)
			}
		}
		if state.table, err = state.table.with(s); err != nil {
			return err
		}
		for _, method := range s.methods {
			f, err := newFunction(v.MethodByName(method).Interface(), nil)
			if err != nil {
				return err
			}
			goName := s.name + "." + method
			state.receivers[goName] = &muxMethod{Method{Name: goName}, f}
		}
		return nil
	})
}

// servableMethods lists the methods of a type that a Mux serves; see Register.
func servableMethods(typ reflect.Type) []string {
	suitable, foreign := suitableMethods(typ), promoted(typ)
	functions := make(map[string]*function)
	anyRPC := false
	for i := range typ.NumMethod() {
		method := typ.Method(i)
		byNetRPC := slices.Contains(suitable, method.Name)
		if !byNetRPC && (foreign[method.Name] || slices.Contains(notForPeers, method.Name)) {
			continue
		}
		if f, err := newFunctionOf(withoutReceiver(method.Type), nil); err == nil {
			functions[method.Name] = f
			anyRPC = anyRPC || f.rpc
		}
	}
	var names []string
	for i := range typ.NumMethod() { // in the order of reflect
		method := typ.Method(i)
		if f := functions[method.Name]; f != nil && (f.rpc || f.ctx || !anyRPC) {
			names = append(names, method.Name)
		}
	}
	return names
}

// notForPeers are methods that types have for other reasons than to be called
// from afar.
var notForPeers = []string{
	"Lock", "Unlock", "TryLock", "RLock", "RUnlock", "TryRLock", "RLocker",
	"String", "GoString", "Error", "Close", "ServeHTTP",
	"MarshalText", "UnmarshalText", "AppendText", "MarshalBinary", "UnmarshalBinary", "AppendBinary",
	"MarshalJSON", "UnmarshalJSON", "GobEncode", "GobDecode",
	"EncodeMsgpack", "DecodeMsgpack", "MarshalMsgpack", "UnmarshalMsgpack", "MarshalMsg", "UnmarshalMsg",
}

// promoted returns the names of the methods that t, or the type it points to, has
// from embedded fields whose types are of another package. Reflection does not
// tell whether t declares a method of such a name itself, so these count as well.
func promoted(t reflect.Type) map[string]bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	names := make(map[string]bool)
	addPromoted(names, t, t.PkgPath(), map[reflect.Type]bool{})
	return names
}

func addPromoted(names map[string]bool, t reflect.Type, pkg string, seen map[reflect.Type]bool) {
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.Anonymous {
			continue
		}
		embedded := field.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		if embedded.PkgPath() == pkg {
			addPromoted(names, embedded, pkg, seen)
			continue
		}
		if embedded.Kind() != reflect.Interface {
			embedded = reflect.PointerTo(embedded)
		}
		for i := range embedded.NumMethod() {
			names[embedded.Method(i).Name] = true
		}
	}
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
