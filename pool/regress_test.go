package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// The tests of this file are of bugs that a reading of the package has found.

// A server that takes connections and never answers is ejected, though notifications
// go out to it in between.
func TestNotifyIsNoAnswer(t *testing.T) {
	good := newService().listen(t)
	hung, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	p := newPool(t, pool.Options{Resolver: pool.Static(hung.Addr().String(), good), CallTimeout: 30 * time.Millisecond})
	failed := 0
	for range 30 {
		if p.Call(ctx, "sum", codec.Args{1, 2}, nil) != nil {
			failed++
		}
		p.Notify(ctx, "ping", nil)
		p.Notify(ctx, "ping", nil)
		p.Notify(ctx, "ping", nil)
	}
	if failed > 3 {
		t.Errorf("not ejected after %d failed calls without one answer", failed)
	}
}

// The second attempt at a call that may have run fails to log in.
func TestSecondLoginRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		var logins atomic.Int64
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, DialRetry: -1,
			Idempotent: func(string) bool { return true },
			AfterConnect: func(ctx context.Context, c *pool.Conn) error {
				if logins.Add(1) == 1 {
					return nil
				}
				return c.Call(ctx, "fail", nil, nil) // login refused by the peer
			}})
		g := n.host("a").gate("x")
		done := make(chan error, 1)
		go func() { done <- p.Call(ctx, "hold", codec.Args{"x"}, nil) }()
		<-g.entered // it has run
		n.host("a").hangUp()
		err := <-done
		close(g.open)
		fails(t, err)
		var reported *codec.Error
		if errors.Is(err, codec.ErrNotSent) || errors.As(err, &reported) {
			t.Errorf("a call that has run: %v", err)
		}
	})
}

// checkUnblamed checks that no endpoint has been ejected, or has a failure on record.
func checkUnblamed(t testing.TB, p *pool.Pool) {
	t.Helper()
	for _, e := range p.Stats().Endpoints {
		if !e.EjectedUntil.IsZero() || e.Failures > 0 {
			t.Errorf("%+v", e)
		}
	}
}

// Callers who lose interest do no harm to an endpoint, even if they go on calling on
// a connection that their cancelled call has cost.
func TestCancelledOnConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial})
		for _, h := range []string{"a", "b"} {
			defer close(n.host(h).gate("x").open)
		}
		for range 6 {
			c := acquire(t, p)
			cc, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			fails(t, c.Call(cc, "hold", codec.Args{"x"}, nil), context.Canceled)
			c.Call(ctx, "sum", codec.Args{1, 2}, nil) // the program does not look at errors
			c.Release()
		}
		checkUnblamed(t, p)
	})
}

// Nor does a program that destroys connections in the middle of calls.
func TestDestroyedByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial})
		for _, h := range []string{"a", "b"} {
			defer close(n.host(h).gate("x").open)
		}
		for range 6 {
			c := acquire(t, p)
			time.AfterFunc(time.Second, c.Destroy)
			c.Call(ctx, "hold", codec.Args{"x"}, nil)
		}
		checkUnblamed(t, p)
	})
}

// As long as a call waits for an endpoint the Resolver is asked each second.
func TestResolverAskedWhileNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		var works atomic.Bool
		start := time.Now()
		p := newPool(t, pool.Options{Dial: n.dial, DialTimeout: 20 * time.Second, Resolver: func(ctx context.Context, update func([]string)) error {
			if !works.Load() {
				return errors.New("not yet")
			}
			update([]string{"a"})
			return nil
		}})
		time.Sleep(10 * time.Minute)
		call := time.Since(start)
		time.AfterFunc(2*time.Second, func() { works.Store(true) })
		err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		if err != nil || time.Since(start)-call > 4*time.Second {
			t.Errorf("after %s: %v", time.Since(start)-call, err)
		}
	})
}

// panicNames are names that panic.
type panicNames struct{}

func (panicNames) FromWire(s string) (string, bool) { return s, true }
func (panicNames) ToWire(s string) string {
	if s == "boom" {
		panic("boom")
	}
	return s
}

