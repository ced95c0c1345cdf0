package peers

import (
	"encoding/binary"
	"net"
	"net/rpc"
	"slices"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// The floors of this file make, check and take apart messages with package wire, for
// values of any type, and do nothing else that codec and rpcutil do: what nothing
// with these conversions can exceed.

// floorServiceWire is floorService with messages of package wire.
func floorServiceWire() Peer {
	return Peer{
		Name:  "floor-service-wire",
		Title: "pipelined calls served by net/rpc's server, messages made and read by package wire",
		Server: Server{Go: func(l net.Listener) error {
			server := benchServer()
			return serveEach(l, func(conn net.Conn) { serveConverted(conn, server) })
		}},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
				return newConvertingCaller(conn, w.Callers), conn.Close
			})
		}},
		Not: only("64x1", "64x4", "64x20"),
	}
}

var converting = value.Values{Limits: wire.Limits{Message: 64 << 20, Depth: 100, Elements: 1 << 20, Decoded: 256 << 20}}

func nextMessage(r *wire.Reader) (wire.Message, error) {
	frame, err := r.Next()
	if err != nil {
		return wire.Message{}, err
	}
	return wire.Parse(frame)
}

func serveConverted(conn net.Conn, server *rpc.Server) {
	defer conn.Close()
	reader := wire.NewReader(conn, converting.Limits)
	var call convertedCall
	for {
		var err error
		if call.msg, err = nextMessage(reader); err != nil {
			return
		}
		if server.ServeRequest(&call) != nil || call.err != nil {
			return
		}
		if reader.Ready() {
			continue
		}
		if _, err := conn.Write(call.out); err != nil {
			return
		}
		call.out = call.out[:0]
	}
}

// A convertedCall is the codec of one call after the other.
type convertedCall struct {
	msg wire.Message
	out []byte // answers that leave together
	err error  // of WriteResponse, which net/rpc drops
}

func (c *convertedCall) ReadRequestHeader(r *rpc.Request) error {
	r.ServiceMethod = "Bench.Sum"
	return nil
}

func (c *convertedCall) ReadRequestBody(body any) error {
	return converting.DecodeParams(c.msg.Params, body)
}

func (c *convertedCall) WriteResponse(_ *rpc.Response, result any) error {
	c.out, c.err = converting.AppendResult(c.out, c.msg.ID, result)
	return c.err
}

func (c *convertedCall) Close() error { return nil }

// A convertingCaller is a connection with as many calls as there are callers, which
// take one each.
type convertingCaller struct {
	out   gatherer
	calls []convertingCall
	free  chan *convertingCall
}

type convertingCall struct {
	id      uint32
	request []byte
	reply   any
	done    chan error // closed with the connection
}

func newConvertingCaller(conn net.Conn, callers int) load.Caller {
	c := &convertingCaller{out: gatherer{conn: conn}, calls: make([]convertingCall, callers), free: make(chan *convertingCall, callers)}
	for i := range c.calls {
		c.calls[i] = convertingCall{id: uint32(directBase + i), done: make(chan error, 1)}
		c.free <- &c.calls[i]
	}
	go c.read(conn)
	return load.NetRPC(c.call)
}

func (c *convertingCaller) read(conn net.Conn) {
	defer func() {
		for i := range c.calls {
			close(c.calls[i].done)
		}
	}()
	for reader := wire.NewReader(conn, converting.Limits); ; {
		msg, err := nextMessage(reader)
		i := int(msg.Num) - directBase
		if err != nil || i < 0 || i >= len(c.calls) {
			return
		}
		c.calls[i].done <- converting.DecodeResult(msg.Result, c.calls[i].reply)
	}
}

func (c *convertingCaller) call(_ string, args, reply any) (err error) {
	call := <-c.free
	if call.request, err = converting.AppendRequest(call.request[:0], call.id, "sum", args, false); err != nil {
		return err
	}
	call.reply = reply
	if c.out.add(call.request, nil) {
		c.out.flush()
	}
	err, ok := <-call.done
	if !ok {
		return errFloor
	}
	c.free <- call
	return err
}

// floorNetRPCWire is floorNetRPC with messages of package wire. The methods are
// still known by name. It can send structs too, since packages wire and value have values of any type.
func floorNetRPCWire() Peer {
	p := netRPCFloor("floor-netrpc-wire", "net/rpc with a codec that does no more than make and read messages with package wire",
		func(conn net.Conn) rpc.ServerCodec { return &wireServer{newWireCodec(conn)} },
		func(conn net.Conn) rpc.ClientCodec { return &wireClient{newWireCodec(conn)} })
	for _, structs := range []string{"record", "row", "list", "rows"} {
		delete(p.Not, structs)
	}
	return p
}

// A wireCodec is what both sides have in common.
type wireCodec struct {
	*floorConn
	in    *wire.Reader
	got   wire.Message // read last
	spare []byte       // for the message to be sent; net/rpc sends one at a time
}

func newWireCodec(conn net.Conn) *wireCodec {
	return &wireCodec{floorConn: newFloorConn(conn), in: wire.NewReader(conn, converting.Limits)}
}

func (c *wireCodec) send(msg []byte, alone bool) error {
	c.spare = msg
	return c.write(nil, msg, alone)
}

func (c *wireCodec) next() (seq uint64, err error) {
	c.got, err = nextMessage(c.in)
	return uint64(c.got.Num), err
}

type wireClient struct{ *wireCodec }

func (c *wireClient) WriteRequest(r *rpc.Request, args any) error {
	msg, err := converting.AppendRequest(c.spare[:0], uint32(r.Seq), r.ServiceMethod, args, false)
	if err != nil {
		return err
	}
	return c.send(msg, c.flying.Add(1) == 1)
}

func (c *wireClient) ReadResponseHeader(r *rpc.Response) (err error) {
	r.Seq, err = c.next()
	c.flying.Add(-1)
	return err
}

func (c *wireClient) ReadResponseBody(reply any) error {
	return converting.DecodeResult(c.got.Result, reply)
}

type wireServer struct{ *wireCodec }

func (s *wireServer) ReadRequestHeader(r *rpc.Request) (err error) {
	if r.Seq, err = s.next(); err != nil {
		return err
	}
	i := slices.IndexFunc(floorMethods, func(name string) bool { return name == string(s.got.Method) })
	if i < 0 {
		return errFloor
	}
	s.flying.Add(1)
	r.ServiceMethod = floorMethods[i]
	return nil
}

func (s *wireServer) ReadRequestBody(args any) error {
	return converting.DecodeParams(s.got.Params, args)
}

// WriteResponse ends the connection instead of answering with an error, as no call
// of the workloads fails.
func (s *wireServer) WriteResponse(r *rpc.Response, reply any) error {
	var id [9]byte
	msg, err := converting.AppendResult(s.spare[:0], binary.BigEndian.AppendUint64(append(id[:0], 0xcf), r.Seq), reply)
	if err == nil {
		err = s.send(msg, s.flying.Add(-1) == 0)
	}
	if err != nil {
		s.Close()
	}
	return err
}
