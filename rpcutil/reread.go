package rpcutil

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errNoDeadline  = errors.New("rpcutil: connection has no deadlines")
	errNoHalfClose = errors.New("rpcutil: connection cannot be closed for writing alone")
)

// lingerTime is how long a connection that is closed by this side goes on reading.
const lingerTime = 500 * time.Millisecond

// A reread is a connection of which a part has been read already, to find out what
// its peer speaks. It has what package codec uses of a net.Conn.
type reread struct {
	io.ReadWriteCloser
	first        []byte        // is read once more
	writeTimeout time.Duration // for each write, 0 for none
	closed       atomic.Bool

	// Of the goroutine that reads:
	expecting   bool          // a message, of which nothing has arrived
	readTimeout time.Duration // for a message that has begun to arrive, 0 for none

	// mu makes one change of the read deadline at a time, so that the one of
	// stopReading stays.
	mu      sync.Mutex
	stopped bool // protected by mu
}

func newReread(conn io.ReadWriteCloser, first []byte) *reread {
	return &reread{ReadWriteCloser: conn, first: first}
}

func (r *reread) Read(b []byte) (int, error) {
	if len(r.first) > 0 && len(b) > 0 {
		n := copy(b, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	n, err := r.ReadWriteCloser.Read(b)
	if n > 0 && r.expecting {
		r.begun()
	}
	return n, err
}

// expect is called before a message is waited for, for as long as it may take. It
// is to be complete within timeout once it has begun to arrive.
func (r *reread) expect(timeout time.Duration) {
	r.expecting, r.readTimeout = true, timeout
	r.limitRead(0)
}

// begun is called when a message has begun to arrive.
func (r *reread) begun() {
	r.expecting = false
	r.limitRead(r.readTimeout)
}

// limitRead sets the deadline of reads, or none for 0, unless reading has stopped.
func (r *reread) limitRead(timeout time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	r.SetReadDeadline(deadline) // a failure shows in the next read
}

func (r *reread) Write(b []byte) (int, error) {
	if r.writeTimeout > 0 {
		r.SetWriteDeadline(time.Now().Add(r.writeTimeout)) // a failure shows in the write
	}
	return r.ReadWriteCloser.Write(b)
}

// Close closes the connection once: it is called by the codecs as well.
func (r *reread) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	return r.ReadWriteCloser.Close()
}

func (r *reread) RemoteAddr() net.Addr {
	if c, ok := r.ReadWriteCloser.(net.Conn); ok {
		return c.RemoteAddr()
	}
	return nil
}

func (r *reread) SetReadDeadline(t time.Time) error {
	if c, ok := r.ReadWriteCloser.(interface{ SetReadDeadline(time.Time) error }); ok {
		return c.SetReadDeadline(t)
	}
	return errNoDeadline
}

func (r *reread) SetWriteDeadline(t time.Time) error {
	if c, ok := r.ReadWriteCloser.(interface{ SetWriteDeadline(time.Time) error }); ok {
		return c.SetWriteDeadline(t)
	}
	return errNoDeadline
}

func (r *reread) CloseWrite() error {
	if c, ok := r.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errNoHalfClose
}

func (r *reread) stopReading() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	return r.SetReadDeadline(time.Unix(1, 0)) == nil
}

func (r *reread) hasStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// linger tells the peer that nothing more comes and drops what it still sends, for
// a short time.
func (r *reread) linger() {
	if r.CloseWrite() == nil && r.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		io.Copy(io.Discard, r.ReadWriteCloser)
	}
}
