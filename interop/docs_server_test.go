package interop_test

import (
	"context"
	"expvar"
	"fmt"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// What the pages in docs show of servers.

func serveSums(listener net.Listener) error {
	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })
	server := rpcutil.Server{Handler: &mux}
	return server.Serve(listener)
}

type Calculator struct{}

type Addition struct{ X, Y int }

func (*Calculator) Sum(args Addition, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

func serveCalculator(listener net.Listener) error {
	services := rpc.NewServer()
	var names rpcutil.Names
	if err := names.Register(services, new(Calculator)); err != nil { // was: services.Register(new(Calculator))
		return err
	}
	server := rpcutil.Server{Handler: services, Codec: codec.Options{Names: &names}}
	return server.Serve(listener) // was: services.Accept(listener)
}

func serveUntil(ctx context.Context, server *rpcutil.Server, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done(): // of signal.NotifyContext(context.Background(), syscall.SIGTERM)
	}
	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}

// takeOver returns a second listener on the socket of the first: connections wait in it while servers change.
func takeOver(listener *net.TCPListener) (net.Listener, error) {
	file, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return net.FileListener(file)
}

func adjusted(mux *rpcutil.Mux) *rpcutil.Server {
	return &rpcutil.Server{
		Handler:     mux,
		IdleTimeout: -1, // as mprpc: a connection may be idle for ever
		MaxConns:    100,
		Codec: codec.Options{
			MaxMessage:  64 << 20,
			ReadTimeout: 10 * time.Second,
		},
	}
}

func countCalls(server *rpcutil.Server, calls *expvar.Map) {
	server.Hooks.CallFinished = func(call rpcutil.CallInfo) {
		calls.Add(call.Method, 1) // "Shop.Price" from clients that have not moved, "price" from those that have
	}
}

func serveFleet(listener net.Listener) error {
	services := rpc.NewServer()
	var names rpcutil.Names
	if err := names.Register(services, new(Shop)); err != nil { // was: services.Register(new(Shop))
		return err
	}
	server := rpcutil.Server{Handler: services, Codec: codec.Options{Names: &names}, Gob: true, JSON: true}
	return server.Serve(listener) // was: services.Accept(listener)
}

// From here on it is not in the pages.

func TestDocsOptions(t *testing.T) {
	l := docsListener()
	var mux rpcutil.Mux
	addWhoami(&mux)
	serveUntilTheEnd(t, &rpcutil.Server{Handler: &mux, Codec: westEuropean}, l)
	client, err := dialWithOptions(context.Background(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	who, err := rpcutil.Call[string](context.Background(), client, "whoami")
	if err != nil {
		t.Fatal(err)
	}
	if host, _, err := net.SplitHostPort(who); err != nil || host != "127.0.0.1" {
		t.Errorf("whoami: %q, %v", who, err)
	}
	near, far := net.Pipe()
	go echoMux().ServeCodec(westEuropean.NewServerCodec(far))
	echo := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: westEuropean})
	defer echo.Close()
	if got, err := rpcutil.Call[string](context.Background(), echo, "echo", "é"); err != nil || got != "é" {
		t.Errorf("echo: %q, %v", got, err)
	}
}

func Example_docsShop() {
	l := docsListener()
	defer l.Close()
	addr := l.Addr().String()
	go serveFleet(l)
	if err := wrongReply(context.Background(), addr); err != nil {
		panic(err)
	}
	gob, err := rpc.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	var price int
	fmt.Println(gob.Call("Shop.Price", Order{Item: "tea", Count: 3}, &price), price)
	gob.Close()
	json, err := jsonrpc.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	fmt.Println(json.Call("Shop.Price", Order{Item: "tea", Count: 4}, &price), price)
	json.Close()
	fmt.Println(askPrice(addr, codec.Args{"tea", 2}))
	fmt.Println(askPrice(addr, codec.Args{"tea"}))
	fmt.Println(askPrice(addr, codec.Args{map[string]any{"Item": "tea", "Count": 2}}))
	// Output:
	// codec: Shop.Price: result: 10 does not fit string
	// 10 <nil>
	// true nothing ordered
	// <nil> 15
	// <nil> 20
	// 10 <nil>
	// 0 price: want 2 to 3 parameters (Item, Count, [Note]), got 1
	// 10 <nil>
}

func TestDocsServeUntil(t *testing.T) {
	l := loopback(t)
	next, err := takeOver(l)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveUntil(ctx, adjusted(&mux), l) }()
	if got, err := askForSum(t.Context(), l.Addr().String()); got != 3 || err != nil {
		t.Error(got, err)
	}
	cancel()
	if err := receive(t, ended, "the end"); err != nil {
		t.Error(err)
	}
	// The socket is there still, and the next server answers what waits in it.
	calls := new(expvar.Map)
	server := adjusted(&mux)
	countCalls(server, calls)
	asked := make(chan error, 1)
	go func() {
		_, err := askForSum(context.Background(), l.Addr().String())
		asked <- err
	}()
	serveUntilTheEnd(t, server, next)
	if err := receive(t, asked, "the sum"); err != nil {
		t.Error(err)
	}
	if err := server.Shutdown(t.Context()); err != nil { // now the hooks have been called
		t.Error(err)
	}
	if n := calls.Get("sum"); n == nil || n.String() != "1" {
		t.Errorf("counted %v calls", n)
	}
}

func TestDocsWhoamiOfPython(t *testing.T) {
	pythontest.Need(t)
	var mux rpcutil.Mux
	addWhoami(&mux)
	l := loopback(t)
	serveUntilTheEnd(t, &rpcutil.Server{Handler: &mux}, l)
	client := pythontest.Client(t, l.Addr().String(), python.ClientConfig{})
	evalIn(t, client, expression{"client.call('whoami').startswith('127.0.0.1:')", "bool True"})
}
