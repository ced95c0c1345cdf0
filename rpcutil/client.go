package rpcutil

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"
	"slices"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// A Client calls a MessagePack-RPC server, with contexts and with errors that
// cost one call each. Its Call, Go and Close are those of rpc.Client. Any number
// of goroutines may use it.
type Client struct {
	conn    *codec.ClientConn
	timeout time.Duration
	around  []ClientInterceptor
}

// ClientOptions adjusts a Client. The zero value is the good default.
type ClientOptions struct {
	// Codec says how the connection is used.
	Codec codec.Options
	// CallTimeout is how long a call may take, unless its context ends before; it
	// holds for Call and Go too. Zero and negative are no limit.
	CallTimeout time.Duration
	// Interceptors stand around every call, the first outermost.
	Interceptors []ClientInterceptor
}

// A ClientInterceptor stands around the calls of a Client: it sees the call,
// makes it with next, or does not, and returns its error or another. It may
// change what invocation holds before it calls next, and call next again.
type ClientInterceptor func(ctx context.Context, invocation *Invocation, next func(context.Context) error) error

// An Invocation is a call as its interceptors see it.
type Invocation struct {
	// Method is the name that the program calls.
	Method string
	// Args and Reply are what it passes.
	Args, Reply any
}

// NewClient returns a Client on conn.
func NewClient(conn io.ReadWriteCloser, o ClientOptions) *Client {
	return NewClientWithCodec(o.Codec.NewClientCodec(conn), o)
}

// NewClientWithCodec returns a Client on a client codec of package codec, such as
// that of a duplex, which nothing else uses; ClientOptions.Codec has no effect.
func NewClientWithCodec(clientCodec rpc.ClientCodec, o ClientOptions) *Client {
	if slices.ContainsFunc(o.Interceptors, func(i ClientInterceptor) bool { return i == nil }) {
		panic("rpcutil: ClientOptions.Interceptors has a nil")
	}
	return &Client{
		conn:    codec.ClientConnOf(clientCodec),
		timeout: o.CallTimeout,
		around:  slices.Clone(o.Interceptors),
	}
}

// Dial connects to the server at the network address; ctx bounds the connecting.
func Dial(ctx context.Context, network, address string, o ClientOptions) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return NewClient(conn, o), nil
}

// RPC returns an rpc.Client on the connection of the Client. Calls made on it have
// net/rpc's limits: no context, texts for errors, and a result of the wrong type
// ends the connection. Its Close is that of the Client.
func (c *Client) RPC() *rpc.Client { return c.conn.RPC() }

// Close ends the connection; calls without an answer fail with rpc.ErrShutdown.
func (c *Client) Close() error { return c.conn.Close() }

// Call makes a call and waits for its result.
func (c *Client) Call(serviceMethod string, args, reply any) error {
	return c.CallContext(context.Background(), serviceMethod, args, reply)
}

// Go makes a call without waiting for its result, as rpc.Client.Go does: args
// are encoded before it returns, and requests leave in the order of Go. With
// interceptors, which stand around the whole call, all of it happens on another
// goroutine instead.
func (c *Client) Go(serviceMethod string, args, reply any, done chan *rpc.Call) *rpc.Call {
	if done == nil {
		done = make(chan *rpc.Call, 1)
	} else if cap(done) == 0 {
		panic("rpcutil: the done channel of Go has no buffer")
	}
	call := &rpc.Call{ServiceMethod: serviceMethod, Args: args, Reply: reply, Done: done}
	ctx, cancel := c.limit(context.Background())
	wait := func() error { return c.intercepted(ctx, serviceMethod, args, reply) }
	if len(c.around) == 0 {
		started, err := c.conn.Start(ctx, serviceMethod, args, reply)
		wait = func() error { return err }
		if err == nil {
			wait = started.Wait
		}
	}
	go func() {
		defer cancel()
		call.Error = errors.New("rpcutil: the goroutine of the call has ended") // unless wait returns
		defer func() {
			select {
			case call.Done <- call:
			default: // the channel is too small, as it may be with net/rpc
			}
		}()
		call.Error = wait()
	}()
	return call
}

// CallContext makes a call and waits for its result, or for the end of ctx. Then
// the error wraps that of ctx, reply is left alone, and an answer that comes
// later is dropped; the server is not told, since MessagePack-RPC has no message
// for that.
//
// The error is a *codec.Error, found with errors.As, for what the peer reported.
// If the connection ended before the request left it wraps codec.ErrNotSent; once
// the connection has ended, and after Close, it is rpc.ErrShutdown.
//
// In front of an mprpc server, which takes one request at a time, a call waits
// behind the one in flight. If that one was given up and is not answered within
// LockStepGrace, the connection is closed, and those behind it fail with
// codec.ErrNotSent.
//
// A *codec.Exchange as args stands for its Args; its Reply and Err are left alone.
//
// A short request that is alone on its connection is written by the caller. On a
// connection that buffers nothing, such as a net.Pipe, that write lasts until the
// peer reads or until codec.Options.WriteTimeout.
func (c *Client) CallContext(ctx context.Context, serviceMethod string, args, reply any) error {
	ctx, cancel := c.limit(ctx)
	defer cancel()
	return c.intercepted(ctx, serviceMethod, args, reply)
}

// limit applies CallTimeout.
func (c *Client) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// intercepted makes a call with the interceptors around it.
func (c *Client) intercepted(ctx context.Context, serviceMethod string, args, reply any) error {
	if len(c.around) == 0 {
		return c.conn.Call(ctx, serviceMethod, args, reply)
	}
	v := &Invocation{serviceMethod, args, reply}
	next := func(ctx context.Context) error { return c.conn.Call(ctx, v.Method, v.Args, v.Reply) }
	for i := len(c.around) - 1; i >= 0; i-- {
		inner, around := next, c.around[i]
		next = func(ctx context.Context) error { return around(ctx, v, inner) }
	}
	return next(ctx)
}

// Notify sends a notification: a call that nobody answers. It returns when the
// message is accepted for sending, at the latest after codec.Options.WriteTimeout
// or Close; CallTimeout and interceptors are for calls. mprpc closes the
// connection on a notification.
func (c *Client) Notify(serviceMethod string, args any) error {
	return c.conn.Notify(context.Background(), serviceMethod, args)
}

// Call calls a method with the given parameters and returns its result as a T.
// Several results, which are a list in Python, fit a struct with as many fields:
//
//	sum, err := rpcutil.Call[int](ctx, client, "sum", 1, 2)
//	user, err := rpcutil.Call[struct{ Name string; Age int }](ctx, client, "get_user", 7)
func Call[T any](ctx context.Context, c *Client, serviceMethod string, args ...any) (T, error) {
	var reply T
	err := c.CallContext(ctx, serviceMethod, codec.Args(args), &reply)
	if err != nil {
		var zero T
		return zero, err
	}
	return reply, nil
}
