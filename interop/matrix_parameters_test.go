package interop_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

// parameterRows are about how many parameters there are, not what they are.
func parameterRows() []row {
	rows := []row{
		textRow("parameters/struct fields", []call{
			{"sum", Addends{1, 2}, "int64 3"}, {"sum", &Addends{-1, 1}, "int64 0"},
		}, []expression{{"call('sum', 1, 2)", "int 3"}, {"call('Service.Sum', 1, 2)", "int 3"}, {"call('service.sum', 1, 2)", "int 3"}}),
		textRow("parameters/by name", nil, []expression{
			{"call('sum', {'X': 1, 'Y': 2})", "int 3"}, {"call('sum', {'y': 2, 'x': 1})", "int 3"},
			{"call('sum', {'X': 1, 'Z': 2})", raises("sum: want 2 parameters (X, Y), got one named Z")},
			{"call('sum', {'X': 1})", raises("sum: want 2 parameters (X, Y), got none named Y")},
		}, "an mprpc server has no parameters by name: a map is one positional parameter"),
		textRow("parameters/result of nothing", []call{{"none", nil, "<nil> <nil>"}, {"none", struct{}{}, "<nil> <nil>"}},
			[]expression{{"call('none')", "NoneType None"}}),
		textRow("parameters/codec.Request", nil, []expression{
			{"call('look')", "tuple ('look', 0, b'\\x90', False, '127.0.0.1')"},
			{"call('Service.Look', 1, 'a')", "tuple ('Service.Look', 2, b'\\x92\\x01\\xa1a', False, '127.0.0.1')"},
		}, "mprpc's handlers never see the request itself"),
		textRow("parameters/where the caller is", []call{{"where", nil, "~" + `\[\]interface {}\[string 127\.0\.0\.1, int64 \d+\]`}}, nil,
			"the client's view is the row codec.Request"),
	}
	for _, n := range []int{0, 1, 2, 16} {
		rows = append(rows, parameters(n))
	}
	return rows
}

// parameters passes the numbers below n, and lets the far side tell them.
func parameters(n int) row {
	args := codec.Args{}
	var fromGo, fromPython []string
	for i := range n {
		args = append(args, i)
		fromGo = append(fromGo, fmt.Sprintf("[]interface {}[string %d, string int]", i))
		fromPython = append(fromPython, fmt.Sprintf("'int64 %d'", i))
	}
	tuple := "(" + strings.Join(fromPython, ", ") + ")"
	if n == 1 {
		tuple = "(" + fromPython[0] + ",)"
	}
	return row{
		name: fmt.Sprint("parameters/", n),
		toMprpc: func(t *testing.T, m *matrix) {
			m.calls(t,
				call{"count", args, fmt.Sprint("int64 ", n)},
				call{"see", args, "[]interface {}[" + strings.Join(fromGo, ", ") + "]"})
			client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
			if got := ask[int](t, client, "count", args); got != fmt.Sprint("int ", n) {
				t.Errorf("count is %s", got)
			}
		},
		toGo: func(t *testing.T, m *matrix, class string) {
			m.eval(t, class,
				expression{fmt.Sprintf("call('count', *range(%d))", n), fmt.Sprint("int ", n)},
				expression{fmt.Sprintf("call('see', *range(%d))", n), "tuple " + tuple})
		},
	}
}
