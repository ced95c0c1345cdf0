package codec

import (
	"fmt"
	"io"
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A ServerConn is the server's end of a connection for servers that decide for
// themselves which goroutine reads and which one serves a request, as
// rpcutil.Server does. Each request is a ServerCall, which stands alone: net/rpc
// serves it with rpc.Server.ServeRequest.
//
//	var call codec.ServerCall
//	for conn.Next(&call) == nil {
//		rpc.DefaultServer.ServeRequest(&call)
//	}
//	conn.Close()
//
// Next and Ready are for one goroutine at a time; all else may be called at any
// moment and from any goroutine. Options.MaxPending is left to the server.
type ServerConn struct{ *inbound }

// NewServerConn returns a ServerConn on conn.
func (o Options) NewServerConn(conn io.ReadWriteCloser) *ServerConn {
	c := &ServerConn{new(inbound)}
	set, t := o.settings(), newTransport(conn)
	c.init(set, t)
	c.reader = newReader(set, t)
	c.w = newWriter(t, set.WriteTimeout, func(err error) {
		defer c.fail(err)
		c.noteFailedWrite(err)
	})
	return c
}

// ServerConnOf returns a ServerConn on the connection of a server codec of this package.
// It takes the reading over: ReadRequestHeader must not be called any more, and the body
// of what it has returned must have been read. Closing either closes both. It returns
// nil for the server half of a duplex, which does not read for itself, and for other codecs.
func ServerConnOf(codec rpc.ServerCodec) *ServerConn {
	if s, ok := codec.(*server); ok && s.reader != nil {
		return &ServerConn{&s.inbound}
	}
	return nil
}

// MaxPending is that of Options, with the default filled in and math.MaxInt for none.
func (c *ServerConn) MaxPending() int { return c.set.MaxPending }

// Ready reports whether Next returns without reading from the connection. The
// parameters of the last call, where they have not been decoded, are not valid
// any more.
func (c *ServerConn) Ready() bool { return c.reader.Ready() }

// Next waits for the next request or notification and makes call it. What call
// was before must be done, but for its answer: its parameters, in memory that is
// used again, must have been decoded.
//
// The error is io.EOF when the peer has finished sending, after StopReading and
// after Close; otherwise it says why nothing more can be read, which is logged as
// well. Either way calls under way may still be answered, and Close is due then.
func (c *ServerConn) Next(call *ServerCall) error {
	for {
		if c.over.Load() { // whatever is buffered behind what ended the connection
			return c.finish(c.reason())
		}
		frame, err := nextFrame(c.reader)
		if err != nil {
			if timedOut(err) && c.conn.hasStopped() {
				err = io.EOF
			}
			return c.finish(err)
		}
		isCall, err := c.read(frame, &call.served)
		if err == nil && isCall {
			err = c.greet(&call.served)
		}
		switch {
		case err != nil:
			return c.finish(err)
		case isCall:
			call.conn, call.size, call.answer = c, len(frame), 0
			call.err = nil
			return nil
		}
	}
}

// Send sends bytes that AppendResponse has made, of one call or of several. It
// may wait while the peer does not read, for Options.WriteTimeout for each 256 KiB or
// until the connection ends. With alone, or where they are long, they are written
// at once if nothing else is being written; otherwise what gathers is written
// together by a goroutine that ends when nothing is left. A failed write ends the
// connection.
func (c *ServerConn) Send(messages []byte, alone bool) error {
	if len(messages) == 0 {
		return nil
	}
	// A long one is worth its caller's wait, as mostly it need not be copied.
	_, err := c.w.send(messages, alone || len(messages) > maxDirect, nil)
	return err
}

// Gather is Send for answers that more are about to follow: they leave with the next
// ones that are sent, with Flush, or with Close. It never waits. It reports false, and
// has not taken them, if more than 64 KiB would wait or if the connection has ended.
func (c *ServerConn) Gather(messages []byte) bool {
	return len(messages) == 0 || c.w.gather(messages)
}

// Flush sends what has gathered, or leaves it to the goroutine that is writing. It may
// wait as Send does.
func (c *ServerConn) Flush() error { return c.w.flush() }

// StopReading makes Next return io.EOF when the requests that have been read
// are used up, as if the peer had finished sending. It reports whether it can:
// a connection without SetReadDeadline goes on until it is closed.
func (c *ServerConn) StopReading() bool { return c.conn.stopReading() }

// Close ends the connection behind the answers that were given, which have
// Options.WriteTimeout to leave. After StopReading it also gives the peer, which
// may be sending, half a second to notice. Every Close returns when that is done.
func (c *ServerConn) Close() error {
	if !c.beginClose() {
		return nil
	}
	defer close(c.done)
	c.endReading(rpc.ErrShutdown)
	return c.flushAndClose(c.conn.hasStopped())
}

// Abort ends the connection at once. The reason is logged, but for io.EOF and
// rpc.ErrShutdown, unless the connection has ended before.
func (c *ServerConn) Abort(reason error) { c.fail(reason) }

// Err returns why nothing more is read: nil while that is not so, io.EOF where
// the peer has finished sending, rpc.ErrShutdown where this side has closed the
// connection.
func (c *ServerConn) Err() error { return c.reason() }

// A ServerCall is one request or notification, and the rpc.ServerCodec for it:
// ReadRequestHeader and ReadRequestBody return what has been read already, and
// WriteResponse sends the answer. It is for one goroutine at a time.
type ServerCall struct {
	served
	conn   *ServerConn
	size   int
	answer int
	err    *Error
}

// Method is the name on the wire, in UTF-8.
func (c *ServerCall) Method() string { return c.method }

// Notification reports that nobody waits for an answer.
func (c *ServerCall) Notification() bool { return c.notification }

// Size is the length of the message in bytes.
func (c *ServerCall) Size() int { return c.size }

// AnswerSize is the length of the answer in bytes, 0 where there is none.
func (c *ServerCall) AnswerSize() int { return c.answer }

// Err is what the peer was told, or would have been told of a notification: nil
// if the call succeeded, or has no answer yet.
func (c *ServerCall) Err() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

// ReadRequestHeader names the method, in net/rpc's form where Options.Names has
// one. It never fails.
func (c *ServerCall) ReadRequestHeader(r *rpc.Request) error {
	r.Seq = 0
	r.ServiceMethod = c.conn.serviceMethod(&c.served)
	return nil
}

// ReadRequestBody decodes the parameters into body, which may be a *Request. A
// nil body stands for a method that does not exist.
func (c *ServerCall) ReadRequestBody(body any) error { return c.conn.decode(&c.served, body) }

// AppendResponse appends the answer to b, for Send. It always has one, an error
// where the result cannot be sent, unless the call is a notification.
func (c *ServerCall) AppendResponse(b []byte, r *rpc.Response, body any) []byte {
	out, problem := c.conn.appendResponse(b, &c.served, r.Error, body)
	c.answer, c.err = len(out)-len(b), problem
	return out
}

// WriteResponse sends the answer.
func (c *ServerCall) WriteResponse(r *rpc.Response, body any) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.put(buf)
	*buf = c.AppendResponse((*buf)[:0], r, body)
	if err := c.conn.Send(*buf, true); err != nil {
		return fmt.Errorf("codec: %s: %w", wire.QuoteName(c.method), err)
	}
	return nil
}

// Close does nothing: the connection has a Close of its own.
func (c *ServerCall) Close() error { return nil }