// A panic of the program's own code in a call costs neither place nor slot.
func TestPanicInNames(t *testing.T) {
	for _, shared := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a")
			p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxConns: 2, Shared: shared, Codec: codec.Options{Names: panicNames{}}})
			for range 2 {
				func() {
					defer func() { recover() }()
					p.Call(ctx, "boom", nil, nil)
				}()
			}
			if err := p.Do(ctx, func(c *pool.Conn) error {
				defer func() { recover() }()
				return c.Call(ctx, "boom", nil, nil)
			}); err != nil {
				t.Error(err)
			}
			sum(t, p)
			if s := p.Stats(); s.InUse != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// dotLookup is a directory in which there is no such service.
type dotLookup struct{}

func (dotLookup) LookupHost(context.Context, string) ([]string, error) { return nil, nil }
func (dotLookup) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", []*net.SRV{{Target: ".", Port: 6000}}, nil
}

// The target "." says that there is no such service (RFC 2782).
func TestSRVWithoutService(t *testing.T) {
	c, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	pool.DNS{Lookup: dotLookup{}}.SRV("a", "tcp", "b")(c, func(l []string) {
		t.Errorf("endpoints %q: that is this host", l)
	})
}

// AfterConnect must not leave a call without an answer.
func TestAfterConnectUnanswered(t *testing.T) {
	for _, shared := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a")
			defer close(n.host("a").gate("x").open)
			p := newPool(t, pool.Options{Address: "a", Dial: n.dial, Shared: shared, DialRetry: -1, AfterConnect: func(ctx context.Context, c *pool.Conn) error {
				cc, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				c.Call(cc, "hold", codec.Args{"x"}, nil)
				return nil
			}})
			err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
			if err == nil {
				t.Errorf("shared %d: connecting has not failed", shared)
			}
		})
	}
}

// MinIdle is kept after the one slot was held by a caller who gave up.
func TestMinIdleAfterGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		n.before("a", refuse)
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxConns: 1, MinIdle: 1, MaxIdleTime: -1, MaxLifetime: -1, DialRetry: time.Hour})
		c, cancel := context.WithTimeout(ctx, 10500*time.Millisecond)
		defer cancel()
		fails(t, p.Call(c, "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded)
		n.before("a", nil)
		time.Sleep(10 * time.Minute)
		s := p.Stats()
		if s.Idle != 1 {
			t.Errorf("MinIdle is not kept: %+v", s)
		}
	})
}

// DialRetry counts for an endpoint that has worked all the time, though another one
// could not be connected to long ago.
func TestDialRetryOldFailureElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("b", refuse)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, MaxIdleTime: -1, MaxLifetime: -1})
		for range 20 {
			sum(t, p)
		}
		for range 20 {
			time.Sleep(10 * time.Second)
			sum(t, p) // a works all the time
		}
		time.Sleep(10 * time.Second)
		// a restarts, which takes 300 ms
		n.before("a", refuse)
		for range p.Stats().Idle { // as the check finds its connections ended, which net.Pipe has not
			acquire(t, p).Destroy()
		}
		time.AfterFunc(300*time.Millisecond, func() { n.before("a", nil) })
		err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		if err != nil {
			t.Error(err)
		}
	})
}

// An ejected endpoint gets no calls while another one is merely in the pause after a
// dial that failed.
func TestEjectedIsNotUsedInPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		hole := hungDial(t)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), CallTimeout: 5 * time.Second, MaxIdleTime: -1,
			Ping: "ping", PingAfter: time.Hour, // b is not readmitted
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "b" {
					return hole(ctx, network, address)
				}
				return n.dial(ctx, network, address)
			}})
		for range 8 {
			p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		}
		if e := p.Stats().Endpoints; e[1].EjectedUntil.IsZero() || !e[0].EjectedUntil.IsZero() {
			t.Fatalf("%+v", e)
		}
		// a restarts, which takes 15 ms: one or two dials fail.
		acquire(t, p).Destroy()
		n.before("a", refuse)
		time.AfterFunc(15*time.Millisecond, func() { n.before("a", nil) })
		err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		if err != nil {
			t.Errorf("%v: %+v", err, p.Stats().Endpoints)
		}
	})
}

// hungDial is a Dial to a server that reads and never answers.
func hungDial(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			b := make([]byte, 1000)
			for {
				if _, err := server.Read(b); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { server.Close() })
		return client, nil
	}
}

