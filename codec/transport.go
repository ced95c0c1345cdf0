package codec

import (
	"io"
	"net"
	"sync"
	"time"
)

// A transport is a connection with what the codecs need of it: deadlines where
// it has them, and a Close that may be called by anyone, any number of times.
type transport struct {
	io.ReadWriteCloser
	remote    net.Addr
	prompt    *prompt // nil where all writes may wait
	closeOnce sync.Once

	// mu makes one change of the read deadline at a time, so that the one of
	// stopReading stays.
	mu      sync.Mutex
	stopped bool // protected by mu
}

func newTransport(conn io.ReadWriteCloser) *transport {
	t := &transport{ReadWriteCloser: conn, prompt: newPrompt(conn)}
	if c, ok := conn.(interface{ RemoteAddr() net.Addr }); ok {
		t.remote = c.RemoteAddr()
	}
	return t
}

// Close closes the connection. Only the first call does anything, and only its
// error is returned.
func (t *transport) Close() (err error) {
	t.closeOnce.Do(func() { err = t.ReadWriteCloser.Close() })
	return err
}

// deadlineIn returns the deadline for something that may take d; 0 is none.
func deadlineIn(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// limitRead sets or clears the deadline for reading one message.
func (t *transport) limitRead(timeout time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.setReadDeadline(deadlineIn(timeout)) // a failure shows in the next read
	}
}

// stopReading makes reads fail with a time-out, those under way too. It reports
// whether the connection can do that.
func (t *transport) stopReading() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	return t.setReadDeadline(time.Unix(1, 0))
}

func (t *transport) hasStopped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stopped
}

func (t *transport) setReadDeadline(deadline time.Time) (ok bool) {
	c, ok := t.ReadWriteCloser.(interface{ SetReadDeadline(time.Time) error })
	return ok && c.SetReadDeadline(deadline) == nil
}

// write writes b within a time; 0 is no limit. What the connection takes at once, as it
// mostly does, needs no deadline: to set one takes as long as several looks at the
// clock, and while it is set each wait of the process is one with a time-out.
func (t *transport) write(b []byte, timeout time.Duration) (n int, err error) {
	n, err = t.prompt.write(b)
	if err != nil || n == len(b) {
		return n, err
	}
	if timeout > 0 && t.setWriteDeadline(deadlineIn(timeout)) && t.prompt != nil {
		defer t.setWriteDeadline(time.Time{}) // once it has passed, nothing would be written at once
	}
	rest, err := t.Write(b[n:])
	return n + rest, err
}

func (t *transport) setWriteDeadline(deadline time.Time) (ok bool) {
	c, ok := t.ReadWriteCloser.(interface{ SetWriteDeadline(time.Time) error })
	return ok && c.SetWriteDeadline(deadline) == nil // a failure shows in the next write
}

// linger tells the peer that nothing more will come and drops what it still
// sends, for a short time.
func (t *transport) linger() {
	half, ok := t.ReadWriteCloser.(interface {
		CloseWrite() error
		SetReadDeadline(time.Time) error
	})
	if !ok || half.CloseWrite() != nil {
		return
	}
	// A connection may have the method and no deadlines, as an *os.File has: it
	// could keep this waiting for ever.
	if half.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		io.Copy(io.Discard, t.ReadWriteCloser)
	}
}
