package codec

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/rpc"
	"sync"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A ClientConn makes calls on one connection without net/rpc in between: each ends
// with its context and fails on its own. It is the client's counterpart of a
// ServerConn, and what rpcutil.Client is made of. Any number of goroutines may use
// it, and an mprpc server at the other end is safe: see Pipelining.
type ClientConn struct {
	client *client
	rpc    func() *rpc.Client
	calls  sync.Pool // *ClientCalls that are done, for the next ones; a channel made in a test's bubble must stay there
}

// NewClientConn returns a ClientConn on conn, which a goroutine reads until Close
// or the connection's end.
func (o Options) NewClientConn(conn io.ReadWriteCloser) *ClientConn {
	return ClientConnOf(o.NewClientCodec(conn))
}

// ClientConnOf returns a ClientConn on a client codec of this package, that of a
// duplex for example, which nothing else uses. It panics for other codecs.
func ClientConnOf(codec rpc.ClientCodec) *ClientConn {
	c, ok := codec.(*client)
	if !ok {
		panic(fmt.Sprintf("codec: ClientConnOf needs a client codec of this package, not a %T", codec))
	}
	conn := &ClientConn{client: c, rpc: sync.OnceValue(func() *rpc.Client {
		return rpc.NewClientWithCodec(netRPC{c})
	})}
	go conn.read()
	return conn
}

// RPC returns an rpc.Client on the same connection, with net/rpc's limits: no
// context, and a result of the wrong type ends the connection.
func (c *ClientConn) RPC() *rpc.Client { return c.rpc() }

// Close ends the connection; calls without an answer fail with rpc.ErrShutdown.
// What was sent before still leaves, within Options.WriteTimeout.
func (c *ClientConn) Close() error { return c.client.Close() }

// Ended reports whether the connection has ended, by Close, by the peer or by what
// it sent. Calls fail from then on; those whose errors tell of the end see it ended.
func (c *ClientConn) Ended() bool { return c.client.over() }

// Notify sends a notification. It returns when the message is accepted for sending;
// it may wait for room, which the end of ctx ends too, and then the error wraps
// ErrNotSent and that of ctx. The connection is left as it is. Without pipelining it
// takes its turn behind the requests queued before it.
func (c *ClientConn) Notify(ctx context.Context, serviceMethod string, args any) error {
	return c.client.notify(ctx, serviceMethod, args)
}

// A ClientCall is a call that has been started.
type ClientCall struct {
	conn *ClientConn
	call call
	x    Exchange
	ctx  context.Context
	stop func() bool   // ends the watch over ctx; nil where there is none
	done chan struct{} // receives when the outcome is in x, unless the call was given up
}

// Call makes a call and waits for its outcome; see Start and ClientCall.Wait.
func (c *ClientConn) Call(ctx context.Context, serviceMethod string, args, reply any) error {
	call, err := c.Start(ctx, serviceMethod, args, reply)
	if err != nil {
		return err
	}
	return call.Wait()
}

// Start encodes a call and sends or queues it. The arguments are done with when it
// returns, and requests leave in the order of Start. It may wait for room, which
// the end of ctx ends too. An error means that the request was not sent; then
// there is no call to wait for.
//
// Of an *Exchange the Args alone are used: the call has an outcome of its own. On a
// connection that has ended the error is rpc.ErrShutdown, as net/rpc has it.
func (c *ClientConn) Start(ctx context.Context, serviceMethod string, args, reply any) (*ClientCall, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNotSent, wire.QuoteName(serviceMethod), err)
	}
	if c.client.over() {
		return nil, rpc.ErrShutdown
	}
	if x, ok := args.(*Exchange); ok && x != nil {
		args = x.Args // the call has an Exchange of its own
	}
	d, ok := c.calls.Get().(*ClientCall)
	if !ok {
		d = &ClientCall{conn: c, done: make(chan struct{}, 1)}
	}
	d.ctx = ctx
	d.x.Args, d.x.Reply, d.x.call = args, reply, &d.call
	d.call = call{client: c.client, method: c.client.wireName(serviceMethod), x: &d.x, direct: d}
	err := c.client.submit(&d.call, args)
	if err == nil {
		return d, nil
	}
	if d.stop != nil {
		d.stop()
	}
	return nil, err
}

// Wait waits for the outcome, or for the end of the call's context. In the latter
// case the error wraps that of the context, nothing writes reply from then on, and
// an answer that comes later is dropped; the server is not told, since
// MessagePack-RPC has no message for that. It is called once, by one goroutine.
//
// The error is a *Error, found with errors.As, for what the peer reported. If the
// connection ended before the request left it wraps ErrNotSent, and after Close it
// is rpc.ErrShutdown.
func (d *ClientCall) Wait() error {
	if over := d.ctx.Done(); over == nil {
		<-d.done // a receive alone is several times as fast as a select
	} else {
		select {
		case <-d.done:
		case <-over:
			if d.giveUp() {
				return d.x.Err // somebody may still hold the call: it is not used again
			}
			<-d.done
		}
	}
	err := d.x.Err
	if d.stop == nil || d.stop() {
		d.recycle()
	}
	return err
}

// giveUp ends the interest in the call and reports whether it was in time.
func (d *ClientCall) giveUp() bool {
	err := fmt.Errorf("codec: %s: %w", wire.QuoteName(d.call.method), d.ctx.Err())
	return d.x.GiveUp(err) || d.x.givenUp()
}

func (d *ClientCall) recycle() {
	d.call, d.ctx, d.stop = call{}, nil, nil
	d.x.Args, d.x.Reply, d.x.Err, d.x.call, d.x.state = nil, nil, nil, nil, exchangeOpen
	d.conn.calls.Put(d)
}

// heed has the end of its context wake a call that is about to wait for room.
// Others need no watch over it, as they wait for nothing until Wait does.
func (d *ClientCall) heed() {
	if d.stop == nil && d.ctx.Done() != nil {
		d.stop = context.AfterFunc(d.ctx, func() { d.giveUp() })
	}
}

// read takes responses to their calls until the connection ends.
func (c *ClientConn) read() {
	for {
		var a arrival // anew each time, or a wait would keep the memory of the last
		err := c.client.nextDirect(&a)
		switch {
		case err != nil:
			c.client.fail(err)
			return
		case a.call == nil:
		case a.call.direct != nil:
			d := a.call.direct
			if d.x.settle(func() error { return c.client.outcome(d.call.method, &a.msg, d.x.Reply) }) {
				d.done <- struct{}{}
			}
		default: // of the rpc.Client; the frame's memory is used again
			a.msg.Error, a.msg.Result = bytes.Clone(a.msg.Error), bytes.Clone(a.msg.Result)
			c.client.forward(a)
		}
	}
}

// fail tells a call of the connection's end.
func (d *ClientCall) fail(err error) {
	if d.x.fail(err) {
		d.done <- struct{}{}
	}
}

// netRPC is the client codec for an rpc.Client on a ClientConn, which reads for it.
type netRPC struct{ *client }

func (c netRPC) ReadResponseHeader(resp *rpc.Response) error {
	return c.readResponse(resp, true)
}
