package rpcutil

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/rpc"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// ServeCodec serves the calls of one connection until it ends; then it waits for those
// that run and closes the codec, as rpc.Server.ServeCodec does. The codec must be one of
// package codec, without Options.Names: a Mux knows the names on the wire.
//
// As with a Server, short methods run one after the other on the goroutine that reads, and
// their answers leave together. Where one takes longer, the reading goes on elsewhere:
// requests behind it, answers before it and the end of the connection wait for about 20 ms
// at most, and long methods run at the same time, up to the codec's MaxPending, with which
// nothing more is read. ServeCodec itself waits on another goroutine, so that a method may
// end its own.
func (m *Mux) ServeCodec(c rpc.ServerCodec) {
	conn := codec.ServerConnOf(c)
	if conn == nil {
		m.serveApart(c)
		return
	}
	// One for each connection: nothing that waits, such as a timer, is shared by those of
	// different tests in package testing/synctest.
	s := &Server{
		Handler:     m,
		Codec:       codec.Options{Logger: m.Logger, MaxPending: conn.MaxPending()},
		MaxCalls:    -1,
		IdleTimeout: -1,
	}
	s.serveLink(messagePack{conn})
}

// serveApart is ServeCodec for other codecs, such as the half of a duplex: each call has a
// goroutine of its own.
func (m *Mux) serveApart(c rpc.ServerCodec) {
	var running sync.WaitGroup
	var writing sync.Mutex
	for {
		call, err := m.read(c)
		if err != nil {
			break
		}
		running.Go(func() {
			growStack()
			m.answer(c, &writing, call)
		})
	}
	running.Wait()
	c.Close()
}

// growStack makes the stack of a new goroutine as large as a call needs, while there
// is next to nothing on it to be copied. Growing step by step in the middle of
// decoding and reflection took half of a server's processor time.
//
//go:noinline
func growStack() {
	var room [5 << 10]byte
	runtime.KeepAlive(&room)
}

// ServeRequest serves one call and returns when it is answered. Its error is
// that of the connection; calls fail on their own. The codec is one that ServeCodec
// takes, or of a kind that keeps nothing of what it is passed.
func (m *Mux) ServeRequest(c rpc.ServerCodec) error {
	call, err := m.read(c)
	if err == nil {
		m.answer(c, nil, call)
	}
	return err
}

// read takes the next call off a codec.
func (m *Mux) read(c rpc.ServerCodec) (*incoming, error) {
	in, ok := spareIncoming.Get().(*incoming)
	if !ok {
		in = new(incoming)
	}
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
	header   rpc.Request
	request  codec.Request
	room     [4]reflect.Value // for what the function is called with
	bad      bool
	shown    bool // the program may have got hold of request, and keep it
	ended    bool // the method has returned, or panicked, and not ended its goroutine
	reply    any
	response rpc.Response
}

// spareIncoming holds incomings that are answered and that nobody has got hold of.
var spareIncoming sync.Pool

// answer runs a call and writes its response, also for a method that ends its
// goroutine.
func (m *Mux) answer(c rpc.ServerCodec, writing *sync.Mutex, in *incoming) {
	defer in.write(c, writing)
	// Deferred last, so that it cannot keep the answer from leaving.
	defer func() {
		if !in.ended {
			in.reply = &codec.Error{Message: errInternal.Error()}
			m.log(slog.LevelWarn, "mprpc: method ended its goroutine", "method", in.request.Method)
		}
	}()
	if !in.bad {
		result, err := m.run(in)
		if err != nil {
			result = m.wireError(in.request.Method, err)
		}
		in.reply = result
	}
	in.ended = true
}

// write sends the response.
func (in *incoming) write(c rpc.ServerCodec, writing *sync.Mutex) {
	in.response = rpc.Response{ServiceMethod: in.header.ServiceMethod, Seq: in.header.Seq}
	if in.bad {
		in.response.Error = "bad request" // the codec answers with what it knows
	}
	if writing != nil {
		writing.Lock()
		defer writing.Unlock()
	}
	reply := in.reply
	if _, ok := reply.(*codec.Error); ok {
		reply = &in.reply
	}
	c.WriteResponse(&in.response, reply) // a failed write has closed the connection
	if in.ended && !in.shown {
		*in = incoming{}
		spareIncoming.Put(in)
	}
}

