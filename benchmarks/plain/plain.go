// Package plain has loops as somebody would write them who knows only the peer:
// nothing of the harness is in them. They show that the harness does not slow
// the peers down.
package plain

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/rpc"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/go-mprpc/mprpc/benchmarks/peers/pb"
)

// Arith is a net/rpc service.
type Arith struct{}

// Args are the arguments of Add.
type Args struct{ A, B int }

// Add adds.
func (*Arith) Add(args *Args, reply *int) error {
	*reply = args.A + args.B
	return nil
}

type adder struct{ pb.UnimplementedBenchServer }

func (adder) Sum(_ context.Context, in *pb.SumRequest) (*pb.Number, error) {
	return &pb.Number{N: in.X + in.Y}, nil
}

// Server serves until the standard input ends.
func Server(peer string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("LISTEN", l.Addr())
	if peer == "gob" {
		rpc.Register(new(Arith))
		go rpc.Accept(l)
	} else {
		s := grpc.NewServer()
		pb.RegisterBenchServer(s, adder{})
		go s.Serve(l)
	}
	io.Copy(io.Discard, os.Stdin)
}

// Client calls for a time and prints the calls per second.
func Client(peer, addr string, callers int, d time.Duration) {
	fmt.Println("READY")
	var call func()
	if peer == "gob" {
		client, err := rpc.Dial("tcp", addr)
		if err != nil {
			log.Fatal(err)
		}
		call = func() {
			var sum int
			if err := client.Call("Arith.Add", &Args{1, 2}, &sum); err != nil {
				log.Fatal(err)
			}
		}
	} else {
		conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			log.Fatal(err)
		}
		client := pb.NewBenchClient(conn)
		call = func() {
			if _, err := client.Sum(context.Background(), &pb.SumRequest{X: 1, Y: 2}); err != nil {
				log.Fatal(err)
			}
		}
	}
	var total atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range callers {
		all.Go(func() {
			n := 0
			for time.Since(start) < d {
				for range 10 {
					call()
				}
				n += 10
			}
			total.Add(int64(n))
		})
	}
	all.Wait()
	fmt.Println(float64(total.Load()) / time.Since(start).Seconds())
}
