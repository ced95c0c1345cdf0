//go:build unix

package pool

import (
	"net"
	"syscall"

	"github.com/go-mprpc/mprpc/internal/sysconn"
)

// A probe looks whether anything has happened on a connection on which nothing
// should have. Writing cannot tell: what is written to a connection that the
// peer has closed is accepted, and only the answer is missing.
type probe struct {
	raw    syscall.RawConn
	read   func(fd uintptr) bool // kept, so that a probe allocates nothing
	silent bool
	buf    [1]byte
}

// newProbe returns nil for a connection that is not the system's, such as TLS.
func newProbe(conn net.Conn) *probe {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	p := &probe{raw: raw}
	p.read = func(fd uintptr) bool {
		_, p.silent, _ = sysconn.Read(fd, p.buf[:])
		return true // never wait
	}
	return p
}

// quiet reports that the connection is open and nothing has arrived on it.
func (p *probe) quiet() bool {
	if p == nil {
		return true
	}
	p.silent = false
	return p.raw.Read(p.read) == nil && p.silent
}
