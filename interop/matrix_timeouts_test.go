package interop_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

// timeoutRows are about calls whose answer comes too late, and the next ones.
func timeoutRows() []row {
	return []row{
		{name: "time-out/reply comes late", toMprpc: replyComesLate, toGo: replyAfterTimeout},
		{
			name:    "time-out/reply never comes",
			toMprpc: replyNeverComes,
			toGo: func(t *testing.T, m *matrix, class string) {
				server := m.ownServer(t, codec.Options{})
				client := m.client(t, class, m.served(t).addr, nil)
				define(t, client, "never = at(%d, timeout=0.5)", portOf(t, server.addr))
				evalIn(t, client, expression{"never.call('hold', 'k')", timedOut})
				if class == rpcClient { // still waits for the first reply; only a new client helps
					evalIn(t, client, expression{"never.call('hold', 'k')", timedOut})
				}
				define(t, client, "never = at(%d)", portOf(t, server.addr))
				evalIn(t, client, expression{"never.call('sum', 1, 2)", "int 3"})
			},
		},
		{
			name: "time-out/given up in the queue",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
				first := client.Go("nap", codec.Args{0.1, "slept"}, new(string), nil)
				// Were it sent, the server would close the connection.
				x := &codec.Exchange{Args: nil}
				second := client.Go("nope", x, nil, nil)
				if !x.GiveUp(errPatience) {
					t.Error("given up too late")
				}
				if err := errors.Join(wait(t, first), wait(t, second)); err != nil || x.Err != errPatience {
					t.Errorf("errors %v and %v", err, x.Err)
				}
				if got := ask[int](t, client, "sum", codec.Args{1, 2}); got != "int 3" {
					t.Errorf("the call after it brings %s", got)
				}
			},
			omitted: "an mprpc client has no queue",
		},
	}
}

var errPatience = errors.New("out of patience")

// timedOut is what a socket's time-out is to Python, by different names.
const timedOut = "raises ~(timeout|TimeoutError): timed out"

// A reply that comes after the caller has given up is dropped, and the
// connection takes the next call.
func replyComesLate(t *testing.T, m *matrix) {
	client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
	reply := "untouched"
	x := &codec.Exchange{Args: codec.Args{0.2, "slept"}, Reply: &reply}
	late := client.Go("nap", x, nil, nil)
	if !x.GiveUp(errPatience) || x.Err != errPatience {
		t.Errorf("given up with %v", x.Err)
	}
	if got := ask[int](t, client, "sum", codec.Args{1, 2}); got != "int 3" {
		t.Errorf("the call after it brings %s", got)
	}
	if err := wait(t, late); err != nil || reply != "untouched" || x.Err != errPatience {
		t.Errorf("after the reply: %v, %q, %v", err, reply, x.Err)
	}
}

// After LockStepGrace the connection ends, so that the calls behind are not
// held up for ever.
func replyNeverComes(t *testing.T, m *matrix) {
	client := dial(t, m.server(t, python.ServerOptions{}).Addr(), codec.Options{LockStepGrace: 50 * time.Millisecond})
	x := &codec.Exchange{Args: codec.Args{60, "slept"}, Reply: new(string)}
	never := client.Go("nap", x, nil, nil)
	queued := &codec.Exchange{Args: codec.Args{1, 2}}
	behind := client.Go("sum", queued, nil, nil)
	if !x.GiveUp(errPatience) {
		t.Error("given up too late")
	}
	if err := errors.Join(wait(t, never), wait(t, behind)); err != nil || x.Err != errPatience {
		t.Errorf("errors %v and %v", err, x.Err)
	}
	if err := queued.Err; !errors.Is(err, codec.ErrNotSent) || !strings.Contains(err.Error(), "LockStepGrace") {
		t.Errorf("the call behind it gets %v", err)
	}
}

// replyAfterTimeout: an RPCClient takes each late reply for the next one and
// never recovers; an RPCPoolClient connects anew.
func replyAfterTimeout(t *testing.T, m *matrix, class string) {
	server := m.ownServer(t, codec.Options{})
	client := m.client(t, class, m.served(t).addr, nil)
	define(t, client, "late = at(%d, timeout=0.5)", portOf(t, server.addr))
	evalIn(t, client, expression{"late.call('hold', '1')", timedOut})
	answer := func(name string) {
		t.Helper()
		close(server.service.gate(name).open)
		receive(t, server.wrote, "the late reply to "+name)
	}
	answer("1")
	if class == poolClient {
		evalIn(t, client, expression{"late.call('sum', 1, 2)", "int 3"})
		return
	}
	evalIn(t, client, expression{"late.call('hold', '2')", raises("Invalid Message ID")})
	receive(t, server.service.gate("2").entered, "the second call") // its reply must not overtake it
	answer("2")
	evalIn(t, client, expression{"late.call('hold', '3')", raises("Invalid Message ID")})
}
