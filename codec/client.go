package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"sync"
	"sync/atomic"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A client is a client codec. net/rpc writes requests under a lock of its own
// and reads responses on one goroutine; Notify, GiveUp and Close come from
// anywhere.
type client struct {
	set     *settings
	conn    *transport
	w       *writer
	log     *journal
	notices *notices
	server  *server      // the other half of a duplex, or nil
	reader  *wire.Reader // nil in a duplex, where the duplex reads

	closed atomic.Bool   // Close has been called
	done   chan struct{} // closed when it has ended

	flight // what is under way; guarded by flight.mu

	// Used by the goroutine that reads responses alone:
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
	c := &client{set: set, conn: conn, log: newJournal(set.log, conn.remote), done: make(chan struct{})}
	c.flight.init(set)
	c.notices = newNotices(set.OnNotify, c.log, set.values.Limits.Message)
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

func (c *client) wireName(serviceMethod string) string {
	if c.set.Names == nil {
		return serviceMethod
	}
	return c.set.Names.ToWire(serviceMethod)
}

// WriteRequest encodes a request and sends or queues it. An error from here is
// the error of this call alone, and means that it was not sent.
func (c *client) WriteRequest(r *rpc.Request, body any) error {
	call := &call{client: c, seq: r.Seq, method: c.wireName(r.ServiceMethod)}
	if x, ok := body.(*Exchange); ok && x != nil {
		if err := x.begin(call); err != nil {
			return err
		}
		body = x.Args
	}
	err := c.submit(call, body)
	if err != nil && call.x != nil {
		call.x.fail(err)
	}
	return err
}

// submit takes a call from its encoding to the writer or the queue.
func (c *client) submit(call *call, args any) error {
	if err := c.register(call); err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.put(buf)
	msg, err := c.set.values.AppendRequest((*buf)[:0], call.id, call.method, args, call.asks)
	*buf = msg
	if err != nil {
		c.unregister(call)
		return c.callError(call.method, err)
	}
	queued, alone, err := c.admit(call, msg)
	if queued || err != nil {
		return err
	}
	accepted, err := c.w.send(msg, alone && c.mayWrite(msg), call.unwanted)
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

// maxDirect is the longest message that its caller writes. Where nothing else is
// under way the buffers of the connection are empty and so long a write does
// not block, so that a caller who gives up is not held up by it.
const maxDirect = 16 << 10

// mayWrite reports whether a message that is alone may be written by its
// caller. In a duplex it may not: when the peer has finished sending, the client
// half ends while the connection stays open for the server's answers, and
// net/rpc then needs the lock that a caller would hold while it writes.
func (c *client) mayWrite(msg []byte) bool { return c.server == nil && len(msg) <= maxDirect }

// callError puts the method in front of an error of this side.
func (c *client) callError(method string, err error) error {
	var p *wire.PanicError
	if errors.As(err, &p) {
		c.log.warn("panic while encoding or decoding", "method", wire.QuoteName(method), "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	}
	return fmt.Errorf("codec: %s: %w", wire.QuoteName(method), err)
}

// Notify implements Notifier.
func (c *client) Notify(serviceMethod string, args any) error {
	if x, ok := args.(*Exchange); ok && x != nil {
		args = x.Args
	}
	method := c.wireName(serviceMethod)
	msg, err := c.set.values.AppendNotification(nil, method, args)
	if err != nil {
		return c.callError(method, err)
	}
	call := &call{client: c, method: method} // for the errors: nobody answers it
	queued, alone, err := c.admitNotification(call, msg)
	if queued || err != nil {
		return err
	}
	accepted, err := c.w.send(msg, alone && c.mayWrite(msg), c.over)
	switch {
	case err == nil:
		return nil
	case accepted:
		c.fail(err)
		return c.callError(method, err)
	}
	return c.abandoned(call, err)
}

// ReadResponseHeader waits for the response to a call. Once the connection has
// ended it first reports, one by one, the calls made through an Exchange, each
// with an error of its own, and returns an error only then: what net/rpc gives
// to all others.
func (c *client) ReadResponseHeader(resp *rpc.Response) error {
	c.body = nil
	for {
		if seq, ok := c.nextDropped(); ok {
			resp.Seq = seq
			return nil
		}
		var a arrival
		if c.readErr == nil {
			a, c.readErr = c.next()
		}
		switch {
		case c.readErr != nil:
			return c.finish(resp, c.readErr)
		case a.call != nil:
			c.deliver(resp, a)
			return nil
		}
	}
}

// next reads one message. Its arrival has no call where the message answers
// none.
func (c *client) next() (arrival, error) {
	if c.reader == nil {
		return c.nextArrival()
	}
	frame, err := nextFrame(c.reader)
	if err != nil {
		return arrival{}, err
	}
	msg, err := wire.Parse(frame)
	if err != nil {
		return arrival{}, err
	}
	switch {
	case msg.Type == wire.Response:
		return arrival{c.answered(msg, wire.IsHello(frame)), msg}, nil
	case msg.Type == wire.Notification:
		return arrival{}, c.notified(msg)
	default:
		return arrival{}, c.refuse(msg)
	}
}

// notified passes a notification on to OnNotify.
func (c *client) notified(msg wire.Message) error {
	if msg.Problem != "" {
		c.log.warn("notification dropped", "reason", msg.Problem)
		return nil
	}
	name, err := c.set.values.Format.MethodText(msg.Method)
	if err != nil {
		c.log.warn("notification dropped", "reason", err.Error())
		return nil
	}
	return c.notices.add(&Request{
		Method:       name,
		Params:       Params{bytes.Clone(msg.Params), &c.set.values, name},
		Notification: true,
		RemoteAddr:   c.conn.remote,
		ctx:          c.notices.ctx,
	})
}

// refuse answers a request that reached a client.
func (c *client) refuse(msg wire.Message) error {
	text := msg.Problem
	if text == "" {
		name, err := c.set.values.Format.MethodText(msg.Method)
		if err != nil {
			name = string(msg.Method)
		}
		text = "method not found: " + wire.QuoteName(name)
	}
	if !c.w.offer(c.set.appendError(nil, msg.ID, &Error{Message: text}), false) {
		return errNotReading
	}
	return nil
}

// deliver reports a response to net/rpc. A call through an Exchange is settled
// here and reported as a success without a body.
func (c *client) deliver(resp *rpc.Response, a arrival) {
	resp.Seq = a.call.seq
	if x := a.call.x; x != nil {
		x.settle(func() error { return c.outcome(a, x.Reply) })
		return
	}
	switch {
	case a.msg.Problem != "":
		resp.Error = a.msg.Problem
	case a.msg.Error != nil:
		resp.Error = readError(&c.set.values, a.msg.Error).Error()
	default:
		c.body = a.msg.Result
	}
}

// outcome decodes a response for an Exchange.
func (c *client) outcome(a arrival, reply any) error {
	switch {
	case a.msg.Problem != "":
		return c.callError(a.call.method, errors.New(a.msg.Problem))
	case a.msg.Error != nil:
		return readError(&c.set.values, a.msg.Error)
	case reply == nil:
		return nil
	}
	if err := c.set.values.DecodeResult(a.msg.Result, reply); err != nil {
		return c.callError(a.call.method, fmt.Errorf("result: %w", err))
	}
	return nil
}

// ReadResponseBody decodes the result of a plain call. net/rpc ends the client
// on an error, so the connection is closed first; and as it does not come back
// for the calls made through an Exchange, they are told here.
func (c *client) ReadResponseBody(reply any) error {
	if reply == nil || c.body == nil {
		return nil
	}
	err := c.set.values.DecodeResult(c.body, reply)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("codec: result does not fit %T, and net/rpc ends the connection for that; codec.Exchange does not: %w", reply, err)
	c.fail(err)
	for {
		call, err := c.nextFailed()
		if call == nil {
			break
		}
		call.x.fail(err)
	}
	return err
}

// finish takes the connection down and reports its calls.
func (c *client) finish(resp *rpc.Response, err error) error {
	c.fail(err)
	call, err := c.nextFailed()
	if call == nil {
		return err
	}
	resp.Seq = call.seq
	call.x.fail(err)
	return nil
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
	c.w.wake()
	c.notices.cancel()
	// The server half of a duplex logs the end, but knows nothing of responses.
	abnormal := err != io.EOF && err != rpc.ErrShutdown && c.server == nil
	ignored := c.ignoredResponses()
	if abnormal || ignored > 0 {
		args := []any{"reason", err.Error()}
		if ignored > 0 {
			args = append(args, "ignored_responses", ignored)
		}
		c.log.warn("client connection ended", args...)
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

// buffers holds memory for messages being built.
var buffers = bufferPool{sync.Pool{New: func() any { return new([]byte) }}}

type bufferPool struct{ sync.Pool }

// put gives memory back, unless it is so much that it had better be freed.
func (p *bufferPool) put(b *[]byte) {
	if cap(*b) <= maxWaiting {
		p.Pool.Put(b)
	}
}
