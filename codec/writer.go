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
// gathered, short messages behind each other in one write; it ends when nothing
// waits. A caller who knows that more is to come can have a message wait for that.
type writer struct {
	conn    *transport
	timeout time.Duration
	failed  func(error) // called once, without locks, when a write fails or does not return

	mu sync.Mutex
	// Protected by mu:
	change  sync.Cond // broadcast when room, writing or err change
	waiting []chunk   // accepted, not yet handed to the connection
	size    int       // of what waits, in bytes
	spare   []byte    // memory for short messages that wait
	writing bool      // somebody writes, or is about to
	closing bool      // Close has begun: nothing more is accepted
	err     error     // why nothing is accepted any more
}

// A chunk is a long message in a buffer of its own, or short ones that have been
// copied behind each other.
type chunk struct {
	b   []byte
	own *[]byte // the buffer of a long message, from buffers
}

// errUnwanted is what send returns for a message that nobody wants any more.
var errUnwanted = errors.New("not wanted")

// errWriteEnded is the error of a connection's Write that did not return.
var errWriteEnded = errors.New("a write ended its goroutine")

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
	if err := w.waitLocked(len(msg), unwanted); err != nil {
		return false, err
	}
	if !alone || w.writing {
		w.appendLocked(msg)
		w.startLocked()
		return true, nil
	}
	return true, w.writeLocked(msg)
}

// sendLong is send for a long message, in a buffer that belongs to the writer once
// it is accepted: copying it would cost more than all else. With alone the caller
// may be held up for as long as the peer does not read.
func (w *writer) sendLong(buf *[]byte, alone bool, unwanted func() bool) (accepted bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.waitLocked(len(*buf), unwanted); err != nil {
		return false, err
	}
	if alone && !w.writing {
		defer buffers.put(buf)
		return true, w.writeLocked(*buf)
	}
	w.waiting = append(w.waiting, chunk{*buf, buf})
	w.size += len(*buf)
	w.startLocked()
	return true, nil
}

// maxGathered is how many bytes may wait for their sender to flush them.
const maxGathered = 64 << 10

// gather accepts a short message that need not leave before the next flush, or before
// the next message that is sent. It never waits, and reports false where there is no
// room for the message or nothing is accepted any more.
func (w *writer) gather(msg []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusedLocked() != nil || w.size+len(msg) > maxGathered {
		return false
	}
	w.appendLocked(msg)
	return true
}

// flush writes what has gathered, or leaves it to the goroutine that writes.
func (w *writer) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writing || len(w.waiting) == 0 {
		return w.err
	}
	return w.writeLocked(nil)
}

// writeLocked writes a message on its caller's goroutine, behind what has gathered. The
// mutex is released meanwhile.
func (w *writer) writeLocked(msg []byte) (err error) {
	w.writing = true
	if len(w.waiting) > 0 {
		if err = w.writeWaitingLocked(); err == nil {
			err = w.err // it may have been stopped meanwhile
		}
	}
	if err == nil && len(msg) > 0 {
		err = w.writeUnlocked(chunk{b: msg})
	}
	w.doneLocked(err)
	return err
}

// waitLocked waits for room for n bytes.
func (w *writer) waitLocked(n int, unwanted func() bool) error {
	for w.fullLocked(n) {
		w.startLocked() // what has gathered may be all that waits
		if unwanted != nil && unwanted() {
			return errUnwanted
		}
		w.change.Wait()
	}
	return w.refusedLocked()
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
	w.startLocked()
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
	return w.err == nil && !w.closing && w.size > 0 && w.size+n > maxWaiting
}

func (w *writer) refusedLocked() error {
	if w.err == nil && w.closing {
		return rpc.ErrShutdown
	}
	return w.err
}

func (w *writer) appendLocked(msg []byte) {
	last := len(w.waiting) - 1
	if last < 0 || w.waiting[last].own != nil {
		w.waiting = append(w.waiting, chunk{b: w.spare[:0]})
		w.spare = nil
		last++
	}
	w.waiting[last].b = append(w.waiting[last].b, msg...)
	w.size += len(msg)
}

