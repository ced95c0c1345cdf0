package interop_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

// methodRows are about methods that are not there. An mprpc server closes the
// connection then; ours answers.
func methodRows() []row {
	return []row{
		noMethod("method/unknown", "nope", "call('nope')", "method not found: nope"),
		noMethod("method/empty name", "", "call('')", `method not found: ""`),
		noMethod("method/private", "_private", "call('_private')", "method not found: _private"),
		noMethod("method/special", "__class__", "call('__class__')", "method not found: __class__"),
		noMethod("method/of a method", "sum.__call__", "call('sum.__call__')", "method not found: sum.__call__"),
		noMethod("method/unexported", "_run", "call('gate')", "method not found: gate"),
		noMethod("method/not callable", "number", "call('done')", "method not found: done"),
		noMethod("method/with inherited name", "client_host", "call('register')", "method not found: register"),
		noMethod("method/outside ASCII", "メソッド", "call('メソッド')", "method not found: メソッド"),
		textRow("method/any callable attribute", []call{{"length", "abcd", "int64 4"}}, nil, "net/rpc serves methods alone"),
		textRow("method/name that services share", nil,
			[]expression{{"call('typed', 1)", raises("~method not found: typed is ambiguous, use .*bool.typed.*")}, nextExpr},
			"an mprpc server has one object"),
		textRow("method/name by alias", nil, []expression{{"call('écho', 'é')", "str 'é'"}, {"call('エコー', 1)", "int 1"}},
			"the names of a Python server are those of its methods"),
		textRow("method/name of no text", nil, []expression{
			{"call(None)", raises("method is nil, not text")}, nextExpr,
		}, "a method's name is text in Go"),
		{
			name: "method/notification",
			toMprpc: func(t *testing.T, m *matrix) {
				conn := dialRaw(t, m.server(t, python.ServerOptions{}).Addr())
				client := codec.Options{Logger: quiet}.NewClientCodec(conn)
				defer client.Close()
				if err := client.(codec.Notifier).Notify("sum", codec.Args{1, 2}); err != nil {
					t.Fatal(err)
				}
				if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("after a notification mprpc sent %d bytes and %v, want that it closes", n, err)
				}
			},
			omitted: "mprpc's clients have no notifications",
		},
	}
}

// noMethod calls a method that neither side has.
func noMethod(name, method, expr, text string) row {
	return row{
		name: name,
		toMprpc: func(t *testing.T, m *matrix) {
			addr := m.server(t, python.ServerOptions{}).Addr()
			want := fmt.Sprintf("codec: connection closed by peer before answering %q "+
				"(mprpc does this for an unknown method or a value that it cannot read)", method)
			check := func(err error) {
				t.Helper()
				if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("error %v, want io.ErrUnexpectedEOF and %s", err, want)
				}
			}
			check(try(t, m.dial(t, addr), method, nil, nil))
			check(wait(t, m.dial(t, addr).Go(method, nil, nil, nil)))
		},
		toGo: func(t *testing.T, m *matrix, class string) {
			m.eval(t, class, expression{expr, raises("%s", text)}, nextExpr)
			// The connection goes on.
			two := "(lambda c: (outcome(c.call, 'nope'), c.call('sum', 1, 2)))(connect())"
			m.eval(t, class, expression{two, "tuple ('RPCError: method not found: nope', 3)"})
		},
	}
}
