//go:build unix

package sysconn

import (
	"net"
	"os"
	"syscall"
)

// A Conn is a connection of the system. Its methods are for what Raw calls.
type Conn struct {
	Raw     syscall.RawConn
	conn    net.Conn
	network string
}

// Of returns nil for a connection that may do something with the bytes beside sending
// them: one of any type but the two, unless it names the one below it.
func Of(conn any) *Conn {
	if above, ok := conn.(Above); ok {
		conn = above.Below()
	}
	c := new(Conn)
	var err error
	switch conn := conn.(type) {
	case *net.TCPConn:
		c.conn, c.network = conn, "tcp"
		c.Raw, err = conn.SyscallConn()
	case *net.UnixConn:
		c.conn, c.network = conn, "unix"
		c.Raw, err = conn.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	return c
}

// Read reads what is there. It returns blocked where that is nothing, 0 at the end, and
// errors as package net has them.
func (c *Conn) Read(fd uintptr, b []byte) (n int, blocked bool, err error) {
	n, blocked, err = Read(fd, b)
	return n, blocked, c.named("read", err)
}

// Write writes as much as the system takes. It returns blocked where that is nothing,
// and errors as package net has them.
func (c *Conn) Write(fd uintptr, b []byte) (n int, blocked bool, err error) {
	n, blocked, err = try(syscall.Write, fd, b)
	return n, blocked, c.named("write", err)
}

func (c *Conn) named(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: c.network, Source: c.conn.LocalAddr(), Addr: c.conn.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}

// Read is Conn.Read for a descriptor of any kind, with the errors of the system.
func Read(fd uintptr, b []byte) (n int, blocked bool, err error) { return try(syscall.Read, fd, b) }

// try makes a system call on a descriptor that does not block, as none of package net
// does. A signal may interrupt it.
func try(call func(int, []byte) (int, error), fd uintptr, b []byte) (n int, blocked bool, err error) {
	for {
		n, err = call(int(fd), b)
		switch err {
		case nil:
			return n, false, nil
		case syscall.EINTR:
		case syscall.EAGAIN: // on all systems the same as EWOULDBLOCK
			return 0, true, nil
		default:
			return 0, false, err
		}
	}
}