// startLocked has what waits written, by a goroutine.
func (w *writer) startLocked() {
	if !w.writing {
		w.writing = true
		go w.writeOn()
	}
}

// writeOn writes until nothing waits.
func (w *writer) writeOn() {
	if !w.hasLong() {
		runtime.Gosched() // those that are about to append something come first
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	for len(w.waiting) > 0 && w.err == nil && err == nil {
		err = w.writeWaitingLocked()
	}
	w.doneLocked(err)
}

// writeWaitingLocked writes what waits, in the turn of writing that its caller has, and
// keeps the memory for what comes next. The mutex is released meanwhile.
func (w *writer) writeWaitingLocked() error {
	out := w.waiting
	w.waiting, w.size = nil, 0
	w.change.Broadcast()
	err := w.writeUnlocked(out...)
	for _, c := range out {
		if c.own != nil {
			buffers.put(c.own)
		} else if cap(c.b) <= maxWaiting {
			w.spare = c.b
		}
	}
	if w.waiting == nil {
		clear(out)
		w.waiting = out[:0]
	}
	return err
}

// hasLong reports whether it is a long message that waits, which gains nothing by
// waiting for others.
func (w *writer) hasLong() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0 && w.waiting[0].own != nil
}

// writeUnlocked writes chunks without the mutex.
func (w *writer) writeUnlocked(chunks ...chunk) (err error) {
	returned := false
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		if !returned { // the connection's Write has ended the goroutine, or panics
			w.writing = false
			if w.err == nil {
				w.dropLocked(errWriteEnded)
				go w.failed(errWriteEnded)
			}
			w.change.Broadcast()
		}
	}()
	for _, c := range chunks {
		if err = writeAll(w.conn, c.b, w.timeout); err != nil {
			break
		}
	}
	returned = true
	return err
}

// doneLocked ends a turn of writing.
func (w *writer) doneLocked(err error) {
	w.writing = false
	switch {
	case err != nil:
		w.failLocked(err)
	case len(w.waiting) > 0 && w.err == nil:
		w.startLocked()
	default: // an idle connection keeps no more than that
		if cap(w.spare) > 4<<10 {
			w.spare = nil
		}
		if cap(w.waiting) > 16 {
			w.waiting = nil
		}
	}
	w.change.Broadcast()
}

// failLocked ends the writer for good. The mutex is released while the owner is
// told.
func (w *writer) failLocked(err error) {
	if w.err != nil {
		return
	}
	w.dropLocked(err)
	w.change.Broadcast()
	w.mu.Unlock()
	defer w.mu.Lock() // also where a log handler ends the goroutine
	w.failed(err)
}

func (w *writer) dropLocked(err error) {
	w.err, w.waiting, w.size, w.spare = err, nil, 0, nil
}

// stop ends the writer: what waits is dropped and nothing more is accepted.
func (w *writer) stop(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.dropLocked(err)
	}
	w.change.Broadcast()
	w.mu.Unlock()
}

// drain refuses new messages and waits until those accepted are written, for
// as long as one write may take. It returns why some were not.
func (w *writer) drain() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing = true
	w.change.Broadcast()
	if len(w.waiting) > 0 { // it may have gathered
		w.startLocked()
	}
	if w.writing && w.err == nil {
		// A write that is stuck ends with the connection, which is closed next.
		defer time.AfterFunc(flushTime(w.timeout), func() { w.stop(errFlush) }).Stop()
	}
	for w.writing && w.err == nil {
		w.change.Wait()
	}
	return w.err
}

// writeAll hands bytes to the connection, in pieces that each get all of the time:
// a peer that reads slowly but steadily is not cut off in a long message.
func writeAll(conn *transport, b []byte, timeout time.Duration) error {
	for len(b) > 0 {
		piece := b[:min(len(b), maxWaiting)]
		n, err := conn.write(piece, timeout)
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

// flushTime is how long the end of a connection waits for what was accepted before.
func flushTime(writeTimeout time.Duration) time.Duration {
	if writeTimeout == 0 {
		return defaultWriteTimeout
	}
	return writeTimeout
}
