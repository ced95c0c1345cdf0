package peers

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"slices"
	"sync/atomic"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// floorNetRPC is net/rpc with a codec that does next to nothing: what no codec
// under rpc.Client and rpc.Server can exceed.
func floorNetRPC() Peer {
	return netRPCFloor("floor-netrpc", "net/rpc with a codec that does next to nothing",
		func(conn net.Conn) rpc.ServerCodec { return &floorServer{newFloorCodec(conn)} },
		func(conn net.Conn) rpc.ClientCodec { return &floorClient{newFloorCodec(conn)} })
}

func netRPCFloor(name, title string, server func(net.Conn) rpc.ServerCodec, client func(net.Conn) rpc.ClientCodec) Peer {
	p := netRPC(name, title, server, func(conn net.Conn) *rpc.Client { return rpc.NewClientWithCodec(client(conn)) })
	p.Not = only("serial", "64x1", "64x4", "64x20", "echo64k", "echo1m", "slow")
	return p
}

// floorMethods are the methods by their numbers on the wire.
var floorMethods = []string{"Bench.Sum", "Bench.Echo", "Bench.Slow", "Bench.Record", "Bench.Row", "Bench.List", "Bench.Rows"}

// A message is a header, which is the length of the body in 4 bytes, the sequence
// number in 8 and the method in 1, and a body: 8 bytes for each number, or bytes.
const (
	floorHeader = 13
	floorNumber = 8
)

// A floorConn is a connection of net/rpc. A message that is alone is written by
// its caller, others by a goroutine, since net/rpc holds a lock while a codec
// writes and nothing could gather meanwhile; see codec's writer.
type floorConn struct {
	out    gatherer
	flying atomic.Int32 // calls under way
}

func newFloorConn(conn net.Conn) *floorConn { return &floorConn{out: gatherer{conn: conn}} }

func (c *floorConn) Close() error { return c.out.conn.Close() }

func (c *floorConn) write(head, body []byte, alone bool) error {
	if alone {
		return c.out.addAlone(head, body)
	}
	if c.out.add(head, body) {
		go c.out.flush()
	}
	return nil
}

// A floorCodec is what both sides have in common.
type floorCodec struct {
	*floorConn
	in *bufio.Reader

	head, got [floorHeader]byte
	numbers   [2 * floorNumber]byte
	long      []byte // where bytes arrive
}

func newFloorCodec(conn net.Conn) *floorCodec {
	return &floorCodec{floorConn: newFloorConn(conn), in: bufio.NewReader(conn)}
}

// send makes a message of a value of the service.
func (c *floorCodec) send(seq uint64, method int, value any, alone bool) error {
	var body []byte
	number := func(n int) { body = binary.BigEndian.AppendUint64(body, uint64(n)) }
	switch v := value.(type) {
	case []byte:
		body = v
	case *[]byte:
		body = *v
	case load.SumArgs:
		body = c.numbers[:0]
		number(v.X)
		number(v.Y)
	case int:
		body = c.numbers[:0]
		number(v)
	case *int:
		body = c.numbers[:0]
		number(*v)
	default:
		return fmt.Errorf("floor: cannot send %T", value)
	}
	binary.BigEndian.PutUint32(c.head[:], uint32(len(body)))
	binary.BigEndian.PutUint64(c.head[4:], seq)
	c.head[12] = byte(method)
	return c.write(c.head[:], body, alone)
}

func (c *floorCodec) readHeader() (seq uint64, method int, err error) {
	_, err = io.ReadFull(c.in, c.got[:])
	return binary.BigEndian.Uint64(c.got[4:]), int(c.got[12]), err
}

// readBody reads a value of the service.
func (c *floorCodec) readBody(value any) error {
	n := int(binary.BigEndian.Uint32(c.got[:]))
	number := func(p *int) error {
		b, err := c.in.Peek(floorNumber)
		if err != nil {
			return err
		}
		*p = int(binary.BigEndian.Uint64(b))
		_, err = c.in.Discard(floorNumber)
		return err
	}
	switch v := value.(type) {
	case *[]byte:
		c.long = slices.Grow(c.long[:0], n)[:n]
		_, err := io.ReadFull(c.in, c.long)
		*v = bytes.Clone(c.long) // of the caller or the method; not cleared first, as make's would be
		return err
	case *load.SumArgs:
		if err := number(&v.X); err != nil {
			return err
		}
		return number(&v.Y)
	case *int:
		return number(v)
	}
	return fmt.Errorf("floor: cannot read %T", value)
}

type floorClient struct{ *floorCodec }

func (c *floorClient) WriteRequest(r *rpc.Request, args any) error {
	return c.send(r.Seq, slices.Index(floorMethods, r.ServiceMethod), args, c.flying.Add(1) == 1)
}

func (c *floorClient) ReadResponseHeader(r *rpc.Response) (err error) {
	r.Seq, _, err = c.readHeader()
	c.flying.Add(-1)
	return err
}

func (c *floorClient) ReadResponseBody(reply any) error { return c.readBody(reply) }

type floorServer struct{ *floorCodec }

func (s *floorServer) ReadRequestHeader(r *rpc.Request) error {
	seq, method, err := s.readHeader()
	if err != nil {
		return err
	}
	s.flying.Add(1)
	r.Seq, r.ServiceMethod = seq, floorMethods[method]
	return nil
}

func (s *floorServer) ReadRequestBody(args any) error { return s.readBody(args) }

// WriteResponse ends the connection instead of answering with an error, as no
// call of the workloads fails.
func (s *floorServer) WriteResponse(r *rpc.Response, reply any) error {
	err := s.send(r.Seq, 0, reply, s.flying.Add(-1) == 0)
	if err != nil {
		s.Close()
	}
	return err
}
