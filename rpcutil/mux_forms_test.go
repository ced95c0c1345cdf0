package rpcutil_test

import (
	"context"
	"encoding"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

type (
	lists    []lists
	pointers *pointers
	tree     struct {
		Children map[string]*tree
		Any      fmt.Stringer
		hidden   chan int
		Out      func() `msgpack:"-"`
		When     time.Time
	}
	chanField struct{ C []map[string]chan int }
)

func TestMuxLooksThroughTypes(t *testing.T) {
	_ = tree{}.hidden
	for want, fn := range map[string]any{
		"":  func(lists) {},
		" ": func(tree, error, any, *time.Time) *tree { return nil },
		"a pointer to nothing but pointers, so it cannot be a parameter": func(pointers) {},
		"chan int cannot be sent, so it cannot be a result":              func() *chanField { return nil },
		"chan int cannot be sent, so it cannot be a parameter":           func(map[int]chanField) {},
		"uintptr cannot be sent, so it cannot be a parameter":            func(map[uintptr]int) {},
		"  ": func([]fmt.Stringer, encoding.TextUnmarshaler) {}, // F8: a registered extension may be one
		"codec.Request can only be the only parameter": func(int, *codec.Request) {},
		"value.Args can only be the only parameter":    func(codec.Args, int) {},
	} {
		err := new(rpcutil.Mux).HandleMethod(rpcutil.Method{Name: "m", Func: fn})
		if (err == nil) != (strings.TrimSpace(want) == "") || !strings.Contains(errText(err), strings.TrimSpace(want)) {
			t.Errorf("%T: %v, want %q", fn, err, want)
		}
	}
}

type svc struct{}

func (svc) Sum(args Args, reply *int) error           { *reply = args.X + args.Y; return nil }
func (svc) Raw(r *codec.Request, reply *string) error { *reply = r.Method; return nil }
func (svc) Ctx(ctx context.Context, args point, reply *int) error {
	*reply = args.X * args.Y
	return ctx.Err()
}

func TestMuxServesNetRPCsFormAndWholeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		m.Handle("sum", svc{}.Sum)
		m.Handle("raw", svc{}.Raw)
		m.Handle("request", func(r codec.Request) int { return r.Params.Len() })
		m.Handle("pointer", func(ctx context.Context, r *codec.Request) (string, error) { return r.Method, ctx.Err() })
		m.Handle("args", func(args codec.Args) any { return []any(args) })
		if err := m.RegisterName("Svc", svc{}); err != nil {
			t.Fatal(err)
		}
		client := served(t, &m, codec.Options{})
		for method, want := range map[string]any{
			"sum": int64(7), "svc.sum": int64(7), "svc.ctx": int64(12), "raw": "raw", "svc.raw": "svc.raw",
			"request": int64(2), "pointer": "pointer", "args": []any{int64(3), int64(4)},
		} {
			got, err := rpcutil.Call[any](t.Context(), client, method, 3, 4)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v %s", method, err, diff)
			}
		}
		var list []struct {
			Name   string `msgpack:"name"`
			Params []any  `msgpack:"params"`
		}
		if err := client.Call("rpc.methods", nil, &list); err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			if want := map[string]int{"sum": 2, "Svc.Sum": 2, "ctx": 2}[i.Name]; len(i.Params) != want {
				t.Errorf("%s has %d parameters", i.Name, len(i.Params))
			}
		}
	})
}

// Shop has methods that nobody means to serve, of its own and of others.
type Shop struct {
	sync.Mutex
	http.Client
	shopBase
}
type shopBase struct{ *http.Server }

func (*Shop) Buy(what string) string     { return what }
func (*Shop) Head(what string) string    { return "own " + what } // in the place of http.Client's: left out as well
func (*Shop) Close() error               { return nil }
func (*Shop) String() string             { return "" }
func (*Shop) UnmarshalText([]byte) error { return nil }

// Mixed has a method of net/rpc's form, so that others need a context.
type Mixed struct{}

func (Mixed) Form(int, *int) error                 { return nil }
func (Mixed) Close(int, *int) error                { return nil } // of the form, so it is meant
func (Mixed) Helper(int) int                       { return 0 }
func (Mixed) WithContext(context.Context, int) int { return 0 }

func TestRegisterLeavesOutWhatIsNotMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		for _, rcvr := range []any{new(Shop), Mixed{}} {
			if err := m.Register(rcvr); err != nil {
				t.Fatal(err)
			}
		}
		client := served(t, &m, codec.Options{})
		var list []struct {
			Name string `msgpack:"name"`
		}
		if err := client.Call("rpc.methods", nil, &list); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range list {
			names = append(names, i.Name)
		}
		want := []string{"buy", "close", "form", "with_context"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Error(diff)
		}
		if err := m.Register(new(Shop)); errText(err) != "rpcutil: service Shop is registered already" {
			t.Error(err)
		}
	})
}

func TestMuxChecksTexts(t *testing.T) {
	f := func(int, int) {}
	for want, method := range map[string]rpcutil.Method{
		`method name "\xff" is not valid UTF-8`:              {Name: "\xff", Func: f},
		`method name "a\nb" has a control character`:         {Name: "a\nb", Func: f},
		"its documentation is not valid UTF-8":               {Name: "m", Doc: "\xff", Func: f},
		`parameter name "\xff" is not valid UTF-8`:           {Name: "m", Params: []string{"x", "\xff"}, Func: f},
		`parameter name "\x00" has a control character`:      {Name: "m", Params: []string{"x", "\x00"}, Func: f},
		"parameter names x and X are the same to a caller":   {Name: "m", Params: []string{"x", "X"}, Func: f},
		"stands for all parameters, which cannot have names": {Name: "m", Params: []string{"x"}, Func: func(codec.Args) {}},
	} {
		if err := new(rpcutil.Mux).HandleMethod(method); !strings.Contains(errText(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := new(rpcutil.Mux).RegisterName("\xff", Mixed{}); err == nil {
		t.Error("a service name that is not UTF-8 was taken")
	}
}

func TestMuxTakesParametersByNameOnlyWhereTheyHaveNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		names := []string{`the "x"`, `\y`}
		if err := m.HandleMethod(rpcutil.Method{Name: "named", Params: names, Func: func(x int, y *int) int { return x }}); err != nil {
			t.Fatal(err)
		}
		if err := m.HandleMethod(rpcutil.Method{Name: "both", Params: names, Func: func(x, y int) int { return x - y }}); err != nil {
			t.Fatal(err)
		}
		names[0] = "changed"
		m.Handle("plain", func(x int, y string, z *int) int { return x })
		client := served(t, &m, codec.Options{})
		if n, err := rpcutil.Call[int](t.Context(), client, "both", map[string]int{`the "x"`: 3, `\y`: 1}); n != 2 || err != nil {
			t.Error(n, err)
		}
		if _, err := rpcutil.Call[int](t.Context(), client, "named", "x"); errText(err) != `named: parameter 1 (the "x"): text does not fit int` {
			t.Error(err)
		}
		_, err := rpcutil.Call[int](t.Context(), client, "plain", map[string]any{"int": 1, "string": "y"})
		if errText(err) != "plain: want 2 to 3 parameters (int, string, [*int]), got 1" {
			t.Error(err)
		}
	})
}
