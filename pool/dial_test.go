package pool_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// Nobody answers at all: DialTimeout ends it, or the context of the caller.
func TestDialBlackHole(t *testing.T) {
	for _, shared := range []int{0, 5} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a")
			p := newPool(t, pool.Options{Address: "a", Dial: n.dial, DialTimeout: 2 * time.Second, Shared: shared})
			n.before("a", blackHole)
			start := time.Now()
			fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded, codec.ErrNotSent)
			if d := time.Since(start); d < 2*time.Second || d > 5*time.Second {
				t.Errorf("it took %s", d)
			}
			start = time.Now()
			fails(t, p.Call(within(t, time.Millisecond), "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded, codec.ErrNotSent)
			if d := time.Since(start); d > time.Millisecond {
				t.Errorf("it took %s", d)
			}
			time.Sleep(time.Minute)
			checkIdle(t, p, 0, 0)
		})
	}
}

// A dial is not given up with the caller who wanted it: the next one has it.
func TestDialOutlivesCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxConns: 1})
		n.before("a", func(context.Context) error { time.Sleep(time.Second); return nil })
		fails(t, p.Call(within(t, time.Millisecond), "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded, codec.ErrNotSent)
		if s := p.Stats(); s.Dialing != 1 || s.Total != 1 {
			t.Errorf("%+v", s)
		}
		sum(t, p) // waits for it
		checkIdle(t, p, 1, 1)
		if d := n.dialled("a"); len(d) != 1 {
			t.Errorf("dials at %s", d)
		}
	})
}

// While connecting fails, the pauses grow, and all callers share the attempts.
func TestDialBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, DialRetry: 10 * time.Second})
		var calls []<-chan error
		for range 5 {
			calls = append(calls, goSum(ctx, p))
		}
		start := time.Now()
		for _, c := range calls {
			fails(t, <-c, errRefused, codec.ErrNotSent)
		}
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("they ended after %s", d)
		}
		dials := n.dialled("a")
		slices.Sort(dials)
		// The first may be made by all at once. After that: 20 ms, doubled up to 1 s,
		// and half of it is certain.
		later := dials[slices.IndexFunc(dials, func(d time.Duration) bool { return d > 0 }):]
		if len(later) < 10 || len(later) > 26 || len(dials)-len(later) > 5 {
			t.Errorf("dials at %s", dials)
		}
		for i := 10; i < len(later); i++ {
			if gap := later[i] - later[i-1]; gap < 500*time.Millisecond || gap > time.Second {
				t.Errorf("a gap of %s: dials at %s", gap, dials)
			}
		}
		// It has failed for so long: nobody waits any more, and few dials are made.
		start, before := time.Now(), len(dials)
		for range 1000 {
			fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), errRefused)
		}
		if d, n := time.Since(start), len(n.dialled("a"))-before; d != 0 || n > 1 {
			t.Errorf("1,000 calls took %s and %d dials", d, n)
		}
		time.Sleep(time.Minute)
		fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), errRefused)
		n.mu.Lock()
		n.hosts["a"] = newService()
		n.mu.Unlock()
		time.Sleep(time.Second)
		sum(t, p)
		checkIdle(t, p, 1, 1)
	})
}

// A caller in the pause between dials is content with a connection that others
// give back, as where a server takes only so many.
func TestServerLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxConns: 10})
		n.host("a").slow(300 * time.Millisecond)
		n.before("a", func(context.Context) error {
			if n.host("a").open() >= 2 {
				return errRefused
			}
			return nil
		})
		var calls []<-chan error
		start := time.Now()
		for range 2 {
			calls = append(calls, goSum(ctx, p))
			synctest.Wait()
		}
		for range 8 {
			calls = append(calls, goSum(ctx, p))
		}
		for _, c := range calls {
			if err := <-c; err != nil {
				t.Error(err)
			}
		}
		if d := time.Since(start); d != 5*300*time.Millisecond {
			t.Errorf("it took %s: they do not notice that a connection is free", d)
		}
		checkIdle(t, p, 2, 2)
	})
}

func TestDialRetryNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b", "c"), Dial: n.dial, DialRetry: -1, DialTimeout: -1, EjectAfter: -1})
		start := time.Now()
		fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), errRefused)
		if d := time.Since(start); d != 0 || len(n.dialled("a")) != 1 || len(n.dialled("b")) != 1 || len(n.dialled("c")) != 1 {
			t.Errorf("%s, dials at %s, %s, %s", d, n.dialled("a"), n.dialled("b"), n.dialled("c"))
		}
	})
}

// DialRetry counts for a server that has long been away too, if there was another
// one until now.
func TestDialRetryAfterUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("b", refuse)
		lists := make(pushed)
		p := newPool(t, pool.Options{Resolver: lists.resolve, Dial: n.dial, EjectAfter: -1, DialRetry: 3 * time.Second})
		lists <- []string{"b"}
		fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), errRefused)
		time.Sleep(5 * time.Second)
		lists <- []string{"a", "b"}
		synctest.Wait()
		first := acquire(t, p)
		second := acquire(t, p) // not at b, which has fewer callers and fails
		lists <- []string{"b"}
		synctest.Wait()
		first.Release()
		second.Release()
		time.AfterFunc(500*time.Millisecond, func() { n.before("b", nil) })
		sum(t, p)
	})
}

// AfterConnect prepares each connection before anybody else has it.
func TestAfterConnect(t *testing.T) {
	for _, shared := range []int{1, 4} {
		s := newService()
		var greeted atomic.Int64
		s.mux.Handle("login", func(name string) error {
			if name != "me" {
				return errors.New("who are you?")
			}
			greeted.Add(1)
			return nil
		})
		name := "me"
		var kept *pool.Conn
		p := newPool(t, pool.Options{
			Address: s.listen(t), Shared: shared, MaxConns: 2, DialRetry: -1,
			AfterConnect: func(ctx context.Context, c *pool.Conn) error {
				if _, ok := ctx.Deadline(); !ok {
					t.Error("there is no limit")
				}
				kept = c
				defer c.Release() // which is needless, and does no harm
				return c.Call(ctx, "login", codec.Args{name}, nil)
			},
		})
		for range 3 {
			sum(t, p)
		}
		if greeted.Load() != 1 {
			t.Errorf("%d logins", greeted.Load())
		}
		if err := kept.Call(ctx, "sum", codec.Args{1, 2}, nil); err == nil {
			t.Error("a Conn that was kept can be used")
		}
		checkIdle(t, p, 1, 1)
		p.Reset()
		name = "you"
		err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		fails(t, err, codec.ErrNotSent)
		if !strings.Contains(err.Error(), "AfterConnect") || !strings.Contains(err.Error(), "who are you?") {
			t.Error(err)
		}
		checkIdle(t, p, 0, 1)
		eventually(t, "the connections are closed", func() bool { return s.open() == 0 })
	}
}

// A server that takes connections and says nothing costs DialTimeout there.
func TestAfterConnectStuck(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		for _, shared := range []int{1, 4} {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t, "a")
				n.host("a").slow(time.Minute)
				p := newPool(t, pool.Options{
					Address: "a", Dial: n.dial, Shared: shared, DialTimeout: 2 * time.Second, DialRetry: -1,
					AfterConnect: func(ctx context.Context, c *pool.Conn) error {
						err := c.Call(ctx, "sum", codec.Args{1, 2}, nil)
						if ignore {
							return nil
						}
						return err
					},
				})
				if ignore && shared > 1 {
					return // the connection is good for other calls
				}
				start := time.Now()
				fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), codec.ErrNotSent)
				if d := time.Since(start); d != 2*time.Second {
					t.Errorf("it took %s", d)
				}
				checkIdle(t, p, 0, 0)
			})
		}
	}
}
