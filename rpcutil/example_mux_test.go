package rpcutil_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// The server and the client of mprpc's manual.
func Example() {
	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go mux.ServeCodec(codec.NewServerCodec(conn))
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := rpcutil.Dial(ctx, "tcp", listener.Addr().String(), rpcutil.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(rpcutil.Call[int](ctx, client, "sum", 1, 2))
	// Output: 3 <nil>
}

// Parameters with names, which errors show and callers may use, and an error
// that keeps its code.
func ExampleMux_HandleMethod() {
	var mux rpcutil.Mux
	err := mux.HandleMethod(rpcutil.Method{
		Name:   "divide",
		Params: []string{"dividend", "divisor"},
		Doc:    "Divides two numbers.",
		Func: func(_ context.Context, dividend, divisor int) (int, error) {
			if divisor == 0 {
				return 0, &codec.Error{Code: 33, Message: "divide by zero"}
			}
			return dividend / divisor, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	near, far := net.Pipe()
	go mux.ServeCodec(codec.Options{Errors: codec.ErrorPair}.NewServerCodec(far))
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	defer client.Close()

	ctx := context.Background()
	fmt.Println(rpcutil.Call[int](ctx, client, "divide", 42, 6))
	fmt.Println(rpcutil.Call[int](ctx, client, "divide", map[string]int{"divisor": 6, "dividend": 42}))
	_, err = rpcutil.Call[int](ctx, client, "divide", 42)
	fmt.Println(err)
	_, err = rpcutil.Call[int](ctx, client, "divide", 42, 0)
	var e *codec.Error
	fmt.Println(errors.As(err, &e), e.Code, e)
	// Output:
	// 7 <nil>
	// 7 <nil>
	// divide: want 2 parameters (dividend, divisor), got 1
	// true 33 divide by zero
}

// An interceptor that refuses calls from anyone it does not know.
func ExampleMux_Use() {
	var mux rpcutil.Mux
	mux.Handle("secret", func(token string) string { return "the answer" })
	mux.Use(func(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
		if r.Args[0] != "open sesame" {
			return nil, fmt.Errorf("%s: no", r.Method)
		}
		return next(ctx)
	})
	near, far := net.Pipe()
	go mux.ServeCodec(codec.NewServerCodec(far))
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	defer client.Close()

	for _, token := range []string{"please", "open sesame"} {
		fmt.Println(rpcutil.Call[string](context.Background(), client, "secret", token))
	}
	// Output:
	//  secret: no
	// the answer <nil>
}

// A call that takes too long is given up; the connection goes on.
func ExampleClient_CallContext() {
	var mux rpcutil.Mux
	mux.Handle("wait", func() { time.Sleep(50 * time.Millisecond) })
	mux.Handle("sum", func(x, y int) int { return x + y })
	near, far := net.Pipe()
	go mux.ServeCodec(codec.NewServerCodec(far))
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err := client.CallContext(ctx, "wait", nil, nil)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	fmt.Println(rpcutil.Call[int](context.Background(), client, "sum", 1, 2))
	// Output:
	// true
	// 3 <nil>
}
