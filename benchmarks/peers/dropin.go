package peers

import (
	"net"
	"net/rpc"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// dropIn is what a net/rpc program has after its codec was replaced: rpc.Client
// and rpc.ServeCodec, with the wire names of the README.
func dropIn() Peer {
	return Peer{
		Name:   "drop-in",
		Title:  "this project, drop-in (rpc.Client, rpc.ServeCodec)",
		Server: Server{Go: serveDropIn},
		Client: Client{Go: dialDropIn},
	}
}

func serveDropIn(l net.Listener) error {
	s := rpc.NewServer()
	var names rpcutil.Names
	if err := names.Register(s, load.Bench{}); err != nil {
		return err
	}
	return serveEach(l, func(conn net.Conn) { s.ServeCodec(codec.Options{Names: &names}.NewServerCodec(conn)) })
}

func dialDropIn(addr string, w load.Workload) ([]load.Caller, func(), error) {
	return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
		c := rpc.NewClientWithCodec(codec.Options{Names: rpcutil.SnakeCase}.NewClientCodec(conn))
		return load.NetRPC(c.Call), c.Close
	})
}
