package codec

import (
	"context"
	"fmt"
	"net/rpc"
	"sync"
	"sync/atomic"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A client is a client codec. net/rpc writes requests under a lock of its own
// and reads responses on one goroutine; Notify, GiveUp and Close come from
// anywhere.
type client struct {
	outbound
	w      *writer
	server *server // the other half of a duplex, or nil

	closed atomic.Bool   // Close has been called
	done   chan struct{} // closed when it has ended

	flight // what is under way; guarded by flight.mu

	crowded atomic.Bool // the response read last was not alone; see noteCrowd

	spareCalls sync.Pool // *call, from who reads to who writes, without a lock; see newCall

	// Used by the goroutine that reads responses alone:
	more    bool   // something had arrived behind the response read last
	body    []byte // result that ReadResponseBody is about to decode, nil to skip it
	readErr error  // what ended the reading: nothing behind it is looked at
}

// An arrival is a response together with the call that it answers.
type arrival struct {
	call *call
	msg  wire.Message
}

func newClient(set *settings, conn *transport) *client {
	c := newClientOn(set, conn)
	c.w = newWriter(conn, set.WriteTimeout, c.fail)
	c.reader = newReader(set, conn)
	return c
}

// newClientOn makes a client that does not have its writer and reader yet.
func newClientOn(set *settings, conn *transport) *client {
	c := &client{done: make(chan struct{})}
	c.outbound.init(set, conn)
	c.flight.init(set)
	return c
}

// newReader makes a reader of messages whose ReadTimeout counts per message.
func newReader(set *settings, conn *transport) *wire.Reader {
	r := wire.NewReader(conn, set.values.Limits)
	if set.ReadTimeout > 0 {
		r.Partial = func(begun bool) {
			if begun {
				conn.limitRead(set.ReadTimeout)
			} else {
				conn.limitRead(0)
			}
		}
	}
	return r
}

// nextFrame reads a message and says which of our limits a time-out is.
func nextFrame(r *wire.Reader) ([]byte, error) {
	frame, err := r.Next()
	if timedOut(err) {
		err = fmt.Errorf("message was not complete within ReadTimeout: %w", err)
	}
	return frame, err
}

// WriteRequest encodes a request and sends or queues it. An error from here is
// the error of this call alone, and means that it was not sent.
func (c *client) WriteRequest(r *rpc.Request, body any) error {
	x, ok := body.(*Exchange)
	if !ok || x == nil {
		return c.submit(c.newCall(r, true), body)
	}
	call := c.newCall(r, false) // who gives it up may hold on to it
	err := x.begin(call)
	if err == nil {
		if err = c.submit(call, x.Args); err != nil {
			x.fail(err)
		}
	}
	return err
}

// newCall returns a call of net/rpc's, which may be in the memory of an answered one
// if nobody else knows of it. A peer may answer a request before it is written, and
// then WriteRequest still looks at the call; but the next one is made only when that
// has returned.
func (c *client) newCall(r *rpc.Request, again bool) *call {
	var n *call
	if again {
		n, _ = c.spareCalls.Get().(*call)
	}
	if n == nil {
		n = new(call)
	}
	*n = call{client: c, seq: r.Seq, method: c.wireName(r.ServiceMethod)}
	return n
}

// submit takes a call from its encoding to the writer or the queue.
func (c *client) submit(call *call, args any) error {
	if c.over() {
		return c.overError(call)
	}
	buf := buffers.Get().(*[]byte)
	defer func() { buffers.put(buf) }()
	var queued, alone bool
	for {
		call.id = c.nextID()
		msg, err := c.set.values.AppendRequest((*buf)[:0], call.id, call.method, args, false)
		if err != nil {
			return c.callError(call.method, err)
		}
		*buf = msg
		if queued, alone, err = c.admit(call, msg); err == nil {
			break
		} else if err != errIDInUse {
			return err
		}
	}
	if queued {
		return nil
	}
	if call.asks { // once in a connection; a message that is too long for it does not ask
		if asking, err := c.set.values.AppendRequest(nil, call.id, call.method, args, true); err == nil {
			*buf = asking
		}
	}
	long := len(*buf) > maxDirect
	accepted, err := c.send(buf, alone, !call.mayBeGivenUp(), call.unwanted)
	if long && accepted {
		buf = nil // the writer's
	}
	switch {
	case err == nil:
		return nil
	case accepted:
		// Some of it may have left. The connection has failed, and the goroutine
		// that reads tells all calls what became of them.
		c.fail(err)
		return nil
	}
	return c.abandoned(call, err)
}

// maxDirect is the longest message that is copied, or written by a caller who may give
// up, or by the one of SerialConn.Notify. Where nothing else is under way the buffers of the connection are empty and so
// long a write does not block, so that nobody who gives up is held up by it.
const maxDirect = 16 << 10

// send hands a message to the writer, to which the memory of a long one belongs once
// it is accepted. One that is alone may be written by its caller, a long one if the
// caller is patient, but not in a duplex: when the peer has finished sending, the
// client half ends while the connection stays open for the server's answers, and
// net/rpc then needs the lock that a caller would hold while it writes.
func (c *client) send(msg *[]byte, alone, patient bool, unwanted func() bool) (accepted bool, err error) {
	alone = alone && c.server == nil
	if len(*msg) > maxDirect {
		return c.w.sendLong(msg, alone && patient, unwanted)
	}
	return c.w.send(*msg, alone, unwanted)
}

// Notify implements Notifier.
func (c *client) Notify(serviceMethod string, args any) error {
	return c.notify(context.Background(), serviceMethod, args)
}

// notify is Notify with a wait for room that ctx ends. Where ctx can end, the
// writer's goroutine writes: notifications before it may have filled the buffers of
// the connection, and only its end ends a write.
func (c *client) notify(ctx context.Context, serviceMethod string, args any) error {
	if err := ctx.Err(); err != nil {
		return notSent(serviceMethod, err)
	}
	if x, ok := args.(*Exchange); ok && x != nil {
		args = x.Args
	}
	method := c.wireName(serviceMethod)
	msg, err := c.set.values.AppendNotification(nil, method, args)
	if err != nil {
		return c.callError(method, err)
	}
	call := &call{client: c, method: method} // for the errors: nobody answers it
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, c.wakeAll)()
	}
	unwanted := func() bool { return c.over() || ctx.Err() != nil }
	queued, alone, err := c.admitNotification(ctx, call, msg)
	if queued || err != nil {
		return err
	}
	accepted, err := c.send(&msg, alone && ctx.Done() == nil, false, unwanted)
	switch {
	case err == nil:
		return nil
	case accepted:
		c.fail(err)
		return c.callError(method, err)
	case err == errUnwanted && !c.over():
		return notSent(method, ctx.Err())
	}
	return c.abandoned(call, err)
}

