package codec

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"runtime"
	"sync"
	"time"
)

// A writer sends whole messages. A message that is alone is written by its
// caller at once. Otherwise it is appended to what waits, and one goroutine,
// which lets the others run once before it begins, sends everything that has
// gathered in one write; it ends when nothing waits.
type writer struct {
	conn    *transport
	timeout time.Duration
	failed  func(error) // called once, without locks, when a write fails

	mu sync.Mutex
	// Protected by mu:
	change  sync.Cond // broadcast when room, writing or err change
	waiting []byte    // accepted, not yet handed to the connection
	spare   []byte    // memory for waiting
	writing bool      // somebody writes, or is about to
	closing bool      // Close has begun: nothing more is accepted
	err     error     // why nothing is accepted any more
}

// errUnwanted is what send returns for a message that nobody wants any more.
var errUnwanted = errors.New("not wanted")

func newWriter(conn *transport, timeout time.Duration, failed func(error)) *writer {
	w := &writer{conn: conn, timeout: timeout, failed: failed}
	w.change.L = &w.mu
	return w
}

// send accepts a message, which it does not keep. alone says that no other call
// is under way on the connection. It waits while too much waits already, until
// there is room, the writer ends, or unwanted (nil for never) reports true after
// a wake. It reports whether it accepted the message, of which no byte has left
// otherwise, and the error of its own write.
func (w *writer) send(msg []byte, alone bool, unwanted func() bool) (accepted bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.fullLocked(len(msg)) {
		if unwanted != nil && unwanted() {
			return false, errUnwanted
		}
		w.change.Wait()
	}
	if err := w.refusedLocked(); err != nil {
		return false, err
	}
	if !alone || w.writing {
		w.appendLocked(msg)
		return true, nil
	}
	w.writing = true
	w.mu.Unlock()
	err = w.write(msg)
	w.mu.Lock()
	w.doneLocked(err)
	return true, err
}

// offer accepts a message without ever waiting and reports whether it did. With
// force it does so although too much waits already.
func (w *writer) offer(msg []byte, force bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusedLocked() != nil {
		return true // the connection has ended; that is being reported elsewhere
	}
	if !force && w.fullLocked(len(msg)) {
		return false
	}
	w.appendLocked(msg)
	return true
}

// wake makes those that wait for room look again whether they are wanted.
func (w *writer) wake() {
	w.mu.Lock()
	w.change.Broadcast()
	w.mu.Unlock()
}

// fullLocked reports whether a message must wait. A message larger than all of
// the room goes when nothing else waits.
func (w *writer) fullLocked(n int) bool {
	return w.err == nil && !w.closing && len(w.waiting) > 0 && len(w.waiting)+n > maxWaiting
}

func (w *writer) refusedLocked() error {
	if w.err == nil && w.closing {
		return rpc.ErrShutdown
	}
	return w.err
}

func (w *writer) appendLocked(msg []byte) {
	if w.waiting == nil {
		w.waiting, w.spare = w.spare[:0], nil
	}
	w.waiting = append(w.waiting, msg...)
	if !w.writing {
		w.writing = true
		go w.flush()
	}
}

// flush writes until nothing waits.
func (w *writer) flush() {
	runtime.Gosched() // those that are about to append something come first
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 && w.err == nil {
		out := w.waiting
		w.waiting = nil
		w.change.Broadcast()
		w.mu.Unlock()
		err := w.write(out)
		w.mu.Lock()
		if cap(out) <= maxWaiting {
			w.spare = out
		}
		if err != nil {
			w.doneLocked(err)
			return
		}
	}
	if cap(w.spare) > 4<<10 { // an idle connection keeps no more than that
		w.spare = nil
	}
	w.doneLocked(nil)
}

// doneLocked ends a turn of writing.
func (w *writer) doneLocked(err error) {
	w.writing = false
	if err != nil {
		w.failLocked(err)
	} else if len(w.waiting) > 0 && w.err == nil {
		w.writing = true
		go w.flush()
	}
	w.change.Broadcast()
}

// failLocked ends the writer for good. The mutex is released while the owner is
// told.
func (w *writer) failLocked(err error) {
	if w.err != nil {
		return
	}
	w.err, w.waiting, w.spare = err, nil, nil
	w.change.Broadcast()
	w.mu.Unlock()
	w.failed(err)
	w.mu.Lock()
}

// stop ends the writer: what waits is dropped and nothing more is accepted.
func (w *writer) stop(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.err, w.waiting, w.spare = err, nil, nil
	}
	w.change.Broadcast()
	w.mu.Unlock()
}

// drain refuses new messages and waits until those accepted are written, for
// as long as one write may take. It returns why some were not.
func (w *writer) drain() error {
	limit := w.timeout
	if limit == 0 {
		limit = defaultWriteTimeout
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing = true
	w.change.Broadcast()
	if w.writing && w.err == nil {
		// A write that is stuck ends with the connection, which is closed next.
		defer time.AfterFunc(limit, func() { w.stop(errFlush) }).Stop()
	}
	for w.writing && w.err == nil {
		w.change.Wait()
	}
	return w.err
}

// write hands bytes to the connection, in pieces that each get all of the time:
// a peer that reads slowly but steadily is not cut off in a long message.
func (w *writer) write(b []byte) error {
	for len(b) > 0 {
		piece := b[:min(len(b), maxWaiting)]
		w.conn.limitWrite(w.timeout)
		n, err := w.conn.Write(piece)
		switch {
		case timedOut(err):
			return fmt.Errorf("peer does not read: %w", err)
		case err != nil:
			return err
		case n < len(piece):
			return io.ErrShortWrite
		}
		b = b[n:]
	}
	return nil
}
