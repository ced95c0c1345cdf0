package rpcutil

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/rpc"
	"runtime/debug"
	"sync"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// ServeCodec serves the calls of one connection, each on a goroutine of its own,
// until it ends; then it waits for those that run and closes the codec, as
// rpc.Server.ServeCodec does. The codec must be one of package codec, without
// Options.Names: a Mux knows the names on the wire.
func (m *Mux) ServeCodec(c rpc.ServerCodec) {
	var running sync.WaitGroup
	var writing sync.Mutex
	for {
		call, err := m.read(c)
		if err != nil {
			break
		}
		running.Go(func() { m.answer(c, &writing, call) })
	}
	running.Wait()
	c.Close()
}

// ServeRequest serves one call and returns when it is answered. Its error is
// that of the connection; calls fail on their own.
func (m *Mux) ServeRequest(c rpc.ServerCodec) error {
	call, err := m.read(c)
	if err == nil {
		m.answer(c, nil, call)
	}
	return err
}

// read takes the next call off a codec.
func (m *Mux) read(c rpc.ServerCodec) (*incoming, error) {
	in := new(incoming)
	if err := c.ReadRequestHeader(&in.header); err != nil {
		return nil, err
	}
	if in.header.ServiceMethod == "" { // the codec knows what is wrong with it
		in.bad = true
		return in, c.ReadRequestBody(nil)
	}
	return in, c.ReadRequestBody(&in.request)
}

// An incoming is a call on its way to its method.
type incoming struct {
	header  rpc.Request
	request codec.Request
	bad     bool
}

// answer runs a call and writes its response, also for a method that ends its
// goroutine.
func (m *Mux) answer(c rpc.ServerCodec, writing *sync.Mutex, in *incoming) {
	result, err := any(nil), errInternal // what stands if the method ends its goroutine
	defer func() {
		response := rpc.Response{ServiceMethod: in.header.ServiceMethod, Seq: in.header.Seq}
		var reply any
		switch {
		case in.bad:
			response.Error = "bad request" // the codec answers with what it knows
		case err != nil:
			reply = wireError(err)
		default:
			reply = result
		}
		if writing != nil {
			writing.Lock()
			defer writing.Unlock()
		}
		if e, ok := reply.(*codec.Error); ok {
			reply = new(any)
			*reply.(*any) = e
		}
		c.WriteResponse(&response, reply) // a failed write has closed the connection
	}()
	if !in.bad {
		result, err = m.run(&in.request)
	}
}

// wireError makes an error what package codec sends in the form that its Options
// choose. The text is that of the whole error, the code and data those of the
// *codec.Error in it, if there is one.
func wireError(err error) *codec.Error {
	var e *codec.Error
	if !errors.As(err, &e) || e == nil {
		e = new(codec.Error)
	}
	text := err.Error()
	if text == "" {
		text = fmt.Sprintf("%T without text", err)
	}
	return &codec.Error{Code: e.Code, Message: text, Data: e.Data}
}

var errInternal = errors.New("internal error")

// run finds the method of a request, decodes its parameters and calls it, with
// the interceptors around it.
func (m *Mux) run(r *codec.Request) (result any, err error) {
	s := m.current()
	method := s.find(r.Method)
	if method == nil {
		if r.Method == methodsName && !m.HideMethods {
			return s.describe(), nil
		}
		return nil, errors.New(s.notFound(r.Method))
	}
	defer func() {
		if v := recover(); v != nil {
			m.logger().Error("mprpc: panic in method", "method", r.Method, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			result, err = nil, errInternal
		}
	}()
	in, err := method.decode(r)
	if err != nil {
		return nil, err
	}
	next := func(ctx context.Context) (any, error) { return method.call(ctx, in) }
	if len(s.interceptors) > 0 {
		next = s.around(r, in, next)
	}
	return next(r.Context())
}

func (m *Mux) logger() *slog.Logger {
	if m.Logger == nil {
		return slog.Default()
	}
	return m.Logger
}

// find returns what a wire name calls, or nil.
func (s *muxState) find(wire string) *muxMethod {
	if method := s.methods[wire]; method != nil {
		return method
	}
	return s.receivers[s.table.fromWire[wire]]
}

func (s *muxState) notFound(name string) string {
	if text := s.table.explain[name]; text != "" {
		return text
	}
	return "method not found: " + wire.QuoteName(name)
}
