//go:build unix

package peers

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// floorPoolsLooking are those whose clients look at a connection before each use, as
// package pool does, since writing cannot tell that the peer has hung up.
func floorPoolsLooking() []Peer { return []Peer{floorPoolService(), floorPoolWire()} }

// floorPoolService is floorPool with the look, in front of the server of floorService.
func floorPoolService() Peer {
	p := poolOfRaw("floor-pool-service", "the same bytes over a pool of connections that are looked at before each call, served by net/rpc's server",
		func(c *rawCaller) exchanges {
			c.conn = newLooking(c.conn)
			return c.withoutScript().exchange
		})
	p.Server = floorService().Server
	return p
}

// floorPoolWire is floorPoolService with the messages and the server of
// floorServiceWire.
func floorPoolWire() Peer {
	p := floorServiceWire()
	p.Name = "floor-pool-wire"
	p.Title = "a pool of connections that are looked at before each call, served by net/rpc's server, messages made and read by package wire"
	p.Client = Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
		use, closeAll, err := fairly(addr, w, newPooledCaller)
		call := func(_ string, args, reply any) error {
			return use(func(c *pooledCaller) error { return c.call(args, reply) })
		}
		return []load.Caller{load.NetRPC(call)}, closeAll, err
	}}
	p.Not = only("serial", "64x4", "64x20")
	return p
}

// A pooledCaller makes one call at a time, on its caller's goroutine.
type pooledCaller struct {
	conn    net.Conn
	in      *wire.Reader
	request []byte
}

func newPooledCaller(conn net.Conn) *pooledCaller {
	conn = newLooking(conn)
	return &pooledCaller{conn: conn, in: wire.NewReader(conn, converting.Limits)}
}

func (c *pooledCaller) call(args, reply any) (err error) {
	if c.request, err = converting.AppendRequest(c.request[:0], directBase, "sum", args, false); err != nil {
		return err
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	msg, err := nextMessage(c.in)
	if err != nil {
		return err
	}
	if msg.Num != directBase {
		return errFloor
	}
	return converting.DecodeResult(msg.Result, reply)
}

// looking is a connection that looks before it writes, writes, waits and reads, in as
// few system calls as package pool does: see its roundTrip.
type looking struct {
	net.Conn
	raw     syscall.RawConn
	step    func(fd uintptr) bool
	request []byte
	written bool
	answer  []byte
	n       int
	err     error
}

func newLooking(conn net.Conn) net.Conn {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		panic(err) // the connection has just been made
	}
	c := &looking{Conn: conn, raw: raw}
	c.step = c.take
	return c
}

// Write keeps the request until its answer is read.
func (c *looking) Write(b []byte) (int, error) {
	c.request = append(c.request, b...)
	return len(b), nil
}

func (c *looking) Read(b []byte) (int, error) {
	if len(c.request) == 0 {
		return c.Conn.Read(b)
	}
	c.answer, c.written, c.err = b, false, nil
	if err := c.raw.Read(c.step); err != nil {
		return 0, err
	}
	c.request = c.request[:0]
	if c.err == nil && c.n == 0 {
		return 0, io.EOF
	}
	return c.n, c.err
}

func (c *looking) take(fd uintptr) (done bool) {
	if c.written {
		c.n, c.err = syscall.Read(int(fd), c.answer)
		return c.err != syscall.EAGAIN
	}
	var stray [1]byte
	if _, err := syscall.Read(int(fd), stray[:]); err != syscall.EAGAIN {
		c.err = errUnquiet
		return true
	}
	var n int
	if n, c.err = syscall.Write(int(fd), c.request); c.err == nil && n < len(c.request) {
		c.err = io.ErrShortWrite
	}
	c.written = true
	return c.err != nil
}

var errUnquiet = errors.New("floor-pool: the peer has hung up, or sent something unasked")
