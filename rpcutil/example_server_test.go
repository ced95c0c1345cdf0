package rpcutil_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// The server and the client of mprpc's README. In Python the server is
//
//	class SumServer(RPCServer):
//	    def sum(self, x, y):
//	        return x + y
//
//	StreamServer(('127.0.0.1', 6000), SumServer()).serve_forever()
//
// A program that serves and nothing else calls server.ListenAndServe("tcp",
// "127.0.0.1:6000"); this one chooses a free port and ends its server.
func ExampleServer() {
	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })
	server := rpcutil.Server{Handler: &mux}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := rpcutil.Dial(ctx, "tcp", listener.Addr().String(), rpcutil.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(rpcutil.Call[int](ctx, client, "sum", 1, 2))
	client.Close()

	fmt.Println(server.Shutdown(ctx))
	fmt.Println(<-served)
	// Output:
	// 3 <nil>
	// <nil>
	// rpcutil: server closed
}

// One port for the old clients of a net/rpc program, which speak gob or JSON, and
// for those that speak MessagePack-RPC, Python's among them: they can move one by
// one.
func ExampleServer_oneport() {
	services := rpc.NewServer()
	var names rpcutil.Names
	if err := names.Register(services, new(SumServer)); err != nil { // was: services.Register(new(SumServer))
		log.Fatal(err)
	}
	server := rpcutil.Server{
		Handler: services,
		Codec:   codec.Options{Names: &names},
		Gob:     true,
		JSON:    true,
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	go server.Serve(listener) // was: services.Accept(listener)

	address := listener.Addr().String()
	for _, dial := range []func(network, address string) (*rpc.Client, error){
		rpc.Dial, // an old client, as it is
		jsonrpc.Dial,
		codec.Options{Names: &names}.Dial, // a client that has moved
	} {
		client, err := dial("tcp", address)
		if err != nil {
			log.Fatal(err)
		}
		var sum int
		err = client.Call("SumServer.Sum", &Args{1, 2}, &sum)
		fmt.Println(sum, err)
		client.Close()
	}
	// Output:
	// 3 <nil>
	// 3 <nil>
	// 3 <nil>
}

// Hooks are for counting and logging.
func ExampleHooks() {
	var mux rpcutil.Mux
	mux.Handle("divide", func(x, y int) (int, error) {
		if y == 0 {
			return 0, errors.New("divide by zero")
		}
		return x / y, nil
	})
	server := rpcutil.Server{Handler: &mux}
	server.Hooks.CallFinished = func(call rpcutil.CallInfo) {
		fmt.Printf("%s: %d bytes in, %d out, error %v\n", call.Method, call.RequestSize, call.AnswerSize, call.Err)
	}
	near, far := net.Pipe()
	ended := make(chan error)
	go func() { ended <- server.ServeConn(far) }()

	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	rpcutil.Call[int](context.Background(), client, "divide", 42, 6)
	rpcutil.Call[int](context.Background(), client, "divide", 42, 0)
	client.Close()
	<-ended
	// Output:
	// divide: 17 bytes in, 5 out, error <nil>
	// divide: 13 bytes in, 19 out, error divide by zero
}
