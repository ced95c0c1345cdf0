package interop_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// serveMux serves a Mux on a port that the system chooses, until the test ends.
func serveMux(t *testing.T, m *rpcutil.Mux, by loop, o codec.Options) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if by == byServer {
		serveUntilTheEnd(t, &rpcutil.Server{Handler: m, Codec: o}, l)
		return l.Addr().String()
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { m.ServeCodec(o.NewServerCodec(conn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait() // the clients have ended before
	})
	return l.Addr().String()
}

// serveUntilTheEnd serves on a listener until the test ends. The channel is closed
// when no more connections are accepted.
func serveUntilTheEnd(t *testing.T, s *rpcutil.Server, l net.Listener) (ending chan struct{}) {
	t.Helper()
	ending = make(chan struct{})
	var err error
	go func() {
		defer close(ending)
		err = s.Serve(l)
	}()
	t.Cleanup(func() {
		s.Close()
		if <-ending; err != rpcutil.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return ending
}

// Library is what class Library(RPCServer) would be in Python.
type Library struct{}

func (*Library) GetTitle(ctx context.Context, id int, upper *bool) (string, error) {
	if id != 1 {
		return "", &codec.Error{Code: 404, Message: "no book"}
	}
	if upper != nil && *upper {
		return "ÉMILE", nil
	}
	return "Émile", nil
}

func TestMuxServesTheRealMprpcClient(t *testing.T) {
	pythontest.Need(t)
	m := rpcutil.Mux{Logger: quiet}
	m.Handle("sum", func(_ context.Context, x, y int) (int, error) { return x + y, nil })
	m.Handle("count", func(values ...any) int { return len(values) })
	m.Handle("panic", func() { panic("secret") })
	m.Handle("fail", func() error { return errors.New("é日😀") })
	if err := m.Register(new(Library)); err != nil {
		t.Fatal(err)
	}
	m.Handle("greet", func(name string, greeting *string) string {
		if greeting != nil {
			return *greeting + " " + name
		}
		return "hello " + name
	})
	m.Handle("join", func(separator string, words ...string) string { return strings.Join(words, separator) })
	m.Handle("exit", func() { runtime.Goexit() })
	for _, class := range []string{"RPCClient", "RPCPoolClient"} {
		for name, test := range map[string]struct {
			errors codec.ErrorForm
			cells  map[string]string // expression to what Python makes of it
		}{
			"text": {codec.ErrorText, map[string]string{
				"call('sum', 1, 2)":                  "int 3",
				"call('count')":                      "int 0",
				"call('count', 1, 'a', None, [])":    "int 4",
				"call('get_title', 1)":               "str 'Émile'",
				"call('Library.get_title', 1, True)": "str 'ÉMILE'",
				"call('get_title', 2)":               "raises RPCError: no book",
				"call('get_title', 1, 2)":            "raises RPCError: get_title: parameter 2 (*bool): 2 does not fit bool",
				"call('sum', 1)":                     "raises RPCError: sum: want 2 parameters (int, int), got 1",
				"call('sum', 1, 'x')":                "raises RPCError: sum: parameter 2 (int): text does not fit int",
				"call('panic')":                      "raises RPCError: internal error",
				"call('fail')":                       "raises RPCError: é日😀",
				"call('greet', 'Ann')":               "str 'hello Ann'",
				"call('greet', 'Ann', None)":         "str 'hello Ann'",
				"call('greet', 'Ann', 'good day')":   "str 'good day Ann'",
				"call('greet')":                      "raises RPCError: greet: want 1 to 2 parameters (string, [*string]), got 0",
				"call('join', ', ')":                 "str ''",
				"call('join', ', ', 'a', 'b', 'c')":  "str 'a, b, c'",
				"call('join')":                       "raises RPCError: join: want at least 1 parameter, got 0",
				"call('join', ', ', 'a', 5)":         "raises RPCError: join: parameter 3: 5 does not fit string",
				"[p['type'] for m in call('rpc.methods') if m['name'] == 'join' for p in m['params']]": "list ['string', '...string']",
				"call('exit')": "raises RPCError: internal error",
				"call('nope')": "raises RPCError: method not found: nope",
				"[m['name'] for m in call('rpc.methods')]":         "list ['count', 'exit', 'fail', 'get_title', 'greet', 'join', 'panic', 'sum']",
				"greenlets(64, lambda i: pooled('sum', i, 1))[63]": "int 64",
			}},
			"pair": {codec.ErrorPair, map[string]string{
				"call('get_title', 2)": "raises RPCError: (404, 'no book')",
				"call('fail')":         "raises RPCError: (0, 'é日😀')",
			}},
			"map": {codec.ErrorMap, map[string]string{
				"sorted(eval(outcome(call, 'get_title', 2).split(': ', 1)[1]).items())": "list [('code', 404), ('message', 'no book')]",
			}},
		} {
			for _, by := range []loop{byCodec, byServer} {
				t.Run(class+"/"+name+"/"+string(by), func(t *testing.T) {
					t.Parallel()
					addr := serveMux(t, &m, by, codec.Options{Errors: test.errors, Logger: quiet})
					client := pythontest.Client(t, addr, python.ClientConfig{Class: class})
					for expr, want := range test.cells {
						got, err := client.Eval(expr)
						if err != nil {
							t.Fatal(err)
						}
						if got.String() != want {
							t.Errorf("%s: %s\nwant %s", expr, got, want)
						}
					}
				})
			}
		}
	}
}

func TestClientWithContextsCallsTheRealMprpcServer(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	client, err := rpcutil.Dial(t.Context(), "tcp", server.Addr(), rpcutil.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); got != 3 || err != nil {
		t.Error(got, err)
	}
	type user struct {
		Name string
		Age  int
	}
	for _, expr := range []string{"('Zoë', 7)", "{'name': 'Zoë', 'age': 7}"} {
		if got, err := rpcutil.Call[user](t.Context(), client, "value", expr); got != (user{"Zoë", 7}) || err != nil {
			t.Errorf("%s: %+v, %v", expr, got, err)
		}
	}
	var e *codec.Error
	if err := client.Call("fail", codec.Args{"ValueError", "boom"}, nil); !errors.As(err, &e) || e.Message != "boom" {
		t.Errorf("%#v", err)
	}
	if _, err := rpcutil.Call[string](t.Context(), client, "sum", 1, 2); err == nil {
		t.Error("3 fits a string")
	}
	var calls sync.WaitGroup
	for i := range 64 {
		calls.Go(func() {
			if got, err := rpcutil.Call[int](t.Context(), client, "sum", i, i); got != 2*i || err != nil {
				t.Error(got, err)
			}
		})
	}
	calls.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.CallContext(ctx, "nap", codec.Args{60, 1}, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got, err := rpcutil.Call[int](t.Context(), client, "sum", 3, 4); got != 7 || err != nil {
		t.Error(got, err)
	}
}
