package peers

import (
	"bytes"
	"net"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// mprpcToRaw is the mprpc client in front of a server that knows the answer: what
// is left is the client's time and that of the exchange.
func mprpcToRaw() Peer {
	return Peer{
		Name:   "mprpc-to-raw",
		Title:  "mprpc client (Python) to a server that knows the answer",
		Server: Server{Go: func(l net.Listener) error { return serveEach(l, serveSum) }},
		Client: Client{Python: "mprpc_side"},
		Not:    only("serial"),
	}
}

// serveSum answers calls sum(1, 2). Nothing but their ids differs, in size too.
func serveSum(conn net.Conn) {
	defer conn.Close()
	script, err := newScript(load.Workload{Op: load.Sum})
	if err != nil {
		return
	}
	begin, end := script.Request[:2], script.Request[directEnd:]
	var answer []byte
	for buf := make([]byte, 64); ; {
		n := 0
		for !bytes.HasSuffix(buf[:n], end) {
			k, err := conn.Read(buf[n:])
			if err != nil {
				return
			}
			n += k
		}
		id, ok := bytes.CutPrefix(buf[:n-len(end)], begin)
		if !ok {
			return
		}
		answer = append(append(append(answer[:0], script.Reply[:2]...), id...), script.Reply[directEnd:]...)
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// rawToMprpc is raw's client in front of an mprpc server, which takes most of the
// time whoever asks.
func rawToMprpc() Peer {
	return Peer{
		Name:   "raw-to-mprpc",
		Title:  "raw TCP to mprpc (Python)",
		Server: Server{Python: "mprpc_side"},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			script, err := newScript(w)
			if err != nil {
				return nil, nil, err
			}
			return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
				return exchanges(newRawCaller(conn, script).withoutScript().exchange), conn.Close
			})
		}},
		Not: only("serial", "64x20"),
	}
}
