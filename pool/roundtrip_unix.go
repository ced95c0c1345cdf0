//go:build unix

package pool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/internal/sysconn"
)

// A roundTrip is a connection of the system on which one call at a time is made, in as
// few system calls as there can be: a look at it, the writing of the request and the
// reading of the answer are one wait of the poller. net.Conn would read once more
// before it waits, in vain, since no answer is there so soon.
//
// That reading has a reason: what arrived before the poller was asked to wait would
// not end the wait. Here the look comes after that moment, and before the request. If
// it finds nothing, everything that arrives later ends the wait.
//
// It is for one goroutine at a time, but for Close. Between end and begin Write may be
// called by another one.
type roundTrip struct {
	net.Conn
	sys  *sysconn.Conn
	step func(fd uintptr) bool // t.take, kept, so that a call allocates nothing

	begun    bool      // a call has begun, and nothing of it has been written
	idle     bool      // before that nobody has used the connection
	unsound  bool      // it was idle and has ended, or brought something
	unsent   error     // why the connection ended before a byte of the request left
	request  []byte    // held back until the answer is to be read
	deadline time.Time // for what has to be written by Conn

	// Of the run under way:
	answer  []byte
	written int // -1 before the look
	n       int
	err     error
	stray   [1]byte
}

// maxHeld is the longest request that is held back; a longer one need not fit into
// the buffers of the system.
const maxHeld = 4 << 10

// newRoundTrip returns nil for a connection that is more than one of the system.
func newRoundTrip(conn net.Conn) *roundTrip {
	sys := sysconn.Of(conn)
	if sys == nil {
		return nil
	}
	t := &roundTrip{Conn: conn, sys: sys}
	t.step = t.take
	return t
}

// begin is called before each call, and end after it. Where the connection was idle,
// the call is not made if there is anything to be read; bytes that arrive between the
// calls of somebody who has the connection are for the codec.
func (t *roundTrip) begin(idle bool) {
	t.begun, t.idle, t.unsound, t.unsent, t.request = true, idle, false, nil, t.request[:0]
}

// end returns the error of the call, which is err where it has been made.
func (t *roundTrip) end(err error) error {
	held := len(t.request) > 0 // nothing was read after the request, so that it did not leave
	t.begun, t.request = false, t.request[:0]
	switch {
	case t.unsound:
		return errUnsound
	case (held || t.unsent != nil) && isAnswer(err):
		return errUnasked
	case held:
		return fmt.Errorf("%w: %w", codec.ErrNotSent, err)
	case t.unsent != nil && err != rpc.ErrShutdown:
		return fmt.Errorf("%w: the connection had ended: %w", codec.ErrNotSent, t.unsent)
	}
	return err
}

// SetWriteDeadline sets the deadline where it is needed: Write mostly keeps what it
// gets, and nothing waits where that is written.
func (t *roundTrip) SetWriteDeadline(deadline time.Time) error {
	t.deadline = deadline
	return nil
}

func (t *roundTrip) Write(b []byte) (int, error) {
	switch {
	case t.begun && len(b) <= maxHeld:
		t.begun, t.request = false, append(t.request, b...)
		return len(b), nil
	case t.begun:
		if err := t.look(); err != nil {
			return 0, err
		}
	case len(t.request) > 0: // something comes between a request and the reading
		if err := t.writeRest(0); err != nil {
			return 0, err
		}
	}
	return t.write(b)
}

// look is for a request that is not held back.
func (t *roundTrip) look() error {
	t.begun = false
	if !t.idle {
		return nil
	}
	return t.run(nil)
}

func (t *roundTrip) write(b []byte) (int, error) {
	if !t.deadline.IsZero() {
		t.Conn.SetWriteDeadline(t.deadline)        // a failure shows in the next write
		defer t.Conn.SetWriteDeadline(time.Time{}) // or it would be armed while nothing is written
	}
	return t.Conn.Write(b)
}

// writeRest writes what has been held back, but for so much of it as has left.
func (t *roundTrip) writeRest(written int) error {
	rest := t.request[written:]
	t.request = t.request[:0]
	_, err := t.write(rest)
	return err
}

func (t *roundTrip) Read(b []byte) (int, error) {
	if len(t.request) == 0 || len(b) == 0 {
		return t.Conn.Read(b)
	}
	err := t.run(b)
	if err == nil && t.written < len(t.request) { // the peer reads slowly
		if err := t.writeRest(t.written); err != nil {
			return t.n, unread{err}
		}
		if t.n == 0 {
			return t.Conn.Read(b)
		}
	}
	t.request = t.request[:0]
	if err == nil && t.n == 0 {
		err = io.EOF
	}
	if t.written <= 0 {
		t.unsent = err
	}
	return t.n, err
}

// unread is the error of a request that could not be written while its answer was to
// be read. It is no time-out of the reading, even where the cause is one.
type unread struct{ cause error }

func (e unread) Error() string {
	if errors.Is(e.cause, os.ErrDeadlineExceeded) {
		return "peer does not read: " + e.cause.Error()
	}
	return e.cause.Error()
}

func (e unread) Unwrap() error { return e.cause }
func (unread) Timeout() bool   { return false }
func (unread) Temporary() bool { return false }

// run looks at the connection and writes what is held back. Where that is something,
// it reads into answer.
func (t *roundTrip) run(answer []byte) error {
	t.answer, t.written, t.n, t.err = answer, -1, 0, nil
	err := t.sys.Raw.Read(t.step)
	t.answer = nil
	if e, ok := err.(*net.OpError); ok {
		e.Op = "read" // what package net calls raw-read
	}
	return cmp.Or(err, t.err)
}

// take takes the next step: the look and the writing in the first, and the reading in
// those after it, each after a wait. It reports whether it was the last.
func (t *roundTrip) take(fd uintptr) (done bool) {
	if t.written < 0 {
		return t.start(fd)
	}
	n, blocked, err := t.sys.Read(fd, t.answer)
	if blocked {
		return false
	}
	t.n, t.err = n, err
	return true
}

func (t *roundTrip) start(fd uintptr) (done bool) {
	t.written = 0
	into := t.answer
	if t.idle {
		into = t.stray[:]
	}
	n, blocked, err := t.sys.Read(fd, into)
	switch {
	case blocked:
	case t.idle:
		t.unsound, t.err = true, rpc.ErrShutdown // which is nothing to log
		return true
	case n > 0:
		t.n = n // is read, and the request leaves
	default:
		t.err = cmp.Or(err, io.EOF)
		return true
	}
	if len(t.request) == 0 {
		return true
	}
	t.written, _, t.err = t.sys.Write(fd, t.request)
	return t.err != nil || t.n > 0 || t.written < len(t.request)
}
