package interop_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
)

// troubleRows are about peers that die and come back.
func troubleRows() []row {
	return []row{
		{name: "killed/server in mid-call", toMprpc: mprpcServerKilled, toGo: goServerKilled},
		{name: "killed/client in mid-call", toMprpc: goClientKilled, toGo: mprpcClientKilled},
		{name: "restarted/server between calls", toMprpc: mprpcServerRestarted, toGo: goServerRestarted},
		{
			name:    "closed/idle connection by the server",
			toGo:    idleConnectionClosed,
			omitted: "an mprpc server never closes an idle connection; its end is the row restarted",
		},
	}
}

// SIGKILL while a call is held and others are queued behind it.
func mprpcServerKilled(t *testing.T, _ *matrix) {
	server := pythontest.Server(t, python.ServerOptions{})
	client := dial(t, server.Addr(), codec.Options{})
	held, queued := &codec.Exchange{Args: "k"}, &codec.Exchange{Args: codec.Args{1, 2}}
	first, second := client.Go("hold", held, nil, nil), client.Go("sum", queued, nil, nil)
	if line := receive(t, server.Lines(), "the call's arrival"); line != "HELD k" {
		t.Fatalf("server.py printed %q", line)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(wait(t, first), wait(t, second)); err != nil {
		t.Fatal(err)
	}
	if err := held.Err; !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), `before answering "hold"`) {
		t.Errorf("the call in flight: %v", err)
	}
	if err := queued.Err; !errors.Is(err, codec.ErrNotSent) || !strings.Contains(err.Error(), "sum") {
		t.Errorf("the call in the queue: %v", err)
	}
}

func goServerKilled(t *testing.T, m *matrix, class string) {
	server := startChild(t, "serve "+string(m.loop))
	client := m.client(t, class, m.served(t).addr, nil)
	define(t, client, "killed = at(%d)", portOf(t, server.line(t)))
	reply := make(chan string, 1)
	go func() {
		r, err := client.Eval("killed.call('hold', 'k')")
		if err != nil {
			reply <- err.Error()
			return
		}
		reply <- r.String()
	}()
	if line := server.line(t); line != "HELD k" {
		t.Fatalf("the Go server printed %q", line)
	}
	server.kill()
	got := receive(t, reply, "the end of the call")
	// RPCPoolClient reconnects at once, and raises what that brings.
	if want := "raises ~(OSError: Connection closed|ConnectionResetError: .*|ConnectionRefusedError: .*)"; !match(want, got) {
		t.Errorf("the call in flight %s, want %s", got, want)
	}
}

func goClientKilled(t *testing.T, _ *matrix) {
	server := pythontest.Server(t, python.ServerOptions{})
	client := startChild(t, server.Addr())
	if line := receive(t, server.Lines(), "the call's arrival"); line != "HELD from a child" {
		t.Fatalf("server.py printed %q", line)
	}
	client.kill()
	if got := ask[int](t, dial(t, server.Addr(), codec.Options{}), "sum", codec.Args{1, 2}); got != "int 3" {
		t.Errorf("another client gets %s", got)
	}
}

func mprpcClientKilled(t *testing.T, m *matrix, class string) {
	server := m.ownServer(t, codec.Options{})
	client := ownClient(t, class, server.addr)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		client.Eval("connect().call('hold', 'k')") // the process ends before it answers
	}()
	receive(t, server.service.gate("k").entered, "the call's arrival")
	conn := receive(t, server.accepted, "the client's connection")
	if err := client.Process().Kill(); err != nil {
		t.Fatal(err)
	}
	receive(t, gone, "the end of Eval")
	if got := ask[int](t, dial(t, server.addr, codec.Options{}), "sum", codec.Args{1, 2}); got != "int 3" {
		t.Errorf("another client gets %s", got)
	}
	// The handler's answer has nobody to go to; then all of the connection is gone.
	close(server.service.gate("k").open)
	if ended := receive(t, server.ended, "the end of the connection"); ended != conn {
		t.Errorf("another connection ended")
	}
}

func mprpcServerRestarted(t *testing.T, _ *matrix) {
	first := pythontest.Server(t, python.ServerOptions{})
	client := dial(t, first.Addr(), codec.Options{})
	before := ask[int](t, client, "pid", nil)
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	second := pythontest.Server(t, python.ServerOptions{Port: portOf(t, first.Addr())})
	for range 2 { // a connection that has ended stays so
		if err := try(t, client, "sum", codec.Args{1, 2}, nil); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, rpc.ErrShutdown) {
			t.Errorf("the old client gets %v", err)
		}
	}
	after := ask[int](t, dial(t, second.Addr(), codec.Options{}), "pid", nil)
	if !strings.HasPrefix(after, "int ") || after == before {
		t.Errorf("the servers' ids are %s and %s", before, after)
	}
}

func goServerRestarted(t *testing.T, m *matrix, class string) {
	first := m.ownServer(t, codec.Options{})
	client := m.client(t, class, m.served(t).addr, nil)
	define(t, client, "restarted = at(%d)", portOf(t, first.addr))
	evalIn(t, client, expression{"restarted.call('sum', 1, 2)", "int 3"})
	// The socket stays: another process might take its port between two servers.
	listener, err := takeOver(first.listener.(*net.TCPListener))
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	second, err := listenOn(listener, m.loop, codec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	afterTheLoss(t, client, class, "restarted", second)
}

func idleConnectionClosed(t *testing.T, m *matrix, class string) {
	server := m.ownServer(t, codec.Options{})
	client := m.client(t, class, m.served(t).addr, nil)
	define(t, client, "idle = at(%d)", portOf(t, server.addr))
	evalIn(t, client, expression{"idle.call('sum', 1, 2)", "int 3"})
	receive(t, server.accepted, "the connection").Close()
	receive(t, server.ended, "its end")
	afterTheLoss(t, client, class, "idle", server)
}

// afterTheLoss shows what the two classes make of a connection that has ended:
// an error each time for the one, an error once for the other.
func afterTheLoss(t *testing.T, client *python.Client, class, name string, server *goServer) {
	t.Helper()
	sum := name + ".call('sum', 1, 2)"
	lost := expression{sum, "raises ~(OSError|ConnectionResetError|BrokenPipeError): .*"}
	if class == rpcClient {
		evalIn(t, client, lost, expression{sum, "raises ~(OSError|BrokenPipeError): .*"},
			expression{fmt.Sprintf("at(%d).call('sum', 1, 2)", portOf(t, server.addr)), "int 3"})
		return
	}
	evalIn(t, client, lost, expression{sum, "int 3"}, expression{sum, "int 3"})
}

// define runs a Python statement.
func define(t *testing.T, client *python.Client, format string, args ...any) {
	t.Helper()
	statement := fmt.Sprintf(format, args...)
	if reply, err := client.Exec(statement); err != nil || !reply.OK {
		t.Fatalf("%s brings %s, %v", statement, reply, err)
	}
}