// An answer that does not fit what the caller wants is an answer of the endpoint.
func TestMisfitIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		for _, h := range []string{"a", "b"} {
			defer close(n.host(h).gate("x").open)
		}
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial})
		for range 6 {
			fails(t, p.Call(within(t, time.Second), "hold", codec.Args{"x"}, nil), context.DeadlineExceeded)
			for range 2 {
				var i int
				if p.Call(ctx, "text", nil, &i) == nil {
					t.Error("it fits")
				}
			}
		}
		for _, e := range p.Stats().Endpoints {
			if !e.EjectedUntil.IsZero() || e.Answered == 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}

// Callers whose time goes by in the queue do not have healthy endpoints ejected.
func TestOverloadEjectsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.host("a").slow(50 * time.Millisecond)
		n.host("b").slow(50 * time.Millisecond)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, MaxConns: 4})
		var wg sync.WaitGroup
		stop := time.Now().Add(10 * time.Second)
		for range 40 {
			wg.Go(func() {
				for time.Now().Before(stop) {
					c, cancel := context.WithTimeout(ctx, time.Duration(100+rand.N(100))*time.Millisecond)
					p.Call(c, "sum", codec.Args{1, 2}, nil)
					cancel()
				}
			})
		}
		for time.Now().Before(stop) {
			time.Sleep(10 * time.Millisecond)
			for _, e := range p.Stats().Endpoints {
				if !e.EjectedUntil.IsZero() {
					t.Fatalf("%+v", e)
				}
			}
		}
		wg.Wait()
	})
}

// runtime.Goexit, which testing's FailNow calls, and a panic in AfterConnect are failures
// to connect.
func TestGoexitInAfterConnect(t *testing.T) {
	for _, panics := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a")
			p := newPool(t, pool.Options{Address: "a", Dial: n.dial, DialTimeout: time.Second, DialRetry: -1, AfterConnect: func(context.Context, *pool.Conn) error {
				if panics {
					panic("mine")
				}
				runtime.Goexit()
				return nil
			}})
			start := time.Now()
			fails(t, p.Call(within(t, time.Hour), "sum", codec.Args{1, 2}, nil), codec.ErrNotSent)
			if time.Since(start) > 2*time.Second {
				t.Error("hangs past DialTimeout")
			}
			p.Close()
			if s := p.Stats(); s.Total != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A call whose context ends at the moment at which its connection is made is no failure
// of the endpoint.
func TestContextEndsWithDial(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a")
			n.before("a", func(context.Context) error { time.Sleep(time.Second); return nil })
			p := newPool(t, pool.Options{Address: "a", Dial: n.dial})
			c, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			p.Call(c, "sum", codec.Args{1, 2}, nil)
			if p.Stats().Endpoints[0].Failures > 0 {
				t.Errorf("%+v", p.Stats())
			}
		})
	}
}

// A caller whose endpoint is no longer listed while it is connected to goes elsewhere.
func TestDelistedWhileDialling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		lists := make(pushed)
		p := newPool(t, pool.Options{Dial: n.dial, Resolver: lists.resolve})
		lists <- []string{"a", "b"}
		sum(t, p)
		sum(t, p)
		p.Reset()
		n.before("b", blackHole)
		start := time.Now()
		done := make(chan time.Duration, 2)
		for range 2 {
			go func() { sum(t, p); done <- time.Since(start) }()
		}
		time.Sleep(100 * time.Millisecond)
		lists <- []string{"a"}
		for range 2 {
			if d := <-done; d > 100*time.Millisecond {
				t.Errorf("it took %s", d)
			}
		}
	})
}

// Callers are served in their order, whichever endpoint a connection is to.
func TestQueueOverEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b", "c")
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b", "c"), Dial: n.dial, MaxConns: 3})
		held := []*pool.Conn{acquire(t, p), acquire(t, p), acquire(t, p)}
		got := make(chan int, 1)
		for i := range 9 {
			go func() {
				c := acquire(t, p)
				held = append(held, c)
				got <- i
			}()
			synctest.Wait()
		}
		for i := range 9 {
			c := held[0]
			held = held[1:]
			c.Release()
			if k := <-got; k != i {
				t.Errorf("caller %d comes as number %d", k, i)
			}
		}
		for _, c := range held {
			c.Release()
		}
	})
}