// wireError makes an error what package codec sends in the form that its Options
// choose. The text is that of the whole error, the code and data those of the
// *codec.Error in it, if there is one. The error is the program's: its methods
// may panic, and those of a nil pointer that is returned as an error do.
func (m *Mux) wireError(method string, err error) (form *codec.Error) {
	defer func() {
		if v := recover(); v != nil {
			m.logPanic("mprpc: panic in an error's method", method, v, debug.Stack())
			form = &codec.Error{Message: errInternal.Error()}
		}
	}()
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

// run finds the method of a call, decodes its parameters and calls it, with the
// interceptors around it.
func (m *Mux) run(in *incoming) (any, error) {
	r, s := &in.request, m.current()
	method, args, err := m.prepare(s, r, in.room[:0])
	if err != nil {
		return nil, err
	}
	in.shown = method.showsRequest() || len(s.interceptors) > 0
	if len(s.interceptors) == 0 {
		ctx := r.Context()
		if method.ctx {
			ctx = requestContext{ctx, r}
		}
		return m.call(ctx, method, r, args)
	}
	next := func(ctx context.Context) (any, error) {
		return m.call(ctx, method, r, slices.Clone(args)) // they may call it more than once
	}
	return m.guarded(r.Method, func() (any, error) {
		return s.around(r, method.parameters(args), next)(requestContext{r.Context(), r})
	})
}

// prepare finds what a request calls, and decodes its parameters, into room as far as
// there is some.
func (m *Mux) prepare(s *muxState, r *codec.Request, room []reflect.Value) (method *muxMethod, args []reflect.Value, err error) {
	if method = s.find(r.Method); method == nil && r.Method == methodsName && !m.HideMethods {
		method = s.describing()
		return method, nil, nil // whatever the parameters
	}
	if method == nil {
		return nil, nil, errors.New(s.notFound(r.Method))
	}
	if args, err = method.decode(r, room); err != nil {
		return nil, nil, decodeError(err)
	}
	return method, args, nil
}

// call calls a method. It has a guard of its own, so that what interceptors do
// after it is done for a panic too.
func (m *Mux) call(ctx context.Context, method *muxMethod, r *codec.Request, args []reflect.Value) (result any, err error) {
	defer m.recovered(r.Method, &result, &err)
	return method.call(ctx, args)
}

// maxErrorText bounds the texts of errors that quote what a peer has sent.
const maxErrorText = 1 << 10

// decodeError makes of an error in decoding parameters the one that the peer gets
// to see. What a type's own decoder panics with is not for the peer; package codec
// has logged it.
func decodeError(err error) error {
	var p *value.PanicError
	if errors.As(err, &p) {
		return errInternal
	}
	return errors.New(wire.BoundText(err.Error(), maxErrorText))
}

// guarded runs the program's code and makes an error of a panic.
func (m *Mux) guarded(method string, run func() (any, error)) (result any, err error) {
	defer m.recovered(method, &result, &err)
	return run()
}

// recovered makes an error of a panic; it is deferred.
func (m *Mux) recovered(method string, result *any, err *error) {
	if v := recover(); v != nil {
		m.logPanic("mprpc: panic in method", method, v, debug.Stack())
		*result, *err = nil, errInternal
	}
}

func (m *Mux) logPanic(message, method string, v any, stack []byte) {
	m.log(slog.LevelError, message, "method", method, "panic", fmt.Sprint(v), "stack", string(stack))
}

func (m *Mux) log(level slog.Level, message string, args ...any) {
	logAt(m.logger(), level, message, args...)
}

// logAt writes a record. A handler that panics costs the record, not the process.
func logAt(logger *slog.Logger, level slog.Level, message string, args ...any) {
	defer func() { _ = recover() }()
	logger.Log(context.Background(), level, message, args...)
}

func (m *Mux) logger() *slog.Logger {
	return cmp.Or(m.Logger, slog.Default())
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
