package rpcutil

import (
	"errors"
	"io"
	"net/rpc"
	"time"
)

// finish ends the connection when nothing more can be read, behind the answers of
// the calls that run.
func (c *serverConn) finish(call *serverCall, err error) {
	if c.gathered != nil && !c.push(call) {
		return // who has the reading now comes here too
	}
	c.release()
	c.turn.set(call.number, turnWaiting)
	c.mu.Lock()
	for c.calls > 0 {
		c.change.Wait()
	}
	c.mu.Unlock()
	defer c.end(err) // also where a log handler ends the goroutine
	c.link.close()
}

// errAbandoned is why a connection ends whose goroutine the program has ended, by
// runtime.Goexit in its Read, in a hook, in a log handler, or the like.
var errAbandoned = errors.New("rpcutil: the goroutine that reads was ended")

// abandoned ends the connection when the goroutine that had the reading ends in the
// middle of it: in a method it would have given it away.
func (c *serverConn) abandoned(call *serverCall) {
	if call.running && !c.leaveMethod(call) { // it was writing
		c.left(call)
		return
	}
	if !c.resume(call) {
		return // stop has ended the connection
	}
	c.gathered = nil
	go func() { // elsewhere, so that a panic that is on its way does not wait for calls
		defer c.finish(call, errAbandoned)
		c.link.abort(errAbandoned)
	}()
}

// end makes the connection one that has ended.
func (c *serverConn) end(err error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	if err != io.EOF && err != rpc.ErrShutdown {
		c.err = err
	}
	if c.idle != nil {
		c.idle.Stop()
	}
	c.mu.Unlock()
	defer close(c.done) // also where the hook ends the goroutine
	defer c.server.forget(c)
	c.server.Hooks.connClosed(c.info, c.err)
}

// stop reads nothing more: the connection ends when the calls that have been read
// are answered.
func (c *serverConn) stop() {
	c.mu.Lock()
	c.stopped = true
	link := c.link
	c.mu.Unlock()
	switch {
	case link == nil: // start looks at stopped; what it waits for is not worth a wait
		if d, ok := c.rwc.(interface{ SetReadDeadline(time.Time) error }); !ok || d.SetReadDeadline(time.Unix(1, 0)) != nil {
			c.rwc.Close()
		}
	case !link.stopReading():
		c.ending.Store(true)
		if number, state := c.turn.state(); state == turnWaiting && c.turn.take(number, turnWaiting) {
			go c.finish(&serverCall{conn: c, number: number + 1, has: true}, io.EOF)
		}
	}
}

// cut ends the connection without waiting for anything.
func (c *serverConn) cut(reason error) {
	c.mu.Lock()
	if !c.isGone {
		c.isGone = true
		close(c.gone)
	}
	link := c.link
	c.mu.Unlock()
	defer c.end(reason) // also where a log handler ends the goroutine
	if link != nil {
		link.abort(reason)
	} else {
		c.rwc.Close()
	}
}

// watchIdle looks at the connection four times in IdleTimeout, and ends it when it
// has found nothing new for all of it.
func (c *serverConn) watchIdle() {
	period := pick(c.server.IdleTimeout, defaultIdleTimeout, 0) / 4
	if period == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.idle = time.AfterFunc(period, func() {
		if c.wasIdle() {
			c.stop()
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.ended {
			c.idle.Reset(period)
		}
	})
}

// wasIdle reports whether the connection has been idle four times in a row.
func (c *serverConn) wasIdle() bool {
	number, state := c.turn.state()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet++
	if c.link != nil && (state != turnWaiting || c.calls > 0 || number != c.number) {
		c.quiet = 0
	}
	c.number = number
	return c.quiet >= 4
}
