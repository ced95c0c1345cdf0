package codec_test

// This is a program for net/rpc/jsonrpc. Only its import has changed.

import (
	"errors"
	"fmt"
	"log"
	"net"
	"net/rpc"

	jsonrpc "github.com/go-mprpc/mprpc/codec"
)

type Args struct{ A, B int }

type Quotient struct{ Quo, Rem int }

type Arith struct{}

func (*Arith) Multiply(args *Args, reply *int) error {
	*reply = args.A * args.B
	return nil
}

func (*Arith) Divide(args *Args, quo *Quotient) error {
	if args.B == 0 {
		return errors.New("divide by zero")
	}
	quo.Quo = args.A / args.B
	quo.Rem = args.A % args.B
	return nil
}

func Example_jsonrpc() {
	if err := rpc.Register(new(Arith)); err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go jsonrpc.ServeConn(conn)
		}
	}()

	client, err := jsonrpc.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	args := &Args{7, 8}
	var product int
	if err := client.Call("Arith.Multiply", args, &product); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Arith: %d*%d=%d\n", args.A, args.B, product)

	quotient := new(Quotient)
	divCall := client.Go("Arith.Divide", args, quotient, nil)
	if replyCall := <-divCall.Done; replyCall.Error != nil {
		log.Fatal(replyCall.Error)
	}
	fmt.Printf("Arith: %d/%d=%d rest %d\n", args.A, args.B, quotient.Quo, quotient.Rem)

	fmt.Println(client.Call("Arith.Divide", &Args{1, 0}, quotient))
	// Output:
	// Arith: 7*8=56
	// Arith: 7/8=0 rest 7
	// divide by zero
}
