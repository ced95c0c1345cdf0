//go:build unix

package peers

import (
	"errors"
	"net"
	"syscall"
)

// floorPoolChecked is floorPool with a look at the connection before each use, as
// package pool has it: writing cannot tell that the peer has hung up.
func floorPoolChecked() []Peer {
	return []Peer{poolOfRaw("floor-pool-checked", "the same, and a look whether the connection is sound before each call",
		func(c *rawCaller) exchanges {
			quiet := looker(c.conn)
			return func() error {
				if !quiet() {
					return errors.New("floor-pool-checked: the peer has hung up, or sent something unasked")
				}
				return c.exchange()
			}
		})}
}

// looker returns a function that reports that the connection is open and has
// nothing to read; it allocates nothing.
func looker(conn net.Conn) func() bool {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		panic(err) // the connection has just been made
	}
	var buf [1]byte
	var silent bool
	look := func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), buf[:])
		silent = err == syscall.EAGAIN
		return true // never wait
	}
	return func() bool { return raw.Read(look) == nil && silent }
}
