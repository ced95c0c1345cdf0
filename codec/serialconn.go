package codec

import (
	"io"
	"math"
	"net/rpc"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A SerialConn makes calls on a connection, one after the other, each on the goroutine
// of its caller from its first byte to its last: it writes, reads and decodes. Other
// goroutines there are for long notifications and for Options.OnNotify alone. It is what
// package pool keeps.
//
// Its methods are for one goroutine at a time, but for Close. A call ends with its
// answer, with the connection, by what the peer sends or by Close, and with the timeouts
// of Options: who wants to end it otherwise closes the connection. Nothing is read
// between calls. What Options says of pipelining is of no use here.
type SerialConn struct {
	outbound
	lastID  uint32
	ignored atomic.Int64 // responses to nobody

	mu sync.Mutex
	// Protected by mu, but that who makes calls may read sending without it:
	err     error    // why the connection has ended
	sending *sending // a long notification that is on its way, or could not leave

	over atomic.Bool // err is set; may be read without mu
}

// A sending is the writing of a message by a goroutine.
type sending struct {
	done chan struct{} // closed when it has ended
	err  error         // why the message has not left; set before
}

// NewSerialConn returns a SerialConn on conn.
func (o Options) NewSerialConn(conn io.ReadWriteCloser) *SerialConn {
	c := new(SerialConn)
	set, t := o.settings(), newTransport(conn)
	c.init(set, t)
	c.reader = newReader(set, t)
	return c
}

// Call makes a call and waits for its outcome. It reports whether that is an answer of
// the peer: then the connection is as good as before, also where the error is what the
// peer reported, an *Error found with errors.As, or tells that the result does not fit
// reply. If it is none, and the connection has not ended, the request could not be
// encoded. When the connection has ended before the request was written, the error wraps
// ErrNotSent; after Close it is rpc.ErrShutdown.
//
// Requests that the peer sends meanwhile are refused, and the answers to them written
// here too.
func (c *SerialConn) Call(serviceMethod string, args, reply any) (answered bool, err error) {
	method := c.wireName(serviceMethod)
	c.Flush()
	if err := c.reason(); err != nil {
		return false, notSent(method, err)
	}
	c.lastID = c.lastID%math.MaxInt32 + 1 // 1 to 2^31-1, the positive numbers of mprpc's C int
	buf := buffers.Get().(*[]byte)
	request, err := c.set.values.AppendRequest((*buf)[:0], c.lastID, method, args, false)
	if err != nil {
		buffers.put(buf)
		return false, c.callError(method, err)
	}
	*buf = request
	err = writeAll(c.conn, request, c.set.WriteTimeout)
	buffers.put(buf)
	var msg wire.Message
	if err == nil {
		msg, err = c.response()
	}
	if err != nil {
		c.end(err)
		return false, lost(method, c.reason())
	}
	return true, c.outcome(method, &msg, reply)
}

// response reads until the response to the request sent last has come. It is part of
// the reader's memory.
func (c *SerialConn) response() (wire.Message, error) {
	for {
		frame, err := nextFrame(c.reader)
		if err != nil {
			return wire.Message{}, err
		}
		msg, err := wire.Parse(frame)
		switch {
		case err != nil:
		case msg.Type == wire.Response && msg.Num == int64(c.lastID):
			return msg, nil
		case msg.Type == wire.Response:
			c.ignored.Add(1)
		case msg.Type == wire.Notification:
			err = c.notified(&msg)
		default:
			err = writeAll(c.conn, c.refusal(&msg), c.set.WriteTimeout)
		}
		if err != nil {
			return wire.Message{}, err
		}
	}
}

// Notify sends a notification. It returns when the system has taken it, which may be as
// late as Options.WriteTimeout allows if the peer does not read. One of more than 16 KiB
// it leaves to a goroutine; if that fails the connection ends, which the log tells, the
// next call and Close.
//
// If the connection had ended before, the error wraps ErrNotSent; after Close it is
// rpc.ErrShutdown.
func (c *SerialConn) Notify(serviceMethod string, args any) error {
	method := c.wireName(serviceMethod)
	c.Flush()
	if err := c.reason(); err != nil {
		return notSent(method, err)
	}
	msg, err := c.set.values.AppendNotification(nil, method, args)
	if err != nil {
		return c.callError(method, err)
	}
	if len(msg) > maxDirect {
		return c.sendLater(method, msg)
	}
	if err := writeAll(c.conn, msg, c.set.WriteTimeout); err != nil {
		c.end(err)
		if err = c.reason(); err == rpc.ErrShutdown {
			return err
		}
		return c.callError(method, err)
	}
	return nil
}

// sendLater leaves the writing of a notification to a goroutine.
func (c *SerialConn) sendLater(method string, msg []byte) error {
	s := &sending{done: make(chan struct{})}
	c.mu.Lock()
	err := c.err
	if err == nil {
		c.sending = s
	}
	c.mu.Unlock()
	if err != nil {
		return notSent(method, err)
	}
	go func() {
		defer close(s.done)
		if s.err = writeAll(c.conn, msg, c.set.WriteTimeout); s.err != nil {
			c.end(s.err)
		}
	}()
	return nil
}

// Flush waits until a long notification has left, or the connection has ended. Call and
// Notify do so first.
func (c *SerialConn) Flush() {
	if c.sending == nil {
		return
	}
	if <-c.sending.done; c.sending.err == nil { // otherwise Close tells of it
		c.mu.Lock()
		c.sending = nil
		c.mu.Unlock()
	}
}

// Idle reports whether the connection is as good as new for the next call: it has not
// ended, and nothing has arrived that answers no call, be it bytes behind the last
// response or a response to nobody.
func (c *SerialConn) Idle() bool {
	return !c.over.Load() && c.ignored.Load() == 0 && c.reader.Buffered() == 0
}

// Close ends the connection, and a call that is under way with rpc.ErrShutdown. A long
// notification still leaves, within Options.WriteTimeout, or the error says that it did
// not. Close may be called at any moment and from any goroutine.
func (c *SerialConn) Close() (err error) {
	c.noteFirst(rpc.ErrShutdown)
	c.notices.stop()
	c.mu.Lock()
	sending := c.sending
	c.mu.Unlock()
	if sending != nil {
		limit := time.NewTimer(flushTime(c.set.WriteTimeout))
		defer limit.Stop()
		select {
		case <-sending.done:
			err = sending.err
		case <-limit.C:
			err = errFlush
		}
	}
	if closeErr := c.conn.Close(); err == nil {
		err = closeErr
	}
	return err
}

// end ends the connection for a reason, unless it has ended before.
func (c *SerialConn) end(err error) {
	if c.noteFirst(err) {
		c.notices.cancel()
		c.conn.Close()
	}
}

// noteFirst records why the connection ends, and reports whether it had not ended.
func (c *SerialConn) noteFirst(err error) (first bool) {
	c.mu.Lock()
	first = c.err == nil
	if first {
		c.err = err
		c.over.Store(true)
	}
	c.mu.Unlock()
	if first {
		c.noteEnd(err, int(c.ignored.Load()))
	}
	return first
}

// reason returns why the connection has ended, or nil.
func (c *SerialConn) reason() error {
	if !c.over.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
