package interop_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/go-mprpc/mprpc/interop/python"
)

// A row of the matrix is one case in all directions. One of the first two that
// the peers cannot express is nil, and omitted says why.
type row struct {
	name string

	// toMprpc has Go call a real mprpc server.
	toMprpc func(t *testing.T, m *matrix)
	// toGo has a real mprpc client of the given class, RPCClient or
	// RPCPoolClient, call Go.
	toGo func(t *testing.T, m *matrix, class string)
	// goToGo has this module on both sides; for the few cases about net/rpc itself.
	goToGo func(t *testing.T, m *matrix)

	omitted string
}

const (
	rpcClient  = "RPCClient"
	poolClient = "RPCPoolClient"
)

// TestMatrix runs every row in every direction, all cells in parallel. Peers
// with the same options are started once and shared.
func TestMatrix(t *testing.T) {
	m := newMatrix(t, byCodec)
	rows := slices.Concat(parameterRows(), valueRows(), errorRows(), methodRows(), limitRows(), troubleRows(),
		timeoutRows(), sharingRows(), encodingRows(), upstreamRows())
	names := map[string]bool{}
	for _, r := range rows {
		if names[r.name] {
			t.Errorf("two rows have the name %s", r.name)
		}
		names[r.name] = true
		if all := r.toMprpc != nil && r.toGo != nil; all == (r.omitted != "") {
			t.Errorf("row %s: a direction is missing without a reason, or the reverse", r.name)
		}
	}
	t.Run("GoToMprpc", func(t *testing.T) {
		for _, r := range rows {
			if r.toMprpc != nil {
				cell(t, r.name, func(t *testing.T) { r.toMprpc(t, m) })
			}
		}
	})
	// Whatever serves in Go, Python sees the same.
	for _, served := range []struct {
		m    *matrix
		name string
	}{{m, ""}, {newMatrix(t, byServer), "Server"}, {newMatrix(t, byMux), "Mux"}} {
		for _, class := range []string{rpcClient, poolClient} {
			t.Run(class+"ToGo"+served.name, func(t *testing.T) {
				for _, r := range rows {
					if r.toGo != nil {
						cell(t, r.name, func(t *testing.T) { r.toGo(t, served.m, class) })
					}
				}
			})
		}
	}
	t.Run("GoToGo", func(t *testing.T) {
		for _, r := range rows {
			if r.goToGo != nil {
				cell(t, r.name, func(t *testing.T) { r.goToGo(t, m) })
			}
		}
	})
	for _, r := range rows {
		if r.omitted != "" {
			t.Logf("one direction only: %s: %s", r.name, r.omitted)
		}
	}
}

func cell(t *testing.T, name string, run func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		run(t)
	})
}

// A call is one call in Go together with what Python must see of it.
type call struct {
	method string
	args   any
	want   string // what came back, as show gives it, or "error: " and its text
}

// calls makes calls on a connection of their own, one after the other: whatever
// one of them brings, the next is not harmed.
func (m *matrix) calls(t *testing.T, list ...call) {
	t.Helper()
	client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
	for _, c := range list {
		if got := ask[any](t, client, c.method, c.args); !match(c.want, got) {
			t.Errorf("%s(%s) brings\n%s, want\n%s", c.method, show(c.args), got, c.want)
		}
	}
}

// An expression is Python text together with the reply that it must bring, as
// python.Reply's String gives it.
type expression struct{ expr, want string }

// eval evaluates expressions one after the other in the client of that class.
func (m *matrix) eval(t *testing.T, class string, list ...expression) {
	t.Helper()
	evalIn(t, m.client(t, class, m.served(t).addr, nil), list...)
}

func evalIn(t *testing.T, client *python.Client, list ...expression) {
	t.Helper()
	for _, e := range list {
		reply, err := client.Eval(e.expr)
		if err != nil {
			t.Fatal(err)
		}
		if !match(e.want, reply.String()) {
			t.Errorf("%s brings\n%s, want\n%s", e.expr, reply, e.want)
		}
	}
}

// textRow is a row of calls and expressions, each with its outcome as text.
func textRow(name string, toMprpc []call, toGo []expression, omitted ...string) row {
	r := row{name: name, omitted: cmp.Or(omitted...)}
	if len(toMprpc) > 0 {
		r.toMprpc = func(t *testing.T, m *matrix) { m.calls(t, toMprpc...) }
	}
	if len(toGo) > 0 {
		r.toGo = func(t *testing.T, m *matrix, class string) { m.eval(t, class, toGo...) }
	}
	return r
}
