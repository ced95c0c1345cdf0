package interop_test

import (
	"errors"
	"net/rpc"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

// After every error the same connection must take the next call.
var (
	nextCall = call{"sum", codec.Args{1, 2}, "int64 3"}
	nextExpr = expression{"call('sum', 1, 2)", "int 3"}
)

// errorRows are about errors that are answers: the connection goes on.
func errorRows() []row {
	return []row{
		exception("exception/with text", "boom", "boom"),
		exception("exception/with text outside ASCII", "é日😀", "é日😀"),
		exception("exception/with lines and quotes", "two\n'lines' %s", "two\n'lines' %s"),
		exception("exception/with long text", strings.Repeat("é", 1000), strings.Repeat("é", 1000)),
		{
			name: "exception/with empty text",
			toMprpc: func(t *testing.T, m *matrix) {
				failIn(t, m, codec.Args{"Exception", ""}, &codec.Error{Raw: []byte{0xa0}}, "peer reported an error without text")
			},
			// errors.New("") is no error to net/rpc itself; the other one is ours to send, and all are in a Mux.
			toGo: func(t *testing.T, m *matrix, class string) {
				want := "str 'no error'"
				if m.loop == byMux {
					want = raises("*errors.errorString without text")
				}
				m.eval(t, class, expression{"call('fail', '')", want},
					expression{"call('fail_with', 0, '')", raises("peer reported an error without text")}, nextExpr)
			},
		},
		textRow("exception/of other kinds", []call{
			{"fail", codec.Args{"KeyError", "k"}, "error: 'k'"},
			{"fail", codec.Args{"ValueError", "a", 1}, "error: ('a', 1)"},
			{"fail", codec.Args{"ValueError", nil}, "error: None"},
			{"fail", codec.Args{"ValueError", 5}, "error: 5"}, nextCall,
		}, []expression{{"call('fail_with', 7, 'boom')", raises("boom")}, {"call('fail_with', 7, '')", raises("error 7")}, nextExpr}),
		{
			name: "exception/as code and message",
			toGo: func(t *testing.T, m *matrix, class string) {
				for _, test := range []struct {
					name string
					form codec.ErrorForm
					want string
				}{{"pair", codec.ErrorPair, "(7, 'boom')"}, {"map", codec.ErrorMap, "{'code': 7, 'message': 'boom'}"}} {
					s := m.servedWith(t, test.name, codec.Options{Errors: test.form})
					client := m.client(t, class, s.addr, nil)
					// The order of a Go map's keys is not known.
					expr := "sorted(eval(outcome(call, 'fail_with', 7, 'boom')[len('RPCError: '):]))"
					if test.form == codec.ErrorPair {
						expr = "eval(outcome(call, 'fail_with', 7, 'boom')[len('RPCError: '):])"
						evalIn(t, client, expression{expr, "tuple " + test.want})
						continue
					}
					evalIn(t, client, expression{expr, "list ['code', 'message']"})
				}
			},
			omitted: "an exception's text is all that an mprpc server sends",
		},
		textRow("arity/too few", []call{
			{"sum", codec.Args{1}, `error: ~(Server\.)?sum\(\) missing 1 required positional argument: 'y'`}, nextCall,
		}, []expression{{"call('sum', 1)", raises("sum: want 2 parameters (X, Y), got 1")}, nextExpr}),
		textRow("arity/too many", []call{
			{"sum", codec.Args{1, 2, 3}, `error: ~(Server\.)?sum\(\) takes 3 positional arguments but 4 were given`}, nextCall,
		}, []expression{{"call('sum', 1, 2, 3)", raises("sum: want 2 parameters (X, Y), got 3")}, nextExpr}),
		textRow("arity/none for two", []call{
			{"sum", nil, `error: ~(Server\.)?sum\(\) missing 2 required positional arguments: 'x' and 'y'`}, nextCall,
		}, []expression{{"call('sum')", raises("sum: want 2 parameters (X, Y), got 0")}, nextExpr}),
		textRow("arity/one for none", []call{
			{"none", codec.Args{1}, `error: ~(Server\.)?none\(\) takes 1 positional argument but 2 were given`}, nextCall,
		}, []expression{{"call('none', 1)", raises("~none: want no parameters, got 1")}, nextExpr}),
		textRow("type/wrong", []call{
			{"sum", codec.Args{1, "two"}, `error: unsupported operand type(s) for +: 'int' and 'str'`}, nextCall,
		}, []expression{
			{"call('sum', 1, 'two')", raises("sum: parameter 2 (Y): text does not fit int")},
			{"call('sum', 1, 1.5)", raises("sum: parameter 2 (Y): float 1.5 does not fit int")},
			{"call('sum', 1, None)", raises("sum: parameter 2 (Y): nil does not fit int")},
			{"call('ints.typed', [1, [2]])", raises("ints.typed: parameter 1[1]: list does not fit int")}, nextExpr,
		}),
		{
			name: "type/number out of range",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
				for got, want := range map[string]string{
					ask[int8](t, client, "value", "128"):                       "failure: codec: value: result: 128 does not fit int8",
					ask[uint64](t, client, "value", "-1"):                      "failure: codec: value: result: -1 does not fit uint64",
					ask[float32](t, client, "value", "1e300"):                  "failure: codec: value: result: float 1e+300 does not fit float32",
					ask[[]int8](t, client, "value", "[1, 300]"):                "failure: codec: value: result: [1]: 300 does not fit int8",
					ask[map[string]int8](t, client, "value", "{'a': 128}"):     "failure: codec: value: result: [a]: 128 does not fit int8",
					ask[[]User](t, client, "value", "[{'id': 2**64-1}]"):       "failure: codec: value: result: [0].id: 18446744073709551615 does not fit int64",
					ask[int](t, client, "value", "2**63"):                      "failure: codec: value: result: 9223372036854775808 does not fit int",
					ask[int](t, client, "sum", codec.Args{uint64(1 << 62), 1}): "int 4611686018427387905",
				} {
					if got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class,
					expression{"call('int8.typed', 128)", raises("int8.typed: parameter 1: 128 does not fit int8")},
					expression{"call('uint64.typed', -1)", raises("uint64.typed: parameter 1: -1 does not fit uint64")},
					expression{"call('float32.typed', 1e300)", raises("float32.typed: parameter 1: float 1e+300 does not fit float32")},
					expression{"call('counts.typed', {'a': 2**63})", raises("counts.typed: parameter 1[a]: 9223372036854775808 does not fit int")},
					expression{"call('users.typed', [{'id': 2**64-1}])", raises("users.typed: parameter 1[0].id: 18446744073709551615 does not fit int64")},
					nextExpr)
			},
		},
		{
			name: "type/result for a plain rpc.Client",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
				var text string
				err := wait(t, client.Go("sum", codec.Args{1, 2}, &text, nil))
				if err == nil || !strings.Contains(err.Error(), "3 does not fit string") || !strings.Contains(err.Error(), "codec.Exchange") {
					t.Errorf("error %v", err)
				}
				// net/rpc has ended the client, or is about to and the codec knows.
				if err := wait(t, client.Go("sum", codec.Args{1, 2}, nil, nil)); !errors.Is(err, rpc.ErrShutdown) && !errors.Is(err, codec.ErrNotSent) {
					t.Errorf("the call after it: %v, want %v or %v", err, rpc.ErrShutdown, codec.ErrNotSent)
				}
			},
			omitted: "a result always fits in Python",
		},
		textRow("type/nil for a number", []call{{"none", nil, "<nil> <nil>"}, nextCall},
			[]expression{{"call('int.typed', None)", raises("int.typed: parameter 1: nil does not fit int")}, nextExpr}),
		{
			name: "type/bytes as a map key",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
				got := ask[any](t, client, "value", "{b'k': 1}")
				if want := "failure: codec: value: result: bytes cannot be a map key in Go"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if got, want := ask[map[string]int](t, client, "value", "{b'k': 1}"), "map[string]int map[k:1]"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class,
					expression{"call('echo', {b'k': 1})", raises("echo: parameter 1: bytes cannot be a map key in Go")},
					expression{"call('counts.typed', {b'k': 1})", "tuple ('map[string]int map[k:1]', {'k': 1})"}, nextExpr)
			},
		},
		{
			name: "sending/argument that cannot be sent",
			toMprpc: func(t *testing.T, m *matrix) {
				m.calls(t,
					call{"echo", codec.Args{"\xff"}, "failure: codec: echo: parameter 1: text is not valid UTF-8; use []byte for bytes"},
					call{"echo", codec.Args{make(chan int)}, `failure: codec: echo: parameter 1: ~.*chan int.*`}, nextCall)
			},
			// The id of a call that cannot be packed is used up in mprpc, too.
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class,
					expression{"call('echo', {1})", "raises TypeError: can not serialize 'set' object"},
					expression{"call('echo', 2**64)", "raises OverflowError: ~.*"},
					expression{"call('echo', '\\ud800')", "raises UnicodeEncodeError: ~.*"},
					expression{"call('echo', datetime.datetime(2024, 2, 29))", "raises TypeError: ~.*datetime.*"}, nextExpr)
			},
		},
		textRow("sending/result that cannot be sent", []call{
			{"value", "{1}", `failure: codec: connection closed by peer before answering "value" ~.*`},
		}, []expression{
			{"call('give_broken')", raises("give_broken: result cannot be sent: text is not valid UTF-8; use []byte for bytes")}, nextExpr,
		}),
	}
}

