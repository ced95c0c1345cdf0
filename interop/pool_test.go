package interop_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/pool"
)

// pooled returns a pool that is closed when the test ends.
func pooled(t *testing.T, o pool.Options) *pool.Pool {
	t.Helper()
	o.Logger = quiet
	p := pool.New(o)
	t.Cleanup(func() { p.Close() })
	return p
}

// in returns a context with a limit.
func in(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// The third example of mprpc's manual, against the real server.
func TestPoolManual(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	p := pooled(t, pool.Options{Address: server.Addr()})
	if sum, err := pooledSum(in(t, limit), p); err != nil || sum != 3 {
		t.Errorf("1 + 2 is %d, %v", sum, err)
	}
	if sum, err := askPool(in(t, limit), server.Addr()); err != nil || sum != 3 {
		t.Errorf("1 + 2 is %d, %v", sum, err)
	}
	if total, err := pooledSums(in(t, limit), p); err != nil || total != 3 {
		t.Errorf("0 + 1 + 2 is %d, %v", total, err)
	}
	if s := p.Stats(); s.Dials != 1 || s.Idle != 1 {
		t.Errorf("%+v", s)
	}
	fleet().Close()
	fleetByName().Close()
}

// An mprpc server takes one request of a connection at a time: twenty
// connections do as much at once, and no more are made.
func TestPoolCallers(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	p := pooled(t, pool.Options{Address: server.Addr(), MaxConns: 20})
	ctx := in(t, 2*limit)
	var ports sync.Map
	var running, most atomic.Int64
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for j := range 20 {
				if sum, err := pool.Call[int](ctx, p, "sum", i, j); err != nil || sum != i+j {
					t.Errorf("%d + %d is %d, %v", i, j, sum, err)
				}
			}
			where, err := pool.Call[struct {
				Host string
				Port int
			}](ctx, p, "where")
			if err != nil {
				t.Error(err)
			}
			ports.Store(where.Port, true)
			err = p.Do(ctx, func(c *pool.Conn) error {
				now := running.Add(1)
				defer running.Add(-1)
				for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
				}
				return c.Call(ctx, "nap", codec.Args{0.05, "x"}, nil)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	for range ports.Range {
		n++
	}
	s := p.Stats()
	if n > 20 || most.Load() != 20 || s.Total != 20 || s.Dials != 20 || s.Idle != 20 || s.Waited == 0 {
		t.Errorf("%d connections seen by the server, %d calls at once: %+v", n, most.Load(), s)
	}
}

// Three mprpc servers behind a list: an even load, and when one dies and comes
// back no call fails.
func TestPoolServers(t *testing.T) {
	var servers []*python.Process
	var addresses []string
	for range 3 {
		s := pythontest.Server(t, python.ServerOptions{})
		servers = append(servers, s)
		addresses = append(addresses, s.Addr())
	}
	p := pooled(t, pool.Options{
		Resolver: pool.Static(addresses...), MaxConns: 20, CallTimeout: limit,
		Idempotent: func(method string) bool { return method == "sum" || method == "pid" },
	})
	ctx := in(t, 4*limit)
	round := func() {
		t.Helper()
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for j := range 20 {
					if sum, err := pool.Call[int](ctx, p, "sum", i, j); err != nil || sum != i+j {
						t.Errorf("%d + %d is %d, %v", i, j, sum, err)
					}
				}
			})
		}
		all.Wait()
	}
	// Servers are equal where they sleep; how the system divides its processors
	// between them is another matter.
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range 10 {
				if err := p.Call(ctx, "nap", codec.Args{0.02, "x"}, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	least, most := ^uint64(0), uint64(0)
	pids := map[int]bool{}
	for _, e := range p.Stats().Endpoints {
		least, most = min(least, e.Answered), max(most, e.Answered)
	}
	round()
	for range 9 {
		pid, err := pool.Call[int](ctx, p, "pid")
		if err != nil {
			t.Error(err)
		}
		pids[pid] = true
	}
	if float64(most) > 1.5*float64(least) || len(pids) != 3 {
		t.Errorf("between %d and %d calls, %d processes: %+v", least, most, len(pids), p.Stats())
	}

	killed := make(chan error, 1)
	go func() { killed <- servers[1].Kill() }()
	round()
	if err := receive(t, killed, "the death of a server"); err != nil {
		t.Fatal(err)
	}
	round()
	pythontest.Server(t, python.ServerOptions{Port: portOf(t, addresses[1])})
	back := func() bool {
		round()
		for _, e := range p.Stats().Endpoints {
			if !e.Up {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(limit); !back(); {
		if time.Now().After(deadline) {
			t.Fatalf("the server is not used again: %+v", p.Stats())
		}
	}
}

// mprpc's server hangs up on what it does not know. That costs one call.
func TestPoolUnknownMethod(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	p := pooled(t, pool.Options{Address: server.Addr(), MaxConns: 1})
	ctx := in(t, limit)
	for range 3 {
		if err := p.Call(ctx, "nope", nil, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		if sum, err := pool.Call[int](ctx, p, "sum", 1, 2); err != nil || sum != 3 {
			t.Error(sum, err)
		}
		var reported *codec.Error
		if err := p.Call(ctx, "fail", codec.Args{"ValueError", "as asked"}, nil); !errors.As(err, &reported) || reported.Message != "as asked" {
			t.Error(err)
		}
	}
	if s := p.Stats(); s.Dials != 4 || s.Idle != 1 {
		t.Errorf("%+v", s)
	}
}

// A server that is restarted costs no call, whatever was idle when it went.
func TestPoolServerRestart(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	p := pooled(t, pool.Options{Address: server.Addr(), DialRetry: limit})
	ctx := in(t, 2*limit)
	for range 2 {
		c, err := p.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		if sum, err := pool.Call[int](ctx, p, "sum", 1, 2); err != nil || sum != 3 {
			t.Fatal(sum, err)
		}
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := pool.Call[int](ctx, p, "sum", 1, 2)
		done <- err
	}()
	pythontest.Server(t, python.ServerOptions{Port: portOf(t, server.Addr())})
	if err := receive(t, done, "the answer of the new server"); err != nil {
		t.Error(err)
	}
}
