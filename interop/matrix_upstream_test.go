package interop_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

// upstreamRows are the assertions of mprpc's own tests, tests/test_rpc.py in
// its source archive, each by the name of its test, with Go in the place of the
// client and of the server. Where they look at a mock of the socket, these look
// at the connection.
func upstreamRows() []row {
	return []row{
		upstream("test_open_and_close/client is connected", isConnected, nil),
		upstream("test_open_and_close/one connection is made", oneConnection, nil),
		upstream("test_open_and_close/close closes it", closes, nil),
		upstream("test_open_and_close/client is not connected", notConnected, nil),
		upstream("test_open_with_timeout/one connection is made", oneConnection, map[string]string{"timeout": "5.0"}),
		upstream("test_open_with_timeout/client is connected", isConnected, map[string]string{"timeout": "5.0"}),
		textRow("upstream/test_call/message", []call{{"echo", "message", "string message"}},
			[]expression{{"call('echo', 'message')", "str 'message'"}}),
		textRow("upstream/test_call/message a hundred times",
			[]call{{"echo", strings.Repeat("message", 100), show(strings.Repeat("message", 100))}},
			[]expression{{"call('echo', 'message' * 100)", "str " + cut("str", strings.Repeat("message", 100))}}),
		{
			name: "upstream/test_call/both on one connection",
			toMprpc: func(t *testing.T, m *matrix) {
				m.calls(t, call{"echo", "message", "string message"},
					call{"echo", strings.Repeat("message", 100), show(strings.Repeat("message", 100))})
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class, expression{"(lambda c: [c.call('echo', 'message' * n) == 'message' * n for n in (1, 100)])(connect())",
					"list [True, True]"})
			},
		},
		textRow("upstream/test_call_server_side_exception/raises RPCError with error msg",
			[]call{{"raise_error", nil, "error: error msg"}}, []expression{{"call('raise_error')", "raises RPCError: error msg"}}),
		{
			name: "upstream/test_call_socket_timeout/raises socket.timeout",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				x := &codec.Exchange{Args: codec.Args{"message", 1}, Reply: new(string)}
				client.Go("echo_delayed", x, nil, nil)
				<-ctx.Done()
				if !x.GiveUp(ctx.Err()) || !errors.Is(x.Err, context.DeadlineExceeded) {
					t.Errorf("the call ended with %v, want %v", x.Err, context.DeadlineExceeded)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class, expression{"connect(timeout=0.1).call('echo_delayed', 'message', 1)", timedOut})
			},
		},
		textRow("upstream/test_call_socket_timeout/without one",
			[]call{{"echo_delayed", codec.Args{"message", 0.05}, "string message"}},
			[]expression{{"call('echo_delayed', 'message', 0.05)", "str 'message'"}}),
	}
}

// An assertion is one of them in both directions; open makes the client in Go.
type assertion struct {
	toMprpc func(t *testing.T, open func() *rpc.Client)
	// toGo gets a Go server that has no other client than the variable up.
	toGo func(t *testing.T, client *python.Client, server *goServer)
}

func upstream(name string, a assertion, options map[string]string) row {
	return row{
		name: "upstream/" + name,
		toMprpc: func(t *testing.T, m *matrix) {
			a.toMprpc(t, func() *rpc.Client {
				dialer := net.Dialer{}
				if options != nil {
					dialer.Timeout = 5 * time.Second
				}
				conn, err := dialer.DialContext(t.Context(), "tcp", m.server(t, python.ServerOptions{}).Addr())
				if err != nil {
					t.Fatal(err)
				}
				client := codec.Options{Logger: quiet}.NewClient(conn)
				t.Cleanup(func() { client.Close() })
				return client
			})
		},
		toGo: func(t *testing.T, m *matrix, class string) {
			server := m.ownServer(t, codec.Options{})
			client := m.client(t, class, m.served(t).addr, nil)
			var more string
			for k, v := range options {
				more += ", " + k + "=" + v
			}
			define(t, client, "up%[1]d = at(%[1]d%[2]s)", portOf(t, server.addr), more)
			a.toGo(t, client, server)
		},
	}
}

// up is the variable's name; cells share the process but not the server.
func up(t *testing.T, server *goServer) string { return fmt.Sprint("up", portOf(t, server.addr)) }

var isConnected = assertion{
	func(t *testing.T, open func() *rpc.Client) {
		if got := ask[int](t, open(), "sum", codec.Args{1, 2}); got != "int 3" {
			t.Errorf("sum is %s", got)
		}
	},
	func(t *testing.T, client *python.Client, server *goServer) {
		evalIn(t, client, expression{up(t, server) + ".is_connected()", "bool True"}, expression{up(t, server) + ".call('sum', 1, 2)", "int 3"})
	},
}

// Two calls use one connection: the server sees the same port.
var oneConnection = assertion{
	func(t *testing.T, open func() *rpc.Client) {
		client := open()
		first, second := ask[any](t, client, "where", nil), ask[any](t, client, "where", nil)
		if first != second || !strings.HasPrefix(first, "[]interface {}[string 127.0.0.1, int64 ") {
			t.Errorf("calls came from %s and %s", first, second)
		}
	},
	func(t *testing.T, client *python.Client, server *goServer) {
		sum := expression{up(t, server) + ".call('sum', 1, 2)", "int 3"}
		evalIn(t, client, sum, sum)
		receive(t, server.accepted, "the connection")
		if n := len(server.accepted); n != 0 {
			t.Errorf("%d more connections", n)
		}
	},
}

var closes = assertion{
	func(t *testing.T, open func() *rpc.Client) {
		if err := open().Close(); err != nil {
			t.Error(err)
		}
	},
	func(t *testing.T, client *python.Client, server *goServer) {
		evalIn(t, client, expression{up(t, server) + ".close()", "NoneType None"})
		receive(t, server.ended, "the end of the connection")
	},
}

var notConnected = assertion{
	func(t *testing.T, open func() *rpc.Client) {
		client := open()
		client.Close()
		if err := try(t, client, "sum", codec.Args{1, 2}, nil); !errors.Is(err, rpc.ErrShutdown) {
			t.Errorf("after Close: %v, want %v", err, rpc.ErrShutdown)
		}
	},
	func(t *testing.T, client *python.Client, server *goServer) {
		evalIn(t, client, expression{up(t, server) + ".close()", "NoneType None"},
			expression{up(t, server) + ".is_connected()", "bool False"},
			expression{up(t, server) + ".call('sum', 1, 2)", "raises AttributeError: ~.*"})
	},
}
