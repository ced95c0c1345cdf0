package peers

import (
	"context"
	"net"

	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcserver"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers/pb"
)

// dRPC is storj.io/drpc. Its connections take one call after the other, also
// where callers share them.
func dRPC() Peer {
	return Peer{
		Name:  "drpc",
		Title: "drpc",
		Server: Server{Go: func(l net.Listener) error {
			m := drpcmux.New()
			if err := pb.DRPCRegisterBench(m, newProtoService()); err != nil {
				return err
			}
			return drpcserver.New(m).Serve(context.Background(), l)
		}},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
				c := drpcconn.New(conn)
				return drpcCaller(c), c.Close
			})
		}},
	}
}

func drpcCaller(conn *drpcconn.Conn) load.Caller {
	c := pb.NewDRPCBenchClient(conn)
	return &protoCaller{
		sum: c.Sum, echo: c.Echo, mirror: c.Mirror, list: c.List, slow: c.Slow, mirrorRow: c.MirrorRow, listRows: c.ListRows,
		record: sampleRecord(), items: sampleItems(1000), row: sampleRow(), rows: sampleRows(1000),
	}
}
