package interop_test

import (
	"net/rpc"
	"runtime"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// Trouble is a net/rpc service whose methods would end a program that serves it
// with net/rpc alone, or keep its callers waiting for ever.
type Trouble struct{}

// Panic panics.
func (*Trouble) Panic(text string, _ *struct{}) error { panic(text) }

// Exit ends its goroutine.
func (*Trouble) Exit(struct{}, *struct{}) error {
	runtime.Goexit()
	return nil
}

// Nil follows a pointer that is nil.
func (*Trouble) Nil(struct{}, *int) error {
	var service *Service
	service.gates["none"] = nil
	return nil
}

// Unsendable has a result that cannot be sent.
func (*Trouble) Unsendable(_ struct{}, reply *any) error {
	*reply = make(chan int)
	return nil
}

// Fine is called after the others.
func (*Trouble) Fine(struct{}, *struct{}) error { return nil }

func TestPythonSurvivesTheTroubleOfANetRPCService(t *testing.T) {
	pythontest.Need(t)
	server, names := rpc.NewServer(), new(rpcutil.Names)
	if err := names.Register(server, new(Trouble)); err != nil {
		t.Fatal(err)
	}
	l := loopback(t)
	serveUntilTheEnd(t, &rpcutil.Server{Handler: server, Codec: codec.Options{Names: names, Logger: quiet}}, l)
	for _, class := range []string{rpcClient, poolClient} {
		client := pythontest.Client(t, l.Addr().String(), python.ClientConfig{Class: class})
		fine := expression{"client.call('fine')", "NoneType None"}
		evalIn(t, client,
			expression{"client.call('panic', 'secret')", raises("internal error")}, fine,
			expression{"client.call('exit')", raises("internal error")}, fine,
			expression{"client.call('nil')", raises("internal error")}, fine,
			expression{"client.call('unsendable')", raises("unsendable: result cannot be sent: ~.*chan int.*")}, fine,
			expression{"[outcome(connect().call, 'panic', '') for _ in range(50)] == ['RPCError: internal error'] * 50", "bool True"}, fine)
	}
}

// mprpc's client has no method for notifications, so Python speaks through a
// socket of its own, with mprpc's packer.
func TestPythonNotifies(t *testing.T) {
	pythontest.Need(t)
	notes := make(chan string, 10)
	mux := rpcutil.Mux{Logger: quiet}
	mux.Handle("note", func(text string) { notes <- text })
	mux.Handle("fail", func() error { return &codec.Error{Code: 1, Message: "nobody hears it"} })
	mux.Handle("sum", func(x, y int) int { return x + y })
	l := loopback(t)
	serveUntilTheEnd(t, &rpcutil.Server{Handler: &mux, Codec: codec.Options{Logger: quiet}}, l)
	client := pythontest.Client(t, l.Addr().String(), python.ClientConfig{})
	define(t, client, "%s", `
raw = socket.create_connection((host, port))
def send(*message):
    raw.sendall(msgpack.packb(message, use_bin_type=True))
`)
	evalIn(t, client,
		expression{"[send(2, 'note', ('one',)), send(2, 'fail', ()), send(2, 'nope', (1,)), send(2, 'note', ('two',)), send(0, 7, 'sum', (1, 2))]",
			"list [None, None, None, None, None]"},
		// The answer to the call is all that comes back.
		expression{"msgpack.unpackb(raw.recv(100), raw=False)", "list [1, 7, None, 3]"})
	got := map[string]bool{receive(t, notes, "a note"): true, receive(t, notes, "a note"): true}
	if !got["one"] || !got["two"] {
		t.Errorf("the method was told %v", got)
	}
}

// A Python RPCClient that has been idle for too long gets one OSError, as from an
// mprpc server that was restarted, and never connects again by itself; a pool
// client does.
func TestServerClosesIdlePythonClients(t *testing.T) {
	pythontest.Need(t)
	mux := rpcutil.Mux{Logger: quiet}
	mux.Handle("sum", func(x, y int) int { return x + y })
	for _, class := range []string{rpcClient, poolClient} {
		closed := make(chan error, 10)
		s := &rpcutil.Server{Handler: &mux, IdleTimeout: 200 * time.Millisecond, Codec: codec.Options{Logger: quiet}}
		s.Hooks.ConnClosed = func(_ rpcutil.ConnInfo, err error) { closed <- err }
		l := loopback(t)
		serveUntilTheEnd(t, s, l)
		client := pythontest.Client(t, l.Addr().String(), python.ClientConfig{Class: class})
		sum := expression{"client.call('sum', 1, 2)", "int 3"}
		evalIn(t, client, sum)
		if err := receive(t, closed, "the end of the connection"); err != nil {
			t.Errorf("the connection ended with %v", err)
		}
		lost := expression{"client.call('sum', 1, 2)", "raises ~(OSError|ConnectionResetError|BrokenPipeError): .*"}
		evalIn(t, client, lost)
		if class == rpcClient {
			evalIn(t, client, lost, expression{"reopen() and None", "NoneType None"})
		}
		evalIn(t, client, sum)
	}
}
