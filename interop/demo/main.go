// Demo shows the main job: a plain net/rpc service is served to a Go client and
// to the real mprpc client of Python, and real mprpc servers are called from Go,
// one connection at a time and through a pool. It sets the Python peers up by
// itself, in the user's cache directory.
//
//	go run ./interop/demo
//
// Each step prints what was called and what came back. The exit status is 0
// only if each step that was run was right, and under CI=true only if none was
// left out.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/rpcutil"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	status := run(ctx, os.Stdout, os.Getenv("CI") == "true", rpc.DefaultServer, python.Setup)
	stop()
	os.Exit(status)
}

// setup is python.Setup, or what a test puts in its place.
type setup func(context.Context, func(string)) (*python.Env, error)

func run(ctx context.Context, out io.Writer, ci bool, service *rpc.Server, setUp setup) int {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute) // a cold set-up compiles three packages
	defer cancel()
	r := &report{out: out}
	server, err := startServer(service)
	if err != nil {
		fmt.Fprintln(out, "cannot start the Go server:", err)
		return 1
	}
	defer server.listener.Close()

	r.heading("A net/rpc service in Go, called from Go by its net/rpc names and by its wire names")
	goToGo(ctx, r, server)

	r.heading("Setting up Python's mprpc")
	env, err := setUp(ctx, r.progress())
	if err != nil {
		r.leaveOut("Python calls Go, and Go calls Python", err)
		return r.close(ci)
	}
	v := env.Versions()
	fmt.Fprintf(out, "  mprpc %s, msgpack %s (C), gevent %s on Python %s\n", v["mprpc"], v["msgpack"], v["gevent"], v["python"])

	r.heading("The same Go service, called by the real mprpc client")
	if err := pythonToGo(ctx, r, env, server); err != nil {
		r.step("start mprpc's RPCClient", err.Error(), "started")
	}
	r.heading("A real mprpc server, called from Go through an unchanged rpc.Client")
	servers, err := startServers(ctx, env, 3)
	if err != nil {
		r.step("start mprpc's RPCServer", err.Error(), "started")
		return r.close(ci)
	}
	defer closeServers(servers)
	if err := goToPython(ctx, r, servers[0]); err != nil {
		r.step("connect", err.Error(), "connected")
	}
	r.heading("The same server, called through a pool of connections")
	pooled(ctx, r, servers[0].Addr())
	r.heading("Three mprpc servers, called through one pool")
	spread(ctx, r, servers)
	return r.close(ci)
}

// outcome shows what a call brought, as the caller sees it.
func outcome(reply any, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%T %+v", reply, reply)
}

// call makes one call for a result of type T.
func call[T any](c *rpc.Client, method string, args any) string {
	var reply T
	err := c.Call(method, args, &reply)
	return outcome(reply, err)
}

func goToGo(ctx context.Context, r *report, s *server) {
	client, err := codec.Options{Names: rpcutil.SnakeCase}.Dial("tcp", s.addr()) // was: rpc.Dial("tcp", addr)
	if err != nil {
		r.step("connect", err.Error(), "connected")
		return
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })() // no call outlasts ctx
	r.step(`Call("SumServer.Sum", SumArgs{1, 2})`, call[int](client, "SumServer.Sum", SumArgs{1, 2}), "int 3")
	r.step(`Call("sum", codec.Args{1, 2})`, call[int](client, "sum", codec.Args{1, 2}), "int 3")
	r.step(`Call("get_user_by_id", 7)`, call[User](client, "get_user_by_id", 7), "main.User {ID:7 Name:Zoë}")
	r.step(`Call("get_user_by_id", 8)`, call[User](client, "get_user_by_id", 8), "error: no user 8")
	r.step(`Call("sum", codec.Args{1, "two"})`, call[int](client, "sum", codec.Args{1, "two"}),
		"error: sum: parameter 2 (Y): text does not fit int")
	r.step(`Call("nope", nil)`, call[int](client, "nope", nil), "error: method not found: nope")
}

func pythonToGo(ctx context.Context, r *report, env *python.Env, s *server) error {
	client, err := env.Client(ctx, s.addr(), python.ClientConfig{})
	if err != nil {
		return err
	}
	defer client.Close()
	for _, step := range []struct{ expr, want string }{
		{`call('sum', 1, 2)`, "int 3"},
		{`call('get_user_by_id', 7)`, "dict {'id': 7, 'name': 'Zoë'}"},
		{`call('get_user_by_id', 8)`, "raises RPCError: no user 8"},
		{`call('sum', 1)`, "raises RPCError: sum: want 2 parameters (X, Y), got 1"},
		{`call('nope')`, "raises RPCError: method not found: nope"},
		{`greenlets(8, lambda i: pooled('sum', i, i))`, "list [0, 2, 4, 6, 8, 10, 12, 14]"},
	} {
		reply, err := client.Eval(step.expr)
		got := reply.String()
		if err != nil {
			got = err.Error()
		}
		r.step(step.expr, got, step.want)
	}
	return nil
}

func goToPython(ctx context.Context, r *report, server *python.Process) error {
	client, err := codec.Dial("tcp", server.Addr()) // was: rpc.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	r.step(`Call("sum", codec.Args{1, 2})`, call[int](client, "sum", codec.Args{1, 2}), "int 3")
	r.step(`Call("echo", "Zoë 😀")`, call[any](client, "echo", "Zoë 😀"), "string Zoë 😀")
	r.step(`Call("see", codec.Args{1.5, []byte("raw")})`, call[any](client, "see", codec.Args{1.5, []byte("raw")}),
		"[]interface {} [[1.5 float] [b'raw' bytes]]")
	r.step(`Call("fail", codec.Args{"ValueError", "boom"})`,
		call[any](client, "fail", codec.Args{"ValueError", "boom"}), "error: boom")
	r.step("64 goroutines, one connection, 640 sums", together(client), "640 right")

	x := &codec.Exchange{Args: codec.Args{1, 2}, Reply: new(string)}
	err = client.Call("sum", x, nil)
	if err == nil {
		err = x.Err
	}
	r.step("a result of the wrong type: one call fails", outcome(nil, err), "error: codec: sum: result: 3 does not fit string")
	r.step("the next one works", call[int](client, "sum", codec.Args{3, 4}), "int 7")
	r.step("an unknown method: mprpc closes", call[int](client, "nope", nil), `error: codec: connection closed by peer before answering "nope"*`)
	return nil
}

// together has 64 goroutines share a client of a server that hangs one which
// sends a second request before the first is answered: mprpc reads one per recv.
func together(client interface {
	Call(method string, args, reply any) error
}) string {
	var all sync.WaitGroup
	failed := make(chan error, 10*callers)
	for i := range callers {
		all.Go(func() {
			for j := range 10 {
				var sum int
				if err := client.Call("sum", codec.Args{i, j}, &sum); err != nil {
					failed <- err
				} else if sum != i+j {
					failed <- errors.New("wrong sum")
				}
			}
		})
	}
	all.Wait()
	if n := len(failed); n > 0 {
		return fmt.Sprintf("%d failed: %v", n, <-failed)
	}
	return "640 right"
}