// exception is raised with a text by either side.
func exception(name, text, want string) row {
	return row{
		name: name,
		toMprpc: func(t *testing.T, m *matrix) {
			raw, err := msgpack.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			failIn(t, m, codec.Args{"ValueError", text}, &codec.Error{Message: want, Raw: raw}, want)
		},
		toGo: func(t *testing.T, m *matrix, class string) {
			client := m.client(t, class, m.served(t).addr, nil)
			reply, err := client.Eval("call('fail', bytes.fromhex('" + hexOf(text) + "').decode())")
			if err != nil {
				t.Fatal(err)
			}
			wantReply := python.Reply{Error: "RPCError", Text: want, MRO: []string{"RPCError", "Exception", "BaseException", "object"}}
			if diff := cmp.Diff(wantReply, reply); diff != "" {
				t.Errorf("Python caught (-want +got):\n%s", diff)
			}
			evalIn(t, client, nextExpr)
		},
	}
}

// failIn has an mprpc server raise an exception, once through an Exchange and
// once for a plain rpc.Client.
func failIn(t *testing.T, m *matrix, args codec.Args, want *codec.Error, text string) {
	t.Helper()
	client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
	err := try(t, client, "fail", args, nil)
	var got *codec.Error
	if !errors.As(err, &got) {
		t.Fatalf("error is a %T: %v", err, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || got.Error() != text {
		t.Errorf("error %v, (-want +got):\n%s", got, diff)
	}
	err = wait(t, client.Go("fail", args, new(any), nil))
	if plain, ok := err.(rpc.ServerError); !ok || plain.Error() != text {
		t.Errorf("a plain rpc.Client gets the %T %v, want the rpc.ServerError %s", err, err, text)
	}
	if got := ask[int](t, client, "sum", codec.Args{1, 2}); got != "int 3" {
		t.Errorf("the call after it brings %s", got)
	}
}
