package rpcutil_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// served returns a client of a Mux over an in-memory connection.
func served(t *testing.T, m *rpcutil.Mux, o codec.Options) *rpcutil.Client {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() { m.ServeCodec(o.NewServerCodec(far)); close(done) }()
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	t.Cleanup(func() {
		client.Close()
		<-done
	})
	return client
}

type point struct{ X, Y int }

func functions() *rpcutil.Mux {
	var m rpcutil.Mux
	m.Handle("nothing", func() {})
	m.Handle("sum", func(ctx context.Context, x, y int) (int, error) { return x + y, ctx.Err() })
	m.Handle("greet", func(name string, title *string) string {
		if title == nil {
			return "hello " + name
		}
		return "hello " + *title + " " + name
	})
	m.Handle("count", func(label string, values ...int) string { return fmt.Sprint(label, len(values), values) })
	m.Handle("move", func(p point, by []int) point { return point{p.X + by[0], p.Y + by[1]} })
	m.Handle("check", func(ok bool) error {
		if ok {
			return nil
		}
		return errors.New("not ok")
	})
	m.Handle("any", func(v any) (any, error) { return []any{v}, nil })
	return &m
}

func TestMuxServesFunctionsOfManyForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := served(t, functions(), codec.Options{})
		for _, test := range []struct {
			method string
			args   codec.Args
			want   any
			err    string
		}{
			{"nothing", nil, nil, ""},
			{"sum", codec.Args{1, 2}, int64(3), ""},
			{"greet", codec.Args{"Zoë"}, "hello Zoë", ""},
			{"greet", codec.Args{"Zoë", "Dr"}, "hello Dr Zoë", ""},
			{"greet", codec.Args{"Zoë", nil}, "hello Zoë", ""},
			{"count", codec.Args{"n"}, "n0 []", ""},
			{"count", codec.Args{"n", 1, 2, 3}, "n3 [1 2 3]", ""},
			{"move", codec.Args{map[string]any{"X": 1, "Y": 2}, []int{10, 20}}, map[string]any{"X": int64(11), "Y": int64(22)}, ""},
			{"check", codec.Args{true}, nil, ""},
			{"any", codec.Args{1.5}, []any{[]any{1.5}}[0], ""},
			{"check", codec.Args{false}, nil, "not ok"},
			{"nope", nil, nil, "method not found: nope"},
			{"sum", codec.Args{1}, nil, "sum: want 2 parameters (int, int), got 1"},
			{"sum", codec.Args{1, "x"}, nil, "sum: parameter 2 (int): text does not fit int"},
			{"greet", codec.Args{}, nil, "greet: want 1 to 2 parameters (string, [*string]), got 0"},
			{"count", codec.Args{}, nil, "count: want at least 1 parameter, got 0"},
			{"count", codec.Args{"n", "x"}, nil, "count: parameter 2: text does not fit int"},
			{"move", codec.Args{map[string]any{"X": "x"}, []int{}}, nil, "move: parameter 1 (rpcutil_test.point).X: text does not fit int"},
			{"move", codec.Args{map[string]any{}, []int{}}, nil, "internal error"},
		} {
			got, err := rpcutil.Call[any](t.Context(), client, test.method, test.args...)
			if text := errText(err); text != test.err {
				t.Errorf("%s%v: error %q, want %q", test.method, test.args, text, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s%v: %s", test.method, test.args, diff)
			}
		}
	})
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestMuxNamesParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		err := m.HandleMethod(rpcutil.Method{Name: "sum", Params: []string{"x", "y"}, Func: func(x, y int8) int { return int(x) + int(y) }})
		if err != nil {
			t.Fatal(err)
		}
		client := served(t, &m, codec.Options{})
		if got, err := rpcutil.Call[int](t.Context(), client, "sum", map[string]int{"y": 1, "x": 2}); got != 3 || err != nil {
			t.Error(got, err)
		}
		if _, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 300); errText(err) != "sum: parameter 2 (y): 300 does not fit int8" {
			t.Error(err)
		}
	})
}

