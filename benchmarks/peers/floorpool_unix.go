//go:build unix

package peers

import (
	"errors"
	"net"
	"syscall"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// floorPoolsChecked are floorPool with a look at the connection before each use, as
// package pool has it (writing cannot tell that the peer has hung up), and
// floorPoolWire.
func floorPoolsChecked() []Peer {
	return []Peer{poolOfRaw("floor-pool-checked", "the same bytes over a pool of connections, with a look whether one is sound before each call",
		func(c *rawCaller) exchanges {
			quiet := looker(c.conn)
			return func() error {
				if !quiet() {
					return errUnquiet
				}
				return c.exchange()
			}
		}), floorPoolWire()}
}

// floorPoolWire is floor-pool-checked with the messages and the server of
// floorServiceWire.
func floorPoolWire() Peer {
	p := floorServiceWire()
	p.Name = "floor-pool-wire"
	p.Title = "checked connections of a pool, served by net/rpc's server, messages made and read by package wire"
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
	quiet   func() bool
	request []byte
}

func newPooledCaller(conn net.Conn) *pooledCaller {
	return &pooledCaller{conn: conn, in: wire.NewReader(conn, converting.Limits), quiet: looker(conn)}
}

func (c *pooledCaller) call(args, reply any) (err error) {
	if !c.quiet() {
		return errUnquiet
	}
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

var errUnquiet = errors.New("floor-pool: the peer has hung up, or sent something unasked")

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
