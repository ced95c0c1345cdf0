package codec

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

// A message in the queue of a client in lock step.
type queued struct {
	call *call // nil for a notification
	msg  []byte
}

// errIDInUse is what admit returns for a call that needs another id.
var errIDInUse = errors.New("the id is in use")

// admit decides what happens to an encoded request: it is queued, or the caller
// sends it, alone or not, and asking for pipelining if call.asks says so. It waits
// while the queue is full. From then on the answer finds the call.
func (c *client) admit(call *call, msg []byte) (isQueued, alone bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.fullLocked(len(msg)) && !call.givenUp() {
		call.heed()
		c.change.Wait()
	}
	switch {
	case c.err != nil:
		return false, false, c.errorLocked(call)
	case call.givenUp():
		return false, false, call.x.Err
	case c.calls.get(uint64(call.id)) != nil:
		return false, false, errIDInUse
	}
	c.calls.put(uint64(call.id), call)
	if c.blockedLocked() {
		c.enqueueLocked(call, msg)
		return true, false, nil
	}
	// Whoever is sent first asks, not whoever was admitted first: a queued call
	// would ask when it is too late for the one in flight, which may wait for it.
	call.asks, c.mayAsk = c.mayAsk, false
	c.sendingLocked(call)
	return false, c.calls.len() == 1 && !c.crowded.Load(), nil
}

// admitNotification is admit for a notification, which nothing answers.
func (f *flight) admitNotification(ctx context.Context, c *call, msg []byte) (isQueued, alone bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.fullLocked(len(msg)) {
		if err := ctx.Err(); err != nil {
			return false, false, notSent(c.method, err)
		}
		f.change.Wait()
	}
	switch {
	case f.err != nil:
		return false, false, f.errorLocked(c)
	case f.blockedLocked():
		f.enqueueLocked(nil, msg)
		return true, false, nil
	}
	return false, f.calls.len() == 0, nil
}

// blockedLocked reports whether what is to be sent now has to queue.
func (f *flight) blockedLocked() bool {
	return !f.open && (f.current != nil || len(f.queue) > 0)
}

func (f *flight) fullLocked(n int) bool {
	return f.err == nil && len(f.queue) > 0 && f.inQueue+n > maxWaiting
}

func (f *flight) enqueueLocked(c *call, msg []byte) {
	f.queue = append(f.queue, queued{c, slices.Clone(msg)})
	f.inQueue += len(msg)
}

func (f *flight) sendingLocked(c *call) {
	c.sent = true
	if c.asks {
		f.asked = true
	}
	if !f.open {
		f.current = c
	}
}

// advanceLocked hands on from the queue what may leave now.
func (c *client) advanceLocked() {
	for len(c.queue) > 0 && (c.open || c.current == nil) {
		q := c.queue[0]
		c.queue[0] = queued{}
		c.queue = c.queue[1:]
		c.inQueue -= len(q.msg)
		if q.call != nil {
			if q.call.givenUp() {
				c.dropLocked(q.call)
				continue
			}
			c.sendingLocked(q.call)
		}
		// The reading goroutine is here: it leaves the writing to the writer. The
		// queue is bounded, so is what it adds to what waits there.
		c.w.offer(q.msg, true)
	}
	if len(c.queue) == 0 {
		c.queue = nil
	}
	c.change.Broadcast()
}

// dropLocked forgets a call that was queued; net/rpc is still to be told.
func (f *flight) dropLocked(c *call) {
	f.forgetLocked(c)
	if c.direct == nil { // who waits for it knows
		f.dropped = append(f.dropped, c.seq)
		f.drops.Store(true)
	}
}

// answered finds the call that a response answers. It returns nil for a
// response to nobody, which is counted, and for a Hello.
func (c *client) answered(id int64, hello bool) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if hello && c.asked {
		c.asked = false
		c.openLocked()
		return nil
	}
	if id < 1 || id > math.MaxInt32 {
		c.ignored++
		return nil
	}
	call := c.calls.get(uint64(id))
	if call == nil || !call.sent {
		c.ignored++
		return nil
	}
	c.calls.remove(uint64(id))
	if call == c.current {
		c.current = nil
		c.stopGraceLocked()
	}
	c.advanceLocked()
	return call
}

// openLocked ends lock step: the server has said that it takes more requests.
func (c *client) openLocked() {
	c.open, c.current = true, nil
	c.stopGraceLocked()
	c.advanceLocked()
}

// startGraceLocked gives the call in flight, whose caller has given up, some
// more time before the connection is closed.
func (c *client) startGraceLocked() {
	if c.grace != nil || c.patience == 0 || c.err != nil {
		return
	}
	call := c.current
	c.grace = time.AfterFunc(c.patience, func() {
		c.mu.Lock()
		still := call == c.current
		c.mu.Unlock()
		if still {
			c.fail(errGrace)
		}
	})
}

func (f *flight) stopGraceLocked() {
	if f.grace != nil {
		f.grace.Stop()
		f.grace = nil
	}
}

// sendQueuedNotifications hands on the notifications in the queue, as Close does:
// Notify has accepted them, and nobody would learn that they were dropped.
func (c *client) sendQueuedNotifications() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = slices.DeleteFunc(c.queue, func(q queued) bool {
		if q.call == nil {
			c.w.offer(q.msg, true)
			c.inQueue -= len(q.msg)
		}
		return q.call == nil
	})
}

// gaveUp reacts to a caller that has lost interest in a call: one that waits is
// woken, one that is queued makes room, one that blocks a connection in lock
// step may do so for some time only.
func (c *client) gaveUp(call *call) {
	c.mu.Lock()
	if call == c.current {
		c.startGraceLocked()
	}
	if i := slices.IndexFunc(c.queue, func(q queued) bool { return q.call == call }); i >= 0 {
		c.inQueue -= len(c.queue[i].msg)
		c.queue = slices.Delete(c.queue, i, i+1)
		c.dropLocked(call)
	}
	c.mu.Unlock()
	c.wakeAll()
}

// abandoned returns the error of a message that was not sent: its caller gave up
// while it waited for room, or the writer takes no more because of err.
func (c *client) abandoned(call *call, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(call)
	switch {
	case c.err != nil:
		return c.errorLocked(call)
	case err != errUnwanted: // whoever has ended the writer is about to end the rest
		return notSent(call.method, err)
	}
	if call == c.current {
		c.current = nil
		c.stopGraceLocked()
	}
	c.advanceLocked()
	return call.x.Err
}