// wakeAll makes those that wait for room look again whether they are wanted.
func (c *client) wakeAll() {
	c.mu.Lock()
	c.change.Broadcast()
	c.mu.Unlock()
	c.w.wake()
}

// fail ends the connection for a reason, unless it has ended before.
func (c *client) fail(err error) {
	if !c.endReading(err) {
		return
	}
	c.w.stop(c.reason())
	c.conn.Close()
	if c.server != nil {
		c.server.fail(err)
	}
}

// endReading records why no more responses come and wakes all who wait.
func (c *client) endReading(err error) (first bool) {
	if !c.end(err) {
		return false
	}
	for call, err := range c.takeDirect() {
		call.fail(err)
	}
	c.w.wake()
	c.notices.cancel()
	// The server half of a duplex logs the end, but knows nothing of responses.
	if ignored := c.ignoredResponses(); c.server == nil || ignored > 0 {
		c.noteEnd(err, ignored)
	}
	return true
}

// Close ends the connection. What was sent before still leaves, within
// Options.WriteTimeout, or the error says that it did not; calls without an
// answer fail with rpc.ErrShutdown. Every Close returns when that is done.
func (c *client) Close() (err error) {
	if c.closed.Swap(true) {
		<-c.done
		return nil
	}
	defer close(c.done)
	c.sendQueuedNotifications()
	first := c.endReading(rpc.ErrShutdown)
	c.notices.stop()
	if first {
		err = c.w.drain()
	}
	c.w.stop(rpc.ErrShutdown)
	if closeErr := c.conn.Close(); err == nil {
		err = closeErr
	}
	if c.server != nil {
		c.server.fail(rpc.ErrShutdown)
	}
	return err
}

// buffers holds memory for messages being built. The collector takes what nobody
// has used for a while.
var buffers = bufferPool{sync.Pool{New: func() any { return new([]byte) }}}

type bufferPool struct{ sync.Pool }

// put gives memory back, unless there is none or so much that it had better be
// freed.
func (p *bufferPool) put(b *[]byte) {
	if b != nil && cap(*b) <= maxBuffer {
		p.Pool.Put(b)
	}
}

// maxBuffer is the most memory that buffers keeps in one piece.
const maxBuffer = 5 << 20
