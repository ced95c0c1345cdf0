package rpcutil

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/rpc"
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
	c := &Client{
		codec:    o.Codec.NewClientCodec(conn),
		timeout:  o.CallTimeout,
		around:   o.Interceptors,
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
// ends the connection.
func (c *Client) RPC() *rpc.Client { return c.rpc }

// Close ends the connection; calls without an answer fail with rpc.ErrShutdown.
func (c *Client) Close() error { return c.rpc.Close() }

// Call makes a call and waits for its result.
func (c *Client) Call(serviceMethod string, args, reply any) error {
	return c.CallContext(context.Background(), serviceMethod, args, reply)
}

// Go makes a call without waiting, as rpc.Client.Go does.
func (c *Client) Go(serviceMethod string, args, reply any, done chan *rpc.Call) *rpc.Call {
	if done == nil {
		done = make(chan *rpc.Call, 1)
	} else if cap(done) == 0 {
		panic("rpcutil: the done channel of Go has no buffer")
	}
	call := &rpc.Call{ServiceMethod: serviceMethod, Args: args, Reply: reply, Done: done}
	go func() {
		call.Error = c.CallContext(context.Background(), serviceMethod, args, reply)
		select {
		case call.Done <- call:
		default: // the channel is too small, as it may be with net/rpc
		}
	}()
	return call
}

// CallContext makes a call and waits for its result, or for the end of ctx. Then
// the error wraps that of ctx, reply is left alone, and an answer that comes
// later is dropped; the server is not told, since MessagePack-RPC has no message
// for that.
//
// The error is a *codec.Error, found with errors.As, for what the peer reported.
// It wraps codec.ErrNotSent if the request never left.
//
// In front of an mprpc server, which takes one request at a time, a call waits
// behind the one in flight. If that one was given up and is not answered within
// LockStepGrace, the connection is closed, and those behind it fail with
// codec.ErrNotSent.
func (c *Client) CallContext(ctx context.Context, serviceMethod string, args, reply any) error {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	if len(c.around) == 0 {
		return c.call(ctx, serviceMethod, args, reply)
	}
	v := &Invocation{serviceMethod, args, reply}
	next := func(ctx context.Context) error { return c.call(ctx, v.Method, v.Args, v.Reply) }
	for i := len(c.around) - 1; i >= 0; i-- {
		inner, around := next, c.around[i]
		next = func(ctx context.Context) error { return around(ctx, v, inner) }
	}
	return next(ctx)
}

func (c *Client) call(ctx context.Context, serviceMethod string, args, reply any) error {
	x := &codec.Exchange{Args: args, Reply: reply}
	if err := c.enter(ctx); err != nil {
		return fmt.Errorf("rpcutil: %s: %w: %w", serviceMethod, codec.ErrNotSent, err)
	}
	gaveUp := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		if x.GiveUp(fmt.Errorf("rpcutil: %s: %w", serviceMethod, ctx.Err())) {
			close(gaveUp)
		}
	})
	defer stop()
	call := c.rpc.Go(serviceMethod, x, nil, make(chan *rpc.Call, 1))
	<-c.entrance
	select {
	case <-call.Done:
		if call.Error != nil {
			return call.Error
		}
	case <-gaveUp:
	}
	return x.Err
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
// message is accepted for sending. mprpc closes the connection on one.
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
