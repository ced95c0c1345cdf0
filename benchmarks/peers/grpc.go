package peers

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers/pb"
)

// grpcUnary is grpc-go with unary calls and its defaults, without encryption as
// all peers. A connection is a ClientConn.
func grpcUnary() Peer {
	return Peer{
		Name:  "grpc",
		Title: "grpc-go (unary)",
		Server: Server{Go: func(l net.Listener) error {
			s := grpc.NewServer()
			pb.RegisterBenchServer(s, grpcService{protoService: newProtoService()})
			return s.Serve(l)
		}},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			var callers []load.Caller
			var conns []*grpc.ClientConn
			closeAll := func() {
				for _, c := range conns {
					c.Close()
				}
			}
			for range w.Conns {
				conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
				if err != nil {
					closeAll()
					return nil, nil, err
				}
				conns, callers = append(conns, conn), append(callers, grpcCaller(conn))
			}
			return callers, closeAll, nil
		}},
	}
}

// grpcService says that all methods are there, in the way of generated code.
type grpcService struct {
	pb.UnsafeBenchServer
	protoService
}

func grpcCaller(conn *grpc.ClientConn) load.Caller {
	c := pb.NewBenchClient(conn)
	return &protoCaller{
		sum:       func(ctx context.Context, in *pb.SumRequest) (*pb.Number, error) { return c.Sum(ctx, in) },
		echo:      func(ctx context.Context, in *pb.Bytes) (*pb.Bytes, error) { return c.Echo(ctx, in) },
		mirror:    func(ctx context.Context, in *pb.Record) (*pb.Record, error) { return c.Mirror(ctx, in) },
		list:      func(ctx context.Context, in *pb.Number) (*pb.Items, error) { return c.List(ctx, in) },
		slow:      func(ctx context.Context, in *pb.Number) (*pb.Number, error) { return c.Slow(ctx, in) },
		mirrorRow: func(ctx context.Context, in *pb.Row) (*pb.Row, error) { return c.MirrorRow(ctx, in) },
		listRows:  func(ctx context.Context, in *pb.Number) (*pb.Rows, error) { return c.ListRows(ctx, in) },
		record:    sampleRecord(),
		items:     sampleItems(1000),
		row:       sampleRow(),
		rows:      sampleRows(1000),
	}
}
