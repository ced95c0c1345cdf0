package interop_test

import (
	"errors"
	"fmt"
	"net/rpc"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/rpcutil"
)

const callers = 64

// sharingRows are about many callers at once.
func sharingRows() []row {
	return []row{
		{name: "sharing/64 callers", toMprpc: manyOnOneConnection, toGo: manyGreenlets, goToGo: manyGoToGo},
		{
			name: "sharing/64 calls in progress at once",
			toGo: func(t *testing.T, m *matrix, class string) {
				server := m.served(t)
				name := class + " at once"
				gate := server.service.gate(name)
				client := m.client(t, class, server.addr, nil)
				done := make(chan string, 1)
				go func() {
					reply, err := client.Eval(fmt.Sprintf("set(greenlets(%d, lambda i: call('hold', '%s')))", callers, name))
					done <- fmt.Sprint(reply, err)
				}()
				for range callers {
					receive(t, gate.entered, "a call's arrival")
				}
				close(gate.open)
				if got := receive(t, done, "the replies"); got != "set {'held'} <nil>" {
					t.Errorf("the greenlets brought %s", got)
				}
			},
			omitted: "an mprpc server takes one call of a connection at a time; the row 64 callers shares one",
		},
		{
			// On net/rpc's own codec this works, so it must on ours.
			name:    "sharing/first call waits for the second",
			goToGo:  firstWaitsForSecond,
			toGo:    firstGreenletWaits,
			omitted: "an mprpc server answers the calls of a connection one after the other",
		},
		{
			name:    "sharing/one request in flight",
			toMprpc: oneInFlight,
			omitted: "mprpc's clients send one at a time",
		},
	}
}

// manyCalls makes ten sums in each of 64 goroutines.
func manyCalls(t *testing.T, client *rpc.Client) {
	outcomes := make(chan string, callers) // goroutines may outlive a test that fails
	for i := range callers {
		go func() {
			outcome := ""
			for j := range 10 {
				sum := -1
				x := &codec.Exchange{Args: codec.Args{i, j}, Reply: &sum}
				if err := errors.Join(client.Call("sum", x, nil), x.Err); err != nil || sum != i+j {
					outcome = fmt.Sprintf("%d + %d is %d, %v", i, j, sum, err)
				}
			}
			outcomes <- outcome
		}()
	}
	for range callers {
		if wrong := receive(t, outcomes, "all sums"); wrong != "" {
			t.Error(wrong)
		}
	}
}

func manyOnOneConnection(t *testing.T, m *matrix) {
	manyCalls(t, m.dial(t, m.server(t, python.ServerOptions{}).Addr()))
}

func manyGoToGo(t *testing.T, m *matrix) { manyCalls(t, m.dial(t, m.served(t).addr)) }

func manyGreenlets(t *testing.T, m *matrix, class string) {
	expr := fmt.Sprintf("greenlets(%[1]d, lambda i: [call('sum', i, j) for j in range(10)]) == "+
		"[[i + j for j in range(10)] for i in range(%[1]d)]", callers)
	m.eval(t, class, expression{expr, "bool True"})
}

func firstWaitsForSecond(t *testing.T, m *matrix) {
	client := dial(t, m.served(t).addr, codec.Options{Names: rpcutil.SnakeCase})
	var reply string
	first := client.Go("Service.Hold", "go to go", &reply, nil)
	if err := wait(t, client.Go("Service.Open", "go to go", new(struct{}), nil)); err != nil {
		t.Error(err)
	}
	if err := wait(t, first); err != nil || reply != "held" {
		t.Errorf("the first call brings %q, %v", reply, err)
	}
}

func firstGreenletWaits(t *testing.T, m *matrix, class string) {
	expr := "greenlets(2, lambda i: call('hold', '%[1]s waits') if i == 0 else call('open', '%[1]s waits'))"
	m.eval(t, class, expression{fmt.Sprintf(expr, class), "list ['held', None]"})
}

// oneInFlight shows that Auto keeps to lock step with mprpc, also after answers
// that might have opened it: the next request waits for the reply.
func oneInFlight(t *testing.T, m *matrix) {
	addr := m.server(t, python.ServerOptions{}).Addr()
	for name, pipeline := range map[string]codec.Pipelining{"Auto": codec.Auto, "Never": codec.Never} {
		counting := &codectest.CountingConn{Conn: dialRaw(t, addr)}
		client := codec.Options{Pipeline: pipeline, Logger: quiet}.NewClient(counting)
		for range 2 {
			if got := ask[int](t, client, "sum", codec.Args{1, 2}); got != "int 3" {
				t.Errorf("%s: sum is %s", name, got)
			}
		}
		calls := []*rpc.Call{client.Go("nap", codec.Args{60, "slept"}, nil, nil)}
		for range 5 {
			calls = append(calls, client.Go("sum", codec.Args{1, 2}, nil, nil))
		}
		if got := counting.Writes(); got != 3 {
			t.Errorf("%s: %d requests were written, want 3", name, got)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		for _, c := range calls {
			if err := wait(t, c); !errors.Is(err, rpc.ErrShutdown) && !strings.Contains(fmt.Sprint(err), "shut down") {
				t.Errorf("%s: after Close: %v", name, err)
			}
		}
	}
}
