package peers

import (
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// netRPC is a peer that differs from net/rpc's own by its codec alone.
func netRPC(name, title string, server func(net.Conn) rpc.ServerCodec, client func(net.Conn) *rpc.Client) Peer {
	return Peer{
		Name:  name,
		Title: title,
		Server: Server{Go: func(l net.Listener) error {
			s := benchServer()
			return serveEach(l, func(conn net.Conn) {
				if server == nil {
					s.ServeConn(conn)
				} else {
					s.ServeCodec(server(conn))
				}
			})
		}},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
				c := client(conn)
				return load.NetRPC(c.Call), c.Close
			})
		}},
	}
}

// benchServer is net/rpc's server with the service.
func benchServer() *rpc.Server {
	s := rpc.NewServer()
	if err := s.Register(load.Bench{}); err != nil {
		panic(err) // it is known to be a service
	}
	return s
}

// netRPCGob is net/rpc as it is.
func netRPCGob() Peer {
	return netRPC("gob", "net/rpc (gob)", nil, func(conn net.Conn) *rpc.Client { return rpc.NewClient(conn) })
}

// netRPCJSON is net/rpc/jsonrpc; bytes travel as base64.
func netRPCJSON() Peer {
	return netRPC("jsonrpc", "net/rpc/jsonrpc",
		func(conn net.Conn) rpc.ServerCodec { return jsonrpc.NewServerCodec(conn) },
		func(conn net.Conn) *rpc.Client { return jsonrpc.NewClient(conn) })
}
