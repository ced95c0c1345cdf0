// Shutdown is a server with interceptors that ends gracefully: on SIGTERM, or
// Ctrl-C, it takes no more calls, answers those that run and exits with status 0.
// Calls that take longer than the grace are cut, and the status is 1.
//
//	go run ./interop/examples/shutdown -listen 127.0.0.1:6000 -grace 10s
//
// Python calls it as it calls a server of mprpc:
//
//	RPCClient('127.0.0.1', 6000).call('sum', 1, 2)
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

func main() {
	address := flag.String("listen", "127.0.0.1:6000", "the `address` to serve on")
	grace := flag.Duration("grace", 10*time.Second, "how long calls may go on after SIGTERM")
	flag.Parse()

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The signals are caught from here on, so whoever reads the line may send one.
	fmt.Println("LISTEN", listener.Addr())
	err = serve(ctx, stop, listener, *grace)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// serve serves until ctx ends.
func serve(ctx context.Context, stop func(), listener net.Listener, grace time.Duration) error {
	var mux rpcutil.Mux
	mux.Use(logged) // outermost: it sees what the others make of a call
	mux.Use(bounded)
	mux.Handle("sum", func(x, y int) int { return x + y })
	mux.Handle("nap", nap)

	server := rpcutil.Server{Handler: &mux}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		stop() // a second Ctrl-C ends the program at once
	}
	slog.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return err // calls were cut
	}
	<-served // it returned when Shutdown began
	slog.Info("all calls are answered")
	return nil
}

// logged writes a record when a call begins and when it ends.
func logged(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
	call := slog.With("method", r.Method, "peer", r.RemoteAddr)
	call.Info("call begins")
	start := time.Now()
	result, err := next(ctx)
	call.Info("call ends", "after", time.Since(start), "error", err)
	return result, err
}

// bounded gives each call a deadline, and callers an error that has a code.
func bounded(ctx context.Context, _ *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	result, err := next(ctx)
	if ctx.Err() == context.DeadlineExceeded {
		return nil, &codec.Error{Code: 504, Message: "took too long"}
	}
	return result, err
}

// nap is work that takes its time, and leaves it when nobody waits any more.
func nap(ctx context.Context, seconds float64) (string, error) {
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		return "slept", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
