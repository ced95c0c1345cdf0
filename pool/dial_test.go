package pool_test

import (
	"context"
	"slices"
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

func TestLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxLifetime: 100 * time.Second, MaxIdleTime: -1})
		// In use it is not closed, but not kept either.
		c, err := p.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(101 * time.Second)
		if err := c.Call(ctx, "sum", codec.Args{1, 2}, nil); err != nil {
			t.Error(err)
		}
		c.Release()
		checkIdle(t, p, 0, 1)
		// Idle ones are closed without a caller, not all at once.
		var conns []*pool.Conn
		for range 20 {
			c, err := p.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.Release()
		}
		// 90 to 100 s, and a quarter of 100 s until the next round.
		time.Sleep(89 * time.Second)
		checkIdle(t, p, 20, 21)
		time.Sleep(40 * time.Second)
		checkIdle(t, p, 0, 21)
	})
}

// Nor is one used that is too old and has not been closed yet.
func TestLifetimeBetweenRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxLifetime: 100 * time.Second, MaxIdleTime: -1})
		time.Sleep(10 * time.Second) // rounds are at 0, 25, ... 100, 125 s
		sum(t, p)
		time.Sleep(101 * time.Second)
		sum(t, p)
		checkIdle(t, p, 1, 2)
		p = newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxIdleTime: 100 * time.Second})
		time.Sleep(10 * time.Second)
		sum(t, p)
		time.Sleep(101 * time.Second)
		sum(t, p)
		checkIdle(t, p, 1, 2)
	})
}

// The age at which connections are closed differs.
func TestLifetimeJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxLifetime: 1000 * time.Second, MaxIdleTime: -1, MinIdle: 20})
		time.Sleep(899 * time.Second)
		checkIdle(t, p, 20, 20)
		time.Sleep(61 * time.Second) // two rounds later
		if s := p.Stats(); s.Closed == 0 || s.Closed == 20 {
			t.Errorf("%d of 20 were replaced", s.Closed)
		}
	})
}

func TestIdleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxIdleTime: 100 * time.Second, MaxLifetime: -1})
		c, err := p.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		sum(t, p)
		c.Release() // and so lies on top, and is used from now on
		for range 20 {
			time.Sleep(10 * time.Second)
			sum(t, p)
		}
		checkIdle(t, p, 1, 2)
		if n.host("a").open() != 1 {
			t.Errorf("%d connections at the server", n.host("a").open())
		}
		time.Sleep(200 * time.Second)
		checkIdle(t, p, 0, 2)
	})
}

func TestMinIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("b", refuse)
		p := newPool(t, pool.Options{
			Resolver: pool.Static("a", "b"), Dial: n.dial, MinIdle: 4, MaxConns: 6,
			MaxIdleTime: time.Minute, EjectAfter: -1,
		})
		synctest.Wait()
		time.Sleep(time.Second)
		checkIdle(t, p, 4, 4)
		n.before("b", nil)
		var conns []*pool.Conn
		for range 4 {
			c, err := p.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		time.Sleep(2 * time.Second)
		if s := p.Stats(); s.Total != 6 || s.Idle != 2 || s.Endpoints[1].Total == 0 {
			t.Errorf("%+v", s)
		}
		for _, c := range conns {
			c.Destroy()
		}
		time.Sleep(time.Second)
		if s := p.Stats(); s.Idle != 4 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Hour) // they are replaced when they have been idle for long
		if s := p.Stats(); s.Idle != 4 || s.Closed < 100 {
			t.Errorf("%+v", s)
		}
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		s := n.host("a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, Ping: "ping", DialTimeout: time.Second})
		sum(t, p)
		time.Sleep(29 * time.Second)
		sum(t, p)
		if got := s.pings.Load(); got != 0 {
			t.Errorf("%d pings", got)
		}
		time.Sleep(31 * time.Second)
		sum(t, p)
		if got := s.pings.Load(); got != 1 {
			t.Errorf("%d pings", got)
		}
		checkIdle(t, p, 1, 1)
		// A pipe gives no hint that its other end is closed: the ping finds it out.
		time.Sleep(31 * time.Second)
		s.hangUp()
		sum(t, p)
		checkIdle(t, p, 1, 2)
		if st := p.Stats(); st.Unsound != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// An answer is an answer, be it an error; and no answer in time is none.
func TestPingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, Ping: "fail", PingAfter: -1, CallTimeout: time.Minute})
		sum(t, p)
		sum(t, p)
		checkIdle(t, p, 1, 1)

		p = newPool(t, pool.Options{Address: "a", Dial: n.dial, Ping: "sum", PingAfter: time.Second, DialTimeout: time.Second, CallTimeout: -1})
		sum(t, p) // which as a ping without parameters is answered with an error
		n.host("a").mux.Handle("stuck", func() { time.Sleep(time.Minute) })
		p = newPool(t, pool.Options{Address: "a", Dial: n.dial, Ping: "stuck", PingAfter: time.Second, DialTimeout: time.Second})
		var conns []*pool.Conn
		for range 3 {
			c, err := p.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.Release()
		}
		time.Sleep(2 * time.Second)
		start := time.Now()
		sum(t, p)
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %s: the other connections should not be pinged as well", d)
		}
		checkIdle(t, p, 1, 4)
		time.Sleep(2 * time.Second)
		fails(t, p.Call(within(t, time.Millisecond), "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded, codec.ErrNotSent)
		checkIdle(t, p, 0, 4)
	})
}
