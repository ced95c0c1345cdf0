package peers

import (
	"context"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// poolPeers are the peers with package pool.
func poolPeers() []Peer { return []Peer{pooled(), poolShared(), poolToMprpc()} }

// pooled is a pool, whose connections are exclusive for a call, in front of
// rpcutil.Server.
func pooled() Peer {
	return Peer{
		Name:   "pool",
		Title:  "this project, pool and rpcutil.Server",
		Server: Server{Go: serveRPCUtil},
		Client: Client{Go: dialPool(false)},
		Not:    map[string]string{"idle": poolsDoNotIdle},
	}
}

// poolShared is a pool whose connections are shared by callers.
func poolShared() Peer {
	return Peer{
		Name:   "pool-shared",
		Title:  "this project, pool (Shared) and rpcutil.Server",
		Server: Server{Go: serveRPCUtil},
		Client: Client{Go: dialPool(true)},
		Not:    map[string]string{"idle": poolsDoNotIdle},
	}
}

// poolToMprpc is a pool in front of an mprpc server.
func poolToMprpc() Peer {
	return Peer{
		Name:   "pool-to-mprpc",
		Title:  "this project's pool to mprpc (Python)",
		Server: Server{Python: "mprpc_side"},
		Client: Client{Go: dialPool(false)},
		Not:    map[string]string{"idle": poolsDoNotIdle},
	}
}

// dialPool makes a pool of as many connections as the workload has, which it
// opens when calls need them. Shared connections carry as many calls at once as
// all callers need.
func dialPool(shared bool) func(string, load.Workload) ([]load.Caller, func(), error) {
	return func(addr string, w load.Workload) ([]load.Caller, func(), error) {
		o := pool.Options{Address: addr, MaxConns: w.Conns, Codec: codec.Options{Names: rpcutil.SnakeCase}}
		if shared {
			o.Shared = (w.Callers + w.Conns - 1) / w.Conns
		}
		p := pool.New(o)
		call := func(method string, args, reply any) error {
			return p.Call(context.Background(), method, args, reply)
		}
		return []load.Caller{load.NetRPC(call)}, func() { p.Close() }, nil
	}
}
