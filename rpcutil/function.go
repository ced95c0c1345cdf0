package rpcutil

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// A function is a Go function that serves a wire name: its parameters are those
// of the call, but for a context in front, and its results are a value, an
// error, both or neither. Or it is a method of net/rpc's form: (args, *reply)
// error.
type function struct {
	fn       reflect.Value
	rpcArgs  reflect.Type // the type of args in net/rpc's form, nil otherwise
	ctx      bool         // the first parameter is a context.Context
	params   []reflect.Type
	variadic bool
	required int          // parameters that a caller must send
	result   reflect.Type // nil for none
	err      bool         // the last result is an error
	names    []string     // of the parameters, or nil
	args     reflect.Type // a struct with a field for each parameter; nil for a variadic function
}

var typeOfContext = reflect.TypeFor[context.Context]()

// newFunction looks at a function once, so that a call need not.
func newFunction(fn any, names []string) (*function, error) {
	v := reflect.ValueOf(fn)
	if v.Kind() != reflect.Func || v.IsNil() {
		return nil, fmt.Errorf("%T is not a function", fn)
	}
	f, err := newFunctionOf(v.Type(), names)
	if err == nil {
		f.fn = v
	}
	return f, err
}

// newFunctionOf is newFunction for a type, which leaves the function out.
func newFunctionOf(t reflect.Type, names []string) (*function, error) {
	f := &function{variadic: t.IsVariadic(), names: names}
	for i := range t.NumIn() {
		in := t.In(i)
		switch {
		case in == typeOfContext && i == 0:
			f.ctx = true
			continue
		case in == typeOfContext:
			return nil, errors.New("a context.Context must be the first parameter")
		}
		if err := usable(in, "parameter"); err != nil {
			return nil, err
		}
		f.params = append(f.params, in)
	}
	if err := f.addResults(t); err != nil {
		return nil, err
	}
	if names != nil && len(names) != len(f.params) {
		return nil, fmt.Errorf("%d parameter names for a function with %d parameters", len(names), len(f.params))
	}
	f.countRequired()
	return f, f.makeArgs()
}

func (f *function) addResults(t reflect.Type) error {
	n := t.NumOut()
	if n > 0 && t.Out(n-1) == typeOfError {
		f.err = true
		n--
	}
	if n > 1 {
		return fmt.Errorf("a function may return one value and an error, this one returns %d values", n)
	}
	if n == 1 {
		f.result = t.Out(0)
		return usable(f.result, "result")
	}
	return nil
}

// usable refuses types that no MessagePack value can stand for.
func usable(t reflect.Type, as string) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("%s cannot be sent, so it cannot be a %s", t, as)
	}
	return nil
}

// countRequired finds out how many parameters a caller must send: pointers at
// the end are optional, and so is what a variadic function takes.
func (f *function) countRequired() {
	n := len(f.params)
	if f.variadic {
		f.required = n - 1
		return
	}
	for n > 0 && f.params[n-1].Kind() == reflect.Pointer {
		n--
	}
	f.required = n
}

// makeArgs makes the struct type through which package codec decodes the
// parameters by its rule for structs: with names, optional ones and checks.
func (f *function) makeArgs() error {
	if f.variadic {
		return nil
	}
	fields := make([]reflect.StructField, len(f.params))
	for i, t := range f.params {
		tag := f.name(i)
		if strings.ContainsAny(tag, "\",`\\") || tag == "-" || tag == "" {
			return fmt.Errorf("%q cannot be the name of a parameter", tag)
		}
		if i >= f.required {
			tag += ",omitempty"
		}
		fields[i] = reflect.StructField{Name: fmt.Sprintf("P%d", i+1), Type: t, Tag: reflect.StructTag(`msgpack:"` + tag + `"`)}
	}
	f.args = reflect.StructOf(fields)
	return nil
}

// name is what a parameter is called in errors: its name, else its type.
func (f *function) name(i int) string {
	if f.names != nil {
		return f.names[i]
	}
	return typeName(f.params[i])
}

// typeName is a type as it may stand in a tag and in an error.
func typeName(t reflect.Type) string {
	if name := t.String(); !strings.ContainsAny(name, "\",`\\ ") {
		return name
	}
	return t.Kind().String()
}

// decode takes the parameters of a request.
func (f *function) decode(r *codec.Request) ([]reflect.Value, error) {
	p := r.Params
	switch {
	case f.variadic:
		return f.decodeVariadic(r)
	case f.rpcArgs != nil:
		args := reflect.New(f.rpcArgs)
		return []reflect.Value{args.Elem()}, p.Into(args.Interface())
	}
	args := reflect.New(f.args)
	if err := p.Into(args.Interface()); err != nil {
		return nil, err
	}
	in := make([]reflect.Value, len(f.params))
	for i := range in {
		in[i] = args.Elem().Field(i)
	}
	return in, nil
}

func (f *function) decodeVariadic(r *codec.Request) ([]reflect.Value, error) {
	n := r.Params.Len()
	if n < f.required {
		noun := "parameters"
		if f.required == 1 {
			noun = "parameter"
		}
		return nil, fmt.Errorf("%s: want at least %d %s, got %d", wire.QuoteName(r.Method), f.required, noun, n)
	}
	in, to := make([]reflect.Value, n), make([]any, n)
	for i := range n {
		t := f.params[min(i, len(f.params)-1)]
		if i >= f.required {
			t = f.params[f.required].Elem()
		}
		v := reflect.New(t)
		in[i], to[i] = v.Elem(), v.Interface()
	}
	return in, r.Params.Decode(to...)
}

// call runs the function. The result is nil where it has none.
func (f *function) call(ctx context.Context, in []reflect.Value) (any, error) {
	if f.rpcArgs != nil {
		reply := newReply(f.result)
		err, _ := f.fn.Call([]reflect.Value{in[0], reply})[0].Interface().(error)
		return reply.Elem().Interface(), err
	}
	if f.ctx {
		in = append([]reflect.Value{reflect.ValueOf(ctx)}, in...)
	}
	out := f.fn.Call(in)
	if f.err {
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return nil, err
		}
	}
	if f.result == nil {
		return nil, nil
	}
	return out[0].Interface(), nil
}

// newReply makes the reply of a net/rpc method, with the maps and slices that
// net/rpc makes too.
func newReply(t reflect.Type) reflect.Value {
	reply := reflect.New(t)
	switch t.Kind() {
	case reflect.Map:
		reply.Elem().Set(reflect.MakeMap(t))
	case reflect.Slice:
		reply.Elem().Set(reflect.MakeSlice(t, 0, 0))
	}
	return reply
}
