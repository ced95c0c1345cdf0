package pool_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// One of three endpoints dies under load, and comes back: no call fails but
// those that it had already been sent, and here it is asked between calls.
func TestEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b", "c")
		for _, a := range []string{"a", "b", "c"} {
			n.host(a).slow(time.Millisecond)
		}
		p := newPool(t, pool.Options{
			Resolver: pool.Static("a", "b", "c"), Dial: n.dial, MaxConns: 21,
			Idempotent: func(string) bool { return true },
		})
		stop := busy(t, p, 64)
		time.Sleep(200 * time.Millisecond)
		n.before("b", refuse)
		n.host("b").hangUp()
		died := time.Since(n.start)
		time.Sleep(500 * time.Millisecond)
		ep := p.Stats().Endpoints[1]
		if ep.Up || ep.EjectedUntil.Before(time.Now()) || ep.Total != 0 {
			t.Errorf("%+v", ep)
		}
		n.counted("a", "b", "c")
		time.Sleep(200 * time.Millisecond)
		if calls := n.counted("a", "b", "c"); calls[1] != 0 || spread([]int{calls[0], calls[2]}) > 1.5 {
			t.Errorf("while b is away: %v", calls)
		}
		stop()

		time.Sleep(2 * time.Minute)
		tries := slices.DeleteFunc(n.dialled("b"), func(d time.Duration) bool { return d < died+500*time.Millisecond })
		// After about 1, 3, 7, 15, 31, 63 and 123 s; a quarter more at most.
		if len(tries) < 5 || len(tries) > 7 || tries[4] < died+31*time.Second || tries[4] > died+40*time.Second {
			t.Errorf("b was tried at %s, %s after its death", tries, died)
		}

		n.before("b", nil)
		time.Sleep(76 * time.Second)
		stop = busy(t, p, 64)
		time.Sleep(200 * time.Millisecond)
		n.counted("a", "b", "c")
		time.Sleep(200 * time.Millisecond)
		if calls := n.counted("a", "b", "c"); spread(calls) > 1.5 {
			t.Errorf("when b is back: %v", calls)
		}
		if ep := p.Stats().Endpoints[1]; !ep.Up || !ep.EjectedUntil.IsZero() {
			t.Errorf("%+v", ep)
		}
		stop()
	})
}

// Time-outs eject an endpoint too, and a Ping decides when it is back.
func TestEjectionByTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.host("a").mux.Handle("alive", func() { time.Sleep(time.Minute) })
		n.host("b").mux.Handle("alive", func() {})
		n.host("a").slow(time.Minute)
		p := newPool(t, pool.Options{
			Resolver: pool.Static("a", "b"), Dial: n.dial, CallTimeout: time.Second,
			Ping: "alive", EjectAfter: 2, DialTimeout: 3 * time.Second,
		})
		failed := 0
		for range 100 {
			if p.Call(ctx, "sum", codec.Args{1, 2}, nil) != nil {
				failed++
			}
			time.Sleep(time.Second)
		}
		if failed != 2 {
			t.Errorf("%d calls failed", failed)
		}
		if s := p.Stats(); s.Endpoints[0].Up || s.Endpoints[0].Dials < 4 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Hour) // what holds up the handlers is over
	})
}

// One more failure ejects an endpoint that has just come back; the connections
// that were idle are not trusted any more than the one that failed.
func TestEjectedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, CallTimeout: 100 * time.Millisecond})
		var conns []*pool.Conn
		for range 20 {
			conns = append(conns, acquire(t, p))
		}
		for _, c := range conns {
			c.Release()
		}
		checkIdle(t, p, 20, 20)
		n.host("a").slow(time.Second)
		failed := 0
		call := func() {
			if p.Call(ctx, "sum", codec.Args{1, 2}, nil) != nil {
				failed++
			}
		}
		for range 10 {
			call()
		}
		if s := p.Stats(); failed != 3 || s.Endpoints[0].Total != 0 || s.Endpoints[0].EjectedUntil.IsZero() || s.Endpoints[1].Idle != 10 {
			t.Errorf("%d calls failed: %+v", failed, s)
		}
		time.Sleep(2 * time.Second) // it takes connections, and so is back
		if s := p.Stats(); !s.Endpoints[0].Up {
			t.Errorf("%+v", s)
		}
		for range 10 {
			call()
		}
		if s := p.Stats(); failed != 4 || s.Endpoints[0].Up {
			t.Errorf("%d calls failed: %+v", failed, s)
		}
		n.host("a").slow(0)
		time.Sleep(4 * time.Second)
		for range 10 {
			call()
		}
		if s := p.Stats(); failed != 4 || !s.Endpoints[0].Up || s.Endpoints[0].Answered < 4 {
			t.Errorf("%d calls failed: %+v", failed, s)
		}
	})
}

