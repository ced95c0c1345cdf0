package etcd_test

import (
	"context"
	"log"
	"net"
	"os"
	"os/signal"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/pool/etcd"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// A server that is listed while it serves, and ends without costing a call.
func ExampleRegister() {
	ctx := context.Background()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"etcd-1:2379", "etcd-2:2379", "etcd-3:2379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })
	server := rpcutil.Server{Handler: &mux}
	listener, err := net.Listen("tcp", "10.0.0.1:6000")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(listener)

	r, err := etcd.Register(ctx, client, "sum", listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	interrupted, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	<-interrupted.Done()

	if err := r.Withdraw(ctx); err != nil {
		log.Print(err)
	}
	time.Sleep(time.Second) // until all pools have read it
	server.Shutdown(ctx)
}

// A pool in front of all servers that are listed.
func ExampleResolver() {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"etcd-1:2379", "etcd-2:2379", "etcd-3:2379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	p := pool.New(pool.Options{
		Resolver:   etcd.Resolver(client, "sum"),
		Idempotent: func(method string) bool { return method == "sum" },
	})
	defer p.Close()

	sum, err := pool.Call[int](context.Background(), p, "sum", 1, 2)
	log.Print(sum, err)
}
