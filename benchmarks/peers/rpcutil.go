package peers

import (
	"context"
	"net"
	"net/rpc"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// serverPeers are the peers with rpcutil.Server.
func serverPeers() []Peer { return []Peer{rpcutilServer(), rpcutilMux(), mprpcToServer()} }

// rpcutilServer is rpcutil.Client in front of rpcutil.Server with the same
// net/rpc service as drop-in.
func rpcutilServer() Peer {
	return Peer{
		Name:   "rpcutil",
		Title:  "this project, rpcutil.Client and rpcutil.Server",
		Server: Server{Go: serveRPCUtil},
		Client: Client{Go: dialRPCUtil},
	}
}

// rpcutilMux is rpcutil with typed functions instead of the net/rpc service.
func rpcutilMux() Peer {
	return Peer{
		Name:  "rpcutil-mux",
		Title: "this project, rpcutil.Client and rpcutil.Server with a Mux",
		Server: Server{Go: func(l net.Listener) error {
			s := rpcutil.Server{Handler: typedFunctions()}
			return s.Serve(l)
		}},
		Client: Client{Go: dialRPCUtil},
	}
}

func serveRPCUtil(l net.Listener) error {
	handler := rpc.NewServer()
	var names rpcutil.Names
	if err := names.Register(handler, load.Bench{}); err != nil {
		return err
	}
	s := rpcutil.Server{Handler: handler, Codec: codec.Options{Names: &names}}
	return s.Serve(l)
}

func dialRPCUtil(addr string, w load.Workload) ([]load.Caller, func(), error) {
	return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
		c := rpcutil.NewClient(conn, rpcutil.ClientOptions{Codec: codec.Options{Names: rpcutil.SnakeCase}})
		return load.NetRPC(func(method string, args, reply any) error {
			return c.CallContext(context.Background(), method, args, reply)
		}), c.Close
	})
}

// mprpcToServer is the mprpc client in front of rpcutil.Server.
func mprpcToServer() Peer {
	return Peer{
		Name:   "mprpc-to-rpcutil",
		Title:  "mprpc client (Python) to this project's rpcutil.Server",
		Server: Server{Go: serveRPCUtil},
		Client: Client{Python: "mprpc_side"},
		Not:    sharedConnection(onePerConnection),
	}
}
