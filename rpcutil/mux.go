package rpcutil

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// A Mux serves functions by their wire names, with contexts, interceptors and a
// guard against panics. It is what class SumServer(RPCServer) is in Python.
//
//	var mux rpcutil.Mux
//	mux.Handle("sum", func(x, y int) int { return x + y })
//	go mux.ServeCodec(codec.NewServerCodec(conn))
//
// The zero value is empty and ready to use. All methods may be called at any
// time and from any goroutine; a call sees what was there when it began. A Mux
// must not be copied after its first use.
type Mux struct {
	// Logger gets the text and stack of panics; nil is slog.Default().
	// It must not be changed after the first call.
	Logger *slog.Logger
	// HideMethods leaves out rpc.methods, which lists what there is to call.
	// It must not be changed after the first call.
	HideMethods bool

	// mu makes one change at a time. Calls do not take it: they load state, which
	// is replaced whole and never changed.
	mu    sync.Mutex
	state atomic.Pointer[muxState]
}

type muxState struct {
	methods      map[string]*muxMethod // by the name given to Handle
	receivers    map[string]*muxMethod // by Service.Method
	table        *table                // wire names of receivers' methods
	interceptors []Interceptor         // in the order of Use
}

// A muxMethod is what a name calls.
type muxMethod struct {
	Method
	*function
}

// A Method describes a function for HandleMethod.
type Method struct {
	// Name is the name on the wire.
	Name string
	// Params names the parameters, for errors, for calls by name and for
	// rpc.methods. It is nil, or has a name for each parameter but the context;
	// names may not differ in case alone. Without it there are no calls by name.
	Params []string
	// Doc is a text of documentation for rpc.methods.
	Doc string
	// Func is the function; see Mux.Handle.
	Func any
}

// Handle serves a function under a wire name. The function may take a
// context.Context first, which ends when the connection is closed or fails, but
// not when the peer has finished sending, see codec.Request, and which RequestFrom
// finds the request in; its other parameters are those of the call. Pointers at
// the end are optional parameters, nil when they are not sent; or the last
// parameter is variadic, and those before it are required. It returns nothing, a
// value, an error, or a value and an error. A function whose only parameter is a
// *codec.Request, codec.Request or codec.Args takes all parameters of the call,
// whatever they are, the first two undecoded.
//
// A function that returns an error alone and has two parameters, not counting the
// context, of which the last is a pointer, is of net/rpc's form instead, (args,
// *reply) error: a method value of a net/rpc service can be served as it is. This
// form wins over an optional last parameter; a function that wants one returns
// something besides the error.
//
// A *codec.Error, also one that is wrapped, reaches the caller with its code and
// data where codec.Options.Errors allows; any other error as text. A panic
// reaches the caller as "internal error" and goes to the log.
//
// Handle panics if the function cannot be served or the name is taken.
func (m *Mux) Handle(name string, fn any) {
	if err := m.HandleMethod(Method{Name: name, Func: fn}); err != nil {
		panic(err.Error())
	}
}

// HandleMethod is Handle with names for the parameters and a line of
// documentation, and with an error instead of a panic. It keeps no part of method
// that the caller could change.
func (m *Mux) HandleMethod(method Method) error {
	if method.Name == "" {
		return errors.New("rpcutil: a method needs a name")
	}
	if err := checkText(method.Name); err != nil {
		return fmt.Errorf("rpcutil: method name %q %w", method.Name, err)
	}
	if !utf8.ValidString(method.Doc) {
		return fmt.Errorf("rpcutil: method %s: its documentation is not valid UTF-8", method.Name)
	}
	method.Params = slices.Clone(method.Params)
	f, err := newFunction(method.Func, method.Params)
	if err != nil {
		return fmt.Errorf("rpcutil: method %s: %w", method.Name, err)
	}
	return m.change(func(s *muxState) error {
		if _, taken := s.methods[method.Name]; taken {
			return fmt.Errorf("rpcutil: there is a method %s already", method.Name)
		}
		s.methods[method.Name] = &muxMethod{method, f}
		return nil
	})
}

// checkText refuses names that cannot be sent, or would spoil a log.
func checkText(name string) error {
	switch {
	case !utf8.ValidString(name):
		return errors.New("is not valid UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("has a control character")
	}
	return nil
}

// Use puts an interceptor around all calls. The one added first is outermost.
func (m *Mux) Use(interceptor Interceptor) {
	if interceptor == nil { // it would fail every call to come
		panic("rpcutil: Use needs an interceptor, not nil")
	}
	m.change(func(s *muxState) error {
		s.interceptors = append(s.interceptors, interceptor)
		return nil
	})
}

// change replaces the state by a changed copy, unless the change fails.
func (m *Mux) change(edit func(*muxState) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.current()
	next := &muxState{
		methods:      maps.Clone(old.methods),
		receivers:    maps.Clone(old.receivers),
		table:        old.table,
		interceptors: slices.Clone(old.interceptors),
	}
	if err := edit(next); err != nil {
		return err
	}
	m.state.Store(next)
	return nil
}

var emptyMux = muxState{
	methods:   map[string]*muxMethod{},
	receivers: map[string]*muxMethod{},
	table:     &emptyTable,
}

func (m *Mux) current() *muxState {
	if s := m.state.Load(); s != nil {
		return s
	}
	return &emptyMux
}
