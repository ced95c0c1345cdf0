//go:build unix

package pool_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// sizes serves connections with a method that returns the size of its parameter.
func sizes(conn io.ReadWriteCloser) {
	var m rpcutil.Mux
	m.Handle("size", func(b []byte) int { return len(b) })
	m.ServeCodec(codec.Options{Logger: quiet}.NewServerCodec(conn))
}

// system returns the connection of the system below conn.
func system(t testing.TB, conn net.Conn) syscall.RawConn {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// awaitInput waits until there is something to read on conn, be it its end.
func awaitInput(t testing.TB, conn net.Conn) {
	t.Helper()
	var b [1]byte
	err := system(t, conn).Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fill sends as much on conn as the system takes.
func fill(t testing.TB, conn net.Conn) {
	t.Helper()
	b := make([]byte, 64<<10)
	err := system(t, conn).Write(func(fd uintptr) bool {
		for n := len(b); n > 0; {
			if _, err := syscall.Write(int(fd), b[:n]); err != nil {
				n /= 2
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

// dialling is a Dial that returns these connections, and serves others with sizes.
func dialling(t *testing.T, conns ...net.Conn) (dial func(context.Context, string, string) (net.Conn, error), count *atomic.Int32) {
	count = new(atomic.Int32)
	return func(context.Context, string, string) (net.Conn, error) {
		if n := int(count.Add(1)); n <= len(conns) {
			return conns[n-1], nil
		}
		client, server := codectest.Pair(t)
		go sizes(server)
		return client, nil
	}, count
}
