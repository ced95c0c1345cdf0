package rpcutil

import (
	"errors"
	"io"
	"net"
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
	return r.ReadWriteCloser.Read(b)
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

func (r *reread) stopReading() bool { return r.SetReadDeadline(time.Unix(1, 0)) == nil }

// linger tells the peer that nothing more comes and drops what it still sends, for
// a short time.
func (r *reread) linger() {
	if r.CloseWrite() == nil && r.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		io.Copy(io.Discard, r.ReadWriteCloser)
	}
}
