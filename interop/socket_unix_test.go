//go:build unix

package interop_test

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// socketOption asks the system for an option of a connection's socket, where it can
// be asked.
func socketOption(t *testing.T, conn *net.TCPConn, level, name int) (value int, known bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	controlErr := raw.Control(func(fd uintptr) { value, err = syscall.GetsockoptInt(int(fd), level, name) })
	if err := errors.Join(controlErr, err); err != nil {
		t.Error(err)
	}
	return value, true
}
