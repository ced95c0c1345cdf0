package rpcutil

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mprpc/mprpc/codec"
)

// A function is a Go function that serves a wire name: its parameters are those
// of the call, but for a context in front, and its results are a value, an
// error, both or neither. Or it is of net/rpc's form: (args, *reply) error.
type function struct {
	fn       reflect.Value
	rpc      bool         // it is of net/rpc's form
	whole    reflect.Type // of the argument that stands for all parameters, nil where each has its own
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
	in := make([]reflect.Type, t.NumIn())
	for i := range in {
		in[i] = t.In(i)
	}
	if len(in) > 0 && in[0] == typeOfContext {
		f.ctx, in = true, in[1:]
	}
	if slices.Contains(in, typeOfContext) {
		return nil, errors.New("a context.Context must be the first parameter")
	}
	switch {
	case len(in) == 2 && in[1].Kind() == reflect.Pointer && t.NumOut() == 1 && t.Out(0) == typeOfError:
		f.rpc, f.whole, f.result = true, in[0], in[1].Elem()
		if err := usable(f.result, "result"); err != nil {
			return nil, err
		}
		in = in[:1]
	case len(in) == 1 && takesAll(in[0]):
		f.whole = in[0]
	default:
		f.params = in
	}
	for _, t := range in {
		if t == f.whole && takesAll(t) {
			continue
		}
		if err := usable(t, "parameter"); err != nil {
			return nil, err
		}
	}
	if !f.rpc {
		if err := f.addResults(t); err != nil {
			return nil, err
		}
	}
	if err := f.checkNames(); err != nil {
		return nil, err
	}
	f.countRequired()
	f.makeArgs()
	return f, nil
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

// checkNames refuses names that a caller could not use, or not tell apart.
func (f *function) checkNames() error {
	if f.names == nil {
		return nil
	}
	if f.whole != nil && len(f.names) > 0 {
		return fmt.Errorf("a %s stands for all parameters, which cannot have names here", f.whole)
	}
	if len(f.names) != len(f.params) {
		return fmt.Errorf("%d parameter names for a function with %d parameters", len(f.names), len(f.params))
	}
	for i, name := range f.names {
		if err := checkText(name); err != nil {
			return fmt.Errorf("parameter name %q %w", name, err)
		}
		if strings.ContainsAny(name, ",:'") || name == "-" || name == "" { // they mean something in a tag
			return fmt.Errorf("%q cannot be the name of a parameter", name)
		}
		for _, other := range f.names[:i] {
			if strings.EqualFold(name, other) {
				return fmt.Errorf("parameter names %s and %s are the same to a caller", other, name)
			}
		}
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
func (f *function) makeArgs() {
	if f.variadic || f.whole != nil {
		return
	}
	fields := make([]reflect.StructField, len(f.params))
	for i, t := range f.params {
		tag := f.name(i)
		if f.names == nil {
			tag += ",byplace"
		}
		if i >= f.required {
			tag += ",omitempty"
		}
		fields[i] = reflect.StructField{Name: fmt.Sprintf("P%d", i+1), Type: t, Tag: reflect.StructTag("msgpack:" + strconv.Quote(tag))}
	}
	f.args = reflect.StructOf(fields)
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

// decode takes the parameters of a request, and appends what the function is called
// with to in: a place for the context, if it takes one, and the parameters.
func (f *function) decode(r *codec.Request, in []reflect.Value) ([]reflect.Value, error) {
	if f.ctx {
		in = append(in, reflect.Value{})
	}
	switch {
	case f.whole != nil:
		return f.decodeWhole(r, in)
	case f.variadic:
		return f.decodeVariadic(r, in)
	}
	args := reflect.New(f.args)
	if err := r.Params.Into(args.Interface()); err != nil {
		return nil, err
	}
	for i := range f.params {
		in = append(in, args.Elem().Field(i))
	}
	return in, nil
}

// decodeWhole makes the argument that stands for all parameters.
func (f *function) decodeWhole(r *codec.Request, in []reflect.Value) ([]reflect.Value, error) {
	switch f.whole {
	case typeOfRequest:
		return append(in, reflect.ValueOf(*r)), nil
	case reflect.PointerTo(typeOfRequest):
		return append(in, reflect.ValueOf(r)), nil
	}
	args := reflect.New(f.whole)
	return append(in, args.Elem()), r.Params.Into(args.Interface())
}

// decodeVariadic takes the parameters of a variadic function, those of its end as
// the slice that it gets.
func (f *function) decodeVariadic(r *codec.Request, in []reflect.Value) ([]reflect.Value, error) {
	to := make([]any, len(f.params))
	for i, t := range f.params {
		v := reflect.New(t)
		in, to[i] = append(in, v.Elem()), v.Interface()
	}
	return in, r.Params.DecodeVariadic(to[:f.required], to[f.required])
}

// parameters are those of what decode has made.
func (f *function) parameters(in []reflect.Value) []reflect.Value {
	if f.ctx {
		return in[1:]
	}
	return in
}

// showsRequest reports whether the function gets to see the Request that it is called
// with.
func (f *function) showsRequest() bool {
	return f.ctx || f.whole != nil && takesAll(f.whole)
}

// call runs the function with what decode has made, which it may change. The result
// is nil where it has none.
func (f *function) call(ctx context.Context, in []reflect.Value) (any, error) {
	if f.ctx {
		in[0] = reflect.ValueOf(ctx)
	}
	if f.rpc {
		reply := newReply(f.result)
		err, _ := f.fn.Call(append(in, reply))[0].Interface().(error)
		return reply.Elem().Interface(), err
	}
	run := f.fn.Call
	if f.variadic {
		run = f.fn.CallSlice
	}
	out := run(in)
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