func TestMuxRefusesWhatItCannotServe(t *testing.T) {
	for want, method := range map[string]rpcutil.Method{
		"rpcutil: a method needs a name":                                                             {Func: func() {}},
		"rpcutil: method m: int is not a function":                                                   {Name: "m", Func: 5},
		"rpcutil: method m: <nil> is not a function":                                                 {Name: "m"},
		"rpcutil: method m: a context.Context must be the first parameter":                           {Name: "m", Func: func(int, context.Context) {}},
		"rpcutil: method m: chan int cannot be sent, so it cannot be a parameter":                    {Name: "m", Func: func([]chan int) {}},
		"rpcutil: method m: func() cannot be sent, so it cannot be a result":                         {Name: "m", Func: func() func() { return nil }},
		"rpcutil: method m: a function may return one value and an error, this one returns 2 values": {Name: "m", Func: func() (int, int) { return 0, 0 }},
		"rpcutil: method m: 1 parameter names for a function with 2 parameters":                      {Name: "m", Func: func(int, int) {}, Params: []string{"x"}},
		`rpcutil: method m: "a,b" cannot be the name of a parameter`:                                 {Name: "m", Func: func(int) {}, Params: []string{"a,b"}},
		`rpcutil: method m: "a:b" cannot be the name of a parameter`:                                 {Name: "m", Func: func(int) {}, Params: []string{"a:b"}},
		`rpcutil: method m: "'a'" cannot be the name of a parameter`:                                 {Name: "m", Func: func(int) {}, Params: []string{"'a'"}},
		"rpcutil: there is a method taken already":                                                   {Name: "taken", Func: func() {}},
	} {
		var m rpcutil.Mux
		m.Handle("taken", func() {})
		if err := m.HandleMethod(method); errText(err) != want {
			t.Errorf("error %q, want %q", errText(err), want)
		}
	}
	defer func() {
		if v := recover(); v != "rpcutil: method m: int is not a function" {
			t.Errorf("Handle panics with %v", v)
		}
	}()
	new(rpcutil.Mux).Handle("m", 5)
}

// Books has methods of both forms, and one that cannot be served.
type Books struct{}

func (*Books) Lend(args struct{ Title string }, reply *string) error {
	*reply = "lent " + args.Title
	return nil
}
func (*Books) Find(ctx context.Context, title string, year *int) (string, error) {
	if year != nil {
		return fmt.Sprint(title, " ", *year), nil
	}
	return title, nil
}
func (*Books) Watch() chan string                    { return nil }
func (*Books) All(_ struct{}, reply *[]string) error { return nil }

func TestMuxServesReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		if err := m.Register(new(Books)); err != nil {
			t.Fatal(err)
		}
		if err := m.RegisterName("Archive", new(Books)); err != nil {
			t.Fatal(err)
		}
		m.Handle("find", func() string { return "mine" })
		client := served(t, &m, codec.Options{})
		for method, test := range map[string]struct {
			args codec.Args
			want any
		}{
			"Books.Lend":   {codec.Args{"Emma"}, "lent Emma"},
			"archive.lend": {codec.Args{"Emma"}, "lent Emma"},
			"books.find":   {codec.Args{"Emma", 1815}, "Emma 1815"},
			"Books.Find":   {codec.Args{"Emma"}, "Emma"},
			"find":         {nil, "mine"},
			"books.all":    {nil, []any{}},
			"lend":         {codec.Args{"Emma"}, "error: method not found: lend is ambiguous, use books.lend or archive.lend"},
			"books.watch":  {nil, "error: method not found: books.watch"},
			"books.lend":   {nil, "error: books.lend: want 1 parameter (Title), got 0"},
		} {
			got, err := rpcutil.Call[any](t.Context(), client, method, test.args...)
			if err != nil {
				got = "error: " + err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: %s", method, diff)
			}
		}
	})
	for want, err := range map[string]error{
		"rpcutil: the receiver is nil":                                                              new(rpcutil.Mux).Register(nil),
		"rpcutil: the receiver is a nil *rpcutil_test.Books":                                        new(rpcutil.Mux).Register((*Books)(nil)),
		"rpcutil: RegisterName needs a name for the service":                                        new(rpcutil.Mux).RegisterName("", new(Books)),
		"rpcutil: type rpcutil_test.point is not exported, so net/rpc needs a name for the service": new(rpcutil.Mux).Register(point{}),
	} {
		if errText(err) != want {
			t.Errorf("error %q, want %q", errText(err), want)
		}
	}
}

func TestMuxErrorsKeepTheirStructure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		coded := &codec.Error{Code: 7, Message: "seven", Data: []any{"more"}}
		m.Handle("coded", func() error { return coded })
		m.Handle("wrapped", func() error { return fmt.Errorf("outer: %w", coded) })
		m.Handle("empty", func() error { return errors.New("") })
		client := served(t, &m, codec.Options{Errors: codec.ErrorMap})
		for method, want := range map[string]codec.Error{
			"coded":   {Code: 7, Message: "seven", Data: []any{"more"}},
			"wrapped": {Code: 7, Message: "outer: seven", Data: []any{"more"}},
			"empty":   {Message: "*errors.errorString without text"},
		} {
			var got *codec.Error
			if err := client.Call(method, nil, nil); !errors.As(err, &got) {
				t.Errorf("%s: %v", method, err)
				continue
			}
			want.Raw = got.Raw
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("%s: %s", method, diff)
			}
		}
	})
}

func TestMuxSurvivesPanicsAndGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := rpcutil.Mux{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		m.Handle("panic", func() { panic("secret") })
		m.Handle("exit", func() { runtime.Goexit() })
		m.Handle("fine", func() int { return 1 })
		client := served(t, &m, codec.Options{})
		for _, method := range []string{"panic", "exit"} {
			if err := client.Call(method, nil, nil); errText(err) != "internal error" {
				t.Errorf("%s: %v", method, err)
			}
		}
		if n, err := rpcutil.Call[int](t.Context(), client, "fine"); n != 1 || err != nil {
			t.Error(n, err)
		}
		if text := log.String(); !strings.Contains(text, "secret") || !strings.Contains(text, "mux_test.go") {
			t.Errorf("log %q", text)
		}
	})
}

func TestMuxInterceptorsStandAroundCallsInTheOrderOfUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var seen []string
		var m rpcutil.Mux
		m.Handle("sum", func(ctx context.Context, x, y int) (int, error) {
			seen = append(seen, fmt.Sprint("sum ", ctx.Value(key{})))
			return x + y, nil
		})
		m.Use(func(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
			seen = append(seen, fmt.Sprint("first ", r.Method, r.Args, r.RemoteAddr))
			result, err := next(context.WithValue(ctx, key{}, "value"))
			seen = append(seen, fmt.Sprint("first ", result, err))
			return result.(int) * 10, err
		})
		m.Use(func(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
			if r.Args[0] == 0 {
				return 0, errors.New("zero")
			}
			seen = append(seen, "second")
			return next(ctx)
		})
		client := served(t, &m, codec.Options{})
		if got, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); got != 30 || err != nil {
			t.Error(got, err)
		}
		want := []string{"first sum[1 2] pipe", "second", "sum value", "first 3 <nil>"}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Error(diff)
		}
		if _, err := rpcutil.Call[int](t.Context(), client, "sum", 0, 2); errText(err) != "zero" {
			t.Error(err)
		}
	})
}

func TestMuxListsItsMethods(t *testing.T) {
	type info = map[string]any
	synctest.Test(t, func(t *testing.T) {
		m := functions()
		m.HandleMethod(rpcutil.Method{Name: "add", Params: []string{"x", "y"}, Doc: "Adds two numbers.", Func: func(x int, y *int) int { return x }})
		m.Register(new(Books))
		client := served(t, m, codec.Options{})
		list, err := rpcutil.Call[[]info](t.Context(), client, "rpc.methods")
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[any]info)
		for _, i := range list {
			got[i["name"]] = i
		}
		for _, want := range []info{
			{"name": "add", "doc": "Adds two numbers.", "result": "int", "params": []any{
				info{"name": "x", "type": "int", "optional": false}, info{"name": "y", "type": "*int", "optional": true}}},
			{"name": "count", "doc": "", "result": "string", "params": []any{
				info{"name": "", "type": "string", "optional": false}, info{"name": "", "type": "...int", "optional": true}}},
			{"name": "nothing", "doc": "", "result": "", "params": []any{}},
			{"name": "lend", "doc": "", "result": "string", "params": []any{info{"name": "Title", "type": "string", "optional": false}}},
		} {
			if diff := cmp.Diff(want, got[want["name"]]); diff != "" {
				t.Error(diff)
			}
		}
		if len(list) != 11 {
			t.Errorf("%d methods", len(list))
		}
		hidden := served(t, &rpcutil.Mux{HideMethods: true}, codec.Options{})
		if err := hidden.Call("rpc.methods", nil, nil); errText(err) != "method not found: rpc.methods" {
			t.Error(err)
		}
		m.Handle("rpc.methods", func() string { return "mine" })
		if got, err := rpcutil.Call[string](t.Context(), client, "rpc.methods"); got != "mine" || err != nil {
			t.Error(got, err)
		}
	})
}

func TestMuxRunsCallsOfOneConnectionAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var m rpcutil.Mux
		m.Handle("wait", func() { <-release })
		m.Handle("release", func() { close(release) })
		client := served(t, &m, codec.Options{})
		call := client.Go("wait", nil, nil, nil)
		if err := client.Call("release", nil, nil); err != nil {
			t.Error(err)
		}
		if <-call.Done; call.Error != nil {
			t.Error(call.Error)
		}
	})
}

func TestMuxServesOneRequestAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
		c := codec.NewServerCodec(far)
		m := functions()
		result := make(chan error, 1)
		go func() { result <- m.ServeRequest(c) }()
		if got, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); got != 3 || err != nil {
			t.Error(got, err)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
		client.Close()
		if err := m.ServeRequest(c); err == nil {
			t.Error("no error at the end of the connection")
		}
		c.Close()
	})
}
