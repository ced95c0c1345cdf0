package python_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
)

// TestPythonToPython proves the harness with real peers on both sides: what it reports here is what mprpc does.
func TestPythonToPython(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	client := pythontest.Client(t, server.Addr(), python.ClientConfig{})
	for _, test := range []struct{ expr, want string }{
		{"call('sum', 1, 2)", "int 3"},
		{"call('sum', 'a', 'b')", "str 'ab'"},
		{"call('echo', 2**64-1)", "int 18446744073709551615"},
		{"call('echo', [1, (2.5, None, True), {'k': b'\\xff'}])", "tuple (1, (2.5, None, True), {'k': b'\\xff'})"},
		{"call('echo', ExtType(5, b'x'))", "ExtType ExtType(code=5, data=b'x')"},
		{"call('none')", "NoneType None"},
		{"call('count', *range(20))", "int 20"},
		{"call('see', 1, 'a', [b'b'])", `tuple (('1', 'int'), ("'a'", 'str'), ("(b'b',)", 'tuple'))`},
		{"call('value', 'OrderedDict(z=1, a=Point(2, 3))')", "dict {'z': 1, 'a': (2, 3)}"},
		{"call('nap', 0, 'slept')", "str 'slept'"},
		{"call('where')[0]", "str '127.0.0.1'"},
		{"call('length', 'abcd')", "int 4"},
		{"call('echo', 'message' * 20) == 'message' * 20", "bool True"},
		{"call('echo_delayed', 'message', 0)", "str 'message'"},
		{"call('big', 300)", "str str len=300 sha256=0d4e2ca9e9cbced7a7a5380eb29e1a3783b9b6d0db72de36a1051038e1c1fbc7"},
		{"call('raise_error')", "raises RPCError: error msg"},
		{"call('fail', 'KeyError', 'k')", "raises RPCError: 'k'"},
		{"call('fail', 'Exception', '')", "NoneType None"},
		{"call('sum', 1)", "raises RPCError: Server.sum() missing 1 required positional argument: 'y'"},
		{"call('nosuch')", "raises OSError: Connection closed"},
		{"reopen().call('sum', 1, 2)", "int 3"},
		{"call('fail', 'gevent.Timeout', 1)", "raises OSError: Connection closed"},
		{"reopen() and client.is_connected()", "bool True"},
		{"call('number')", "raises OSError: Connection closed"},
		{"1 / 0", "raises ZeroDivisionError: division by zero"},
		{"sys.exit(3)", "raises SystemExit: 3"},
		{"print('not a reply')", "NoneType None"},
	} {
		reply, err := client.Eval(test.expr)
		if err != nil {
			t.Fatal(err)
		}
		// Python 3.9 and earlier leave the class out of the arity text.
		want := test.want
		if strings.HasPrefix(reply.Text, "sum()") {
			want = strings.Replace(want, "Server.sum()", "sum()", 1)
		}
		if reply.String() != want {
			t.Errorf("%s is %q, want %q", test.expr, reply, want)
		}
	}
}

func TestReplyCarriesTheBaseClasses(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	client := pythontest.Client(t, server.Addr(), python.ClientConfig{Options: map[string]any{"timeout": 0.5}})
	got := eval(t, client, "call('nap', 30, None)")
	if !strings.Contains(" "+strings.Join(got.MRO, " ")+" ", " OSError ") {
		t.Errorf("a time-out has the classes %q, want OSError among them", got.MRO)
	}
	got = eval(t, client, "call('echo', {1})")
	want := python.Reply{Error: "TypeError", Text: "can not serialize 'set' object",
		MRO: []string{"TypeError", "Exception", "BaseException", "object"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
}

func TestPooledClients(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	client := pythontest.Client(t, server.Addr(), python.ClientConfig{
		Class: "RPCPoolClient", Pool: map[string]any{"max_connections": 5, "initial_connections": 2}})
	for expr, want := range map[string]string{
		"type(client).__name__":                                      "str 'RPCPoolClient'",
		"greenlets(5, lambda i: pooled('sum', i, i))":                "list [0, 2, 4, 6, 8]",
		"greenlets(2, lambda i: outcome(pooled, 'raise_error'))":     "list ['RPCError: error msg', 'RPCError: error msg']",
		"connect(lifetime=10).call('sum', 1, 2) + call('sum', 3, 4)": "int 10",
	} {
		if got := eval(t, client, expr).String(); got != want {
			t.Errorf("%s is %q, want %q", expr, got, want)
		}
	}
	if reply, err := client.Exec("def twice(x):\n    return call('sum', x, x)"); err != nil || !reply.OK {
		t.Fatalf("Exec: %v, %v", reply, err)
	}
	if got := eval(t, client, "[twice(i) for i in range(3)]").String(); got != "list [0, 2, 4]" {
		t.Errorf("a function of an earlier statement gives %q", got)
	}
}

func TestServerOptionsReachMprpc(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{Options: map[string]any{
		"pack_encoding": "latin-1", "unpack_encoding": "latin-1", "tcp_no_delay": true,
		"pack_params": map[string]any{"use_bin_type": false}, "unpack_params": map[string]any{"use_list": true}}})
	client := pythontest.Client(t, server.Addr(), python.ClientConfig{Options: map[string]any{
		"pack_encoding": "latin-1", "unpack_encoding": nil}})
	if got, want := eval(t, client, `call('echo', '\xe9')`).String(), `bytes b'\xe9'`; got != want {
		t.Errorf("latin-1 echo is %q, want %q", got, want)
	}
	if got, want := eval(t, client, "call('see', [])").Repr, "((b'[]', b'list'),)"; got != want {
		t.Errorf("with use_list the server saw %q, want %q", got, want)
	}
}

// A server can come back at the address that it had.
func TestServerAtTheSamePort(t *testing.T) {
	first := pythontest.Server(t, python.ServerOptions{})
	client := pythontest.Client(t, first.Addr(), python.ClientConfig{})
	before := eval(t, client, "call('pid')").Repr
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(first.Addr(), ":")
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	second := pythontest.Server(t, python.ServerOptions{Port: port})
	if second.Addr() != first.Addr() {
		t.Fatalf("the second server listens on %s, want %s", second.Addr(), first.Addr())
	}
	if after := eval(t, client, "reopen().call('pid')").Repr; after == before {
		t.Errorf("both servers have the pid %s", after)
	}
}

func TestVersions(t *testing.T) {
	versions := pythontest.Need(t).Versions()
	if versions["mprpc"] != "0.1.17" || versions["msgpack"] != "0.6.2" || versions["gsocketpool"] != "0.1.6" ||
		versions["gevent"] == "" || versions["python"] == "" {
		t.Errorf("versions are %v", versions)
	}
}

func eval(t *testing.T, client *python.Client, expr string) python.Reply {
	t.Helper()
	reply, err := client.Eval(expr)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}
