package rpcutil

import (
	"reflect"
	"slices"
	"strings"

	"github.com/go-mprpc/mprpc/codec/value"
)

// methodsName is the method that lists the others; one that is registered under
// this name takes its place.
const methodsName = "rpc.methods"

// methodInfo is an entry of what rpc.methods returns.
type methodInfo struct {
	Name   string      `msgpack:"name"`
	Params []paramInfo `msgpack:"params"`
	Result string      `msgpack:"result"` // its Go type, "" for none
	Doc    string      `msgpack:"doc"`
}

type paramInfo struct {
	Name     string `msgpack:"name"` // "" where none is known
	Type     string `msgpack:"type"` // the Go type
	Optional bool   `msgpack:"optional"`
}

// describing is the method that lists the others.
func (s *muxState) describing() *muxMethod {
	return &muxMethod{function: &function{fn: reflect.ValueOf(s.describe), result: reflect.TypeFor[[]methodInfo]()}}
}

// describe lists the methods, each under the name that a client sends, in the
// order of names.
func (s *muxState) describe() []methodInfo {
	list := []methodInfo{}
	for name, m := range s.methods {
		list = append(list, m.info(name))
	}
	for goName, m := range s.receivers {
		name := s.table.toWire[goName]
		if s.methods[name] != nil { // a function has taken it
			name = goName
		}
		if s.methods[name] == nil {
			list = append(list, m.info(name))
		}
	}
	slices.SortFunc(list, func(a, b methodInfo) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (m *muxMethod) info(name string) methodInfo {
	info := methodInfo{Name: name, Params: m.describeParams(), Doc: m.Doc}
	if m.result != nil {
		info.Result = m.result.String()
	}
	return info
}

func (f *function) describeParams() []paramInfo {
	list := []paramInfo{}
	switch {
	case f.whole != nil && takesAll(f.whole):
		return list // whatever comes
	case f.whole != nil:
		return describeArgs(f.whole)
	}
	for i, t := range f.params {
		p := paramInfo{Type: t.String(), Optional: i >= f.required}
		if f.variadic && i == len(f.params)-1 {
			p.Type = "..." + t.Elem().String()
		}
		if f.names != nil {
			p.Name = f.names[i]
		}
		list = append(list, p)
	}
	return list
}

// describeArgs lists the parameters that the argument of a net/rpc method stands
// for.
func describeArgs(t reflect.Type) []paramInfo {
	list := []paramInfo{}
	for _, p := range value.ParamsOf(t) {
		list = append(list, paramInfo{p.Name, p.Type.String(), p.Optional})
	}
	return list
}
