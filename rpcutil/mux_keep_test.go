package rpcutil_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// What a method, or an interceptor, gets hold of stays as it was, however many calls
// come after it.
func TestWhatAMethodKeepsStaysAsItWas(t *testing.T) {
	kept := map[string]func() string{}
	keep := func(text string, what func() string) {
		kept[text] = what
	}
	m := &rpcutil.Mux{}
	m.Handle("plain", func(s string) string { return s })
	m.Handle("pointer", func(r *codec.Request) { keep("pointer", func() string { return show(r) }) })
	m.Handle("value", func(r codec.Request) { keep("value", func() string { return show(&r) }) })
	m.Handle("args", func(a codec.Args) { keep("args", func() string { return fmt.Sprint("args ", a) }) })
	m.Handle("context", func(ctx context.Context, s string) {
		keep("context", func() string { return show(rpcutil.RequestFrom(ctx)) })
	})
	m.Handle("list", func(list ...string) { keep("list", func() string { return fmt.Sprint("list ", list) }) })
	m.Handle("netrpc", func(s string, reply *[]string) error {
		*reply = append(*reply, s)
		keep("netrpc", func() string { return fmt.Sprint("netrpc ", *reply) })
		return nil
	})
	m.Handle("goexit", func(s string) { runtime.Goexit() })
	m.Handle("panic", func(s string) { panic(s) })
	m.Logger = slog.New(slog.DiscardHandler)
	c := served(t, m, codec.Options{})
	names := []string{"plain", "pointer", "value", "args", "context", "list", "netrpc", "goexit", "panic"}
	check := func() {
		t.Helper()
		for name, what := range kept {
			if want := fmt.Sprintf("%s [%s first]", name, name); what() != want {
				t.Errorf("%s is now %s", want, what())
			}
		}
		if len(kept) != 6 {
			t.Errorf("%d have kept something", len(kept))
		}
	}
	for _, name := range names {
		c.Call(name, codec.Args{name + " first"}, nil)
	}
	keep = func(string, func() string) {}
	for range 100 {
		for _, name := range names {
			c.Call(name, codec.Args{name + " other"}, nil)
		}
	}
	check()
}

func show(r *codec.Request) string {
	var s string
	if err := r.Params.Decode(&s); err != nil {
		return err.Error()
	}
	return r.Method + " [" + s + "]"
}

func TestWhatAnInterceptorKeepsStaysAsItWas(t *testing.T) {
	var kept []*rpcutil.Received
	m := &rpcutil.Mux{}
	m.Handle("plain", func(s string) string { return s })
	m.Use(func(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
		kept = append(kept, r)
		return next(ctx)
	})
	c := served(t, m, codec.Options{})
	for i := range 50 {
		var got string
		if err := c.Call("plain", fmt.Sprint(i), &got); err != nil || got != fmt.Sprint(i) {
			t.Fatal(got, err)
		}
	}
	for i, r := range kept {
		if want := fmt.Sprintf("plain [%d]", i); show(r.Request) != want || fmt.Sprint(r.Args) != fmt.Sprintf("[%d]", i) {
			t.Errorf("%s is now %s, %v", want, show(r.Request), r.Args)
		}
	}
}

// Interceptors may run a method several times at once: each run has arguments of its
// own.
func TestAnInterceptorRunsItsMethodTwiceAtOnce(t *testing.T) {
	m := &rpcutil.Mux{}
	m.Handle("context", func(ctx context.Context, a, b, c int) int { return a + b + c })
	m.Handle("netrpc", func(a int, reply *int) error { *reply = a; return nil })
	m.Handle("list", func(list ...int) int { return list[0] + list[1] + list[2] })
	m.Use(func(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
		var results [8]any
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { results[i], _ = next(context.WithValue(ctx, &results, i)) })
		}
		wg.Wait()
		for _, v := range results {
			if v != results[0] {
				return nil, fmt.Errorf("results differ: %v", results)
			}
		}
		return results[0], nil
	})
	c := served(t, m, codec.Options{})
	for name, args := range map[string]codec.Args{"context": {1, 2, 3}, "netrpc": {6}, "list": {1, 2, 3}} {
		var got int
		if err := c.Call(name, args, &got); err != nil || got != 6 {
			t.Error(name, got, err)
		}
	}
}

// Functions with more parameters than most have.
func TestFunctionsWithManyParameters(t *testing.T) {
	m := &rpcutil.Mux{}
	m.Handle("3", func(a, b, c int) []int { return []int{a, b, c} })
	m.Handle("4", func(a, b, c, d int) []int { return []int{a, b, c, d} })
	m.Handle("5", func(a, b, c, d, e int) []int { return []int{a, b, c, d, e} })
	m.Handle("3 with", func(_ context.Context, a, b, c int) []int { return []int{a, b, c} })
	m.Handle("4 with", func(_ context.Context, a, b, c, d int) []int { return []int{a, b, c, d} })
	c := served(t, m, codec.Options{})
	for name, n := range map[string]int{"3": 3, "4": 4, "5": 5, "3 with": 3, "4 with": 4} {
		var args codec.Args
		var want, got []int
		for i := range n {
			args, want = append(args, i), append(want, i)
		}
		for range 2 {
			if err := c.Call(name, args, &got); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Error(name, got, err)
			}
		}
	}
}
