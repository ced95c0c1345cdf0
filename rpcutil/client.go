package rpcutil

import (
	"context"
	"errors"
	"fmt"
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
	rpc     *rpc.Client
	codec   rpc.ClientCodec
	timeout time.Duration
	around  []ClientInterceptor

	// entrance lets one call at a time into net/rpc's sending, which holds a lock
	// that no context ends while it waits for room: the others wait here.
	entrance chan struct{}
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
// that of a duplex; ClientOptions.Codec has no effect.
func NewClientWithCodec(clientCodec rpc.ClientCodec, o ClientOptions) *Client {
	if slices.ContainsFunc(o.Interceptors, func(i ClientInterceptor) bool { return i == nil }) {
		panic("rpcutil: ClientOptions.Interceptors has a nil")
	}
	c := &Client{
		codec:    clientCodec,
		timeout:  o.CallTimeout,
		around:   slices.Clone(o.Interceptors),
		entrance: make(chan struct{}, 1),
	}
	c.rpc = rpc.NewClientWithCodec(c.codec)
	return c
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

// RPC returns the rpc.Client behind the Client. Calls made on it directly have
// net/rpc's limits: no context, texts for errors, and a result of the wrong type
// ends the connection. While one waits for room behind a peer that does not read,
// it holds net/rpc's lock, and the calls of the Client wait with it.
func (c *Client) RPC() *rpc.Client { return c.rpc }

// Close ends the connection; calls without an answer fail with rpc.ErrShutdown.
func (c *Client) Close() error { return c.rpc.Close() }

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
		s, err := c.send(ctx, serviceMethod, args, reply)
		wait = func() error { return err }
		if err == nil {
			wait = s.wait
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
	v := &Invocation{serviceMethod, args, reply}
	next := func(ctx context.Context) error {
		s, err := c.send(ctx, v.Method, v.Args, v.Reply)
		if err != nil {
			return err
		}
		return s.wait()
	}
	for i := len(c.around) - 1; i >= 0; i-- {
		inner, around := next, c.around[i]
		next = func(ctx context.Context) error { return around(ctx, v, inner) }
	}
	return next(ctx)
}

// A sent is a call that net/rpc has.
type sent struct {
	exchange *codec.Exchange
	call     *rpc.Call
	gaveUp   chan struct{} // closed when the context has ended before the answer came
	stop     func() bool   // ends the watch over the context
}

// send hands a call to net/rpc.
func (c *Client) send(ctx context.Context, serviceMethod string, args, reply any) (*sent, error) {
	if err := c.enter(ctx); err != nil {
		return nil, fmt.Errorf("rpcutil: %s: %w: %w", serviceMethod, codec.ErrNotSent, err)
	}
	defer func() { <-c.entrance }() // also where an encoder or a mapper panics
	if x, ok := args.(*codec.Exchange); ok && x != nil {
		args = x.Args // an Exchange of its own holds the outcome
	}
	s := &sent{exchange: &codec.Exchange{Args: args, Reply: reply}, gaveUp: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, func() {
		if s.exchange.GiveUp(fmt.Errorf("rpcutil: %s: %w", serviceMethod, ctx.Err())) {
			close(s.gaveUp)
		}
	})
	s.call = c.rpc.Go(serviceMethod, s.exchange, nil, make(chan *rpc.Call, 1))
	return s, nil
}

// wait waits for the outcome, or for the end of the context.
func (s *sent) wait() error {
	defer s.stop()
	select {
	case <-s.call.Done:
		if s.call.Error != nil {
			return s.call.Error
		}
	case <-s.gaveUp:
	}
	return s.exchange.Err
}

// enter waits for the entrance. What has ended already is never sent.
func (c *Client) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.entrance <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Notify sends a notification: a call that nobody answers. It returns when the
// message is accepted for sending, at the latest after codec.Options.WriteTimeout
// or Close; CallTimeout and interceptors are for calls. mprpc closes the
// connection on a notification.
func (c *Client) Notify(serviceMethod string, args any) error {
	return c.codec.(codec.Notifier).Notify(serviceMethod, args)
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