// When all are ejected all are used, and an answer brings one back at once.
func TestAllEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("a", refuse)
		n.before("b", refuse)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, EjectAfter: 1, DialRetry: time.Minute})
		done := goSum(ctx, p)
		time.Sleep(10 * time.Second)
		if s := p.Stats(); s.Endpoints[0].Up || s.Endpoints[1].Up || s.Endpoints[0].EjectedUntil.IsZero() || s.Endpoints[1].EjectedUntil.IsZero() {
			t.Errorf("%+v", s)
		}
		start := time.Now()
		n.before("a", nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("it took %s", d)
		}
		if s := p.Stats(); !s.Endpoints[0].Up || s.Endpoints[1].Up {
			t.Errorf("%+v", s)
		}
	})
}

// Ejected endpoints are tried although callers wait all the time.
func TestTryWhileFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("b", refuse)
		n.host("a").slow(time.Millisecond)
		n.host("b").slow(time.Millisecond)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, MaxConns: 4})
		stop := busy(t, p, 20)
		time.Sleep(500 * time.Millisecond)
		if s := p.Stats(); s.Endpoints[0].Total != 4 || s.Endpoints[1].EjectedUntil.IsZero() {
			t.Errorf("%+v", s)
		}
		n.before("b", nil)
		time.Sleep(2 * time.Second)
		if s := p.Stats(); s.Endpoints[0].Total != 2 || s.Endpoints[1].Total != 2 {
			t.Errorf("%+v", s)
		}
		stop()
	})
}

// Tries of endpoints that lead nowhere keep no caller from those that work, however
// few connections there may be.
func TestTriesTakeNoConnections(t *testing.T) {
	for _, conns := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a")
			bad := []string{"b", "c", "d", "e"}
			for _, b := range bad {
				n.before(b, blackHole)
			}
			p := newPool(t, pool.Options{
				Resolver: pool.Static(append(bad, "a")...), Dial: n.dial, MaxConns: conns, EjectAfter: 1, DialTimeout: 2 * time.Second,
			})
			n.host("a").slow(10 * time.Millisecond)
			stop := busy(t, p, 16)
			time.Sleep(20 * time.Second)
			if e := p.Stats().Endpoints; e[1].EjectedUntil.IsZero() || e[4].EjectedUntil.IsZero() {
				t.Fatalf("%+v", e)
			}
			stop()
			for range 1000 {
				start := time.Now()
				sum(t, p)
				if d := time.Since(start); d > 100*time.Millisecond {
					t.Fatalf("a call took %s", d)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// Reset while an endpoint is being tried does not have it tried twice at once.
func TestResetWhileTrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("b", refuse)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, EjectAfter: 1, DialTimeout: time.Minute})
		for range 2 {
			sum(t, p)
		}
		var now, most atomic.Int64
		n.before("b", func(ctx context.Context) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			return blackHole(ctx)
		})
		time.Sleep(2 * time.Second) // it is being tried
		if now.Load() != 1 {
			t.Fatal("it is not")
		}
		p.Reset()
		if s := p.Stats(); !s.Endpoints[1].Up {
			t.Errorf("%+v", s)
		}
		goSum(within(t, 10*time.Second), p)
		goSum(within(t, 10*time.Second), p)
		time.Sleep(3 * time.Minute)
		if most.Load() > 2 { // the try, and a caller's dial
			t.Errorf("%d dials at once", most.Load())
		}
		sum(t, p)
	})
}
