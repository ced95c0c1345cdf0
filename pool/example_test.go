package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// serveSums is the server of mprpc's manual, in Go.
func serveSums() (address string, stop func()) {
	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })
	mux.Handle("divide", func(x, y int) (int, error) {
		if y == 0 {
			return 0, errors.New("division by zero")
		}
		return x / y, nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go mux.ServeCodec(codec.NewServerCodec(conn))
		}
	}()
	return listener.Addr().String(), func() { listener.Close() }
}

// The third example of mprpc's manual: connections that many callers use in
// turn. In Python it is gsocketpool's Pool with RPCPoolClient.
func Example() {
	address, stop := serveSums()
	defer stop()

	p := pool.New(pool.Options{Address: address})
	defer p.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			if sum, err := pool.Call[int](ctx, p, "sum", 1, 2); err != nil || sum != 3 {
				log.Print(sum, err)
			}
		})
	}
	callers.Wait()
	fmt.Println(pool.Call[int](ctx, p, "sum", 1, 2))
	// Output: 3 <nil>
}

// Several calls on one connection, as with gsocketpool's connection().
func ExamplePool_Do() {
	address, stop := serveSums()
	defer stop()
	p := pool.New(pool.Options{Address: address})
	defer p.Close()

	ctx := context.Background()
	err := p.Do(ctx, func(c *pool.Conn) error {
		var sum int
		for i := range 3 {
			if err := c.Call(ctx, "sum", codec.Args{sum, i + 1}, &sum); err != nil {
				return err
			}
		}
		fmt.Println(sum)
		return nil
	})
	fmt.Println(err)
	// Output:
	// 6
	// <nil>
}

// A program that calls methods of rpc.Client uses a pool in its place.
func ExamplePool_Client() {
	address, stop := serveSums()
	defer stop()

	client := pool.New(pool.Options{Address: address, CallTimeout: 10 * time.Second}).Client() // was: rpc.Dial("tcp", address)
	defer client.Close()
	var quotient int
	err := client.Call("divide", struct{ X, Y int }{6, 0}, &quotient)
	fmt.Println(err)
	// Output: division by zero
}

// Three servers share the calls.
func ExampleStatic() {
	var addresses []string
	for range 3 {
		address, stop := serveSums()
		defer stop()
		addresses = append(addresses, address)
	}
	p := pool.New(pool.Options{
		Resolver:   pool.Static(addresses...),
		Idempotent: func(method string) bool { return method == "sum" }, // may be called again when a server dies
	})
	defer p.Close()
	for range 6 {
		if _, err := pool.Call[int](context.Background(), p, "sum", 1, 2); err != nil {
			fmt.Println(err)
		}
	}
	for _, e := range p.Stats().Endpoints {
		fmt.Println(e.Answered, e.Up)
	}
	// Output:
	// 2 true
	// 2 true
	// 2 true
}

// All servers behind a name, which are looked up again and again.
func ExampleDNS() {
	p := pool.New(pool.Options{Resolver: pool.DNS{Interval: 10 * time.Second}.Host("localhost:6000")})
	p.Close()

	p = pool.New(pool.Options{Resolver: pool.DNS{}.SRV("mprpc", "tcp", "example.org")})
	p.Close()
}
