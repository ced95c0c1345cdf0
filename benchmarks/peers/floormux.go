package peers

import (
	"encoding/binary"
	"net"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// floorMux is the client of floorNetRPC in front of a server without net/rpc, whose one
// goroutine answers in one write what has arrived together: what nothing under
// rpc.Client can exceed, whatever Mux.ServeCodec does.
func floorMux() Peer {
	p := floorNetRPC()
	p.Name = "floor-mux"
	p.Title = "rpc.Client with a codec that does next to nothing, to a server without net/rpc"
	p.Server = Server{Go: func(l net.Listener) error { return serveEach(l, serveFloorSums) }}
	p.Not = only("serial", "64x1")
	return p
}

func serveFloorSums(conn net.Conn) {
	c := newFloorCodec(conn)
	defer c.Close()
	var out []byte
	for {
		seq, _, err := c.readHeader()
		if err != nil {
			return
		}
		var args load.SumArgs
		if err := c.readBody(&args); err != nil {
			return
		}
		out = binary.BigEndian.AppendUint32(out, floorNumber)
		out = binary.BigEndian.AppendUint64(out, seq)
		out = binary.BigEndian.AppendUint64(append(out, 0), uint64(args.X+args.Y))
		if c.in.Buffered() >= floorHeader+2*floorNumber {
			continue
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
		out = out[:0]
	}
}
