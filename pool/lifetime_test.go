package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

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

// Nothing is warmed up, and no time is spent on it, while all endpoints are ejected.
// If maintenance did not wait for anything, time would stand still here.
func TestMinIdleAllEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("a", refuse)
		n.before("b", refuse)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, MinIdle: 2, MaxIdleTime: -1, MaxLifetime: -1})
		time.Sleep(10 * time.Minute)
		if s := p.Stats(); s.Endpoints[0].EjectedUntil.IsZero() || s.Endpoints[1].EjectedUntil.IsZero() || s.Dials > 60 {
			t.Errorf("%+v", s)
		}
		n.before("a", nil)
		time.Sleep(80 * time.Second)
		if s := p.Stats(); s.Idle != 2 || s.Endpoints[0].Idle != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// To acquire a connection and to release it without a call is no use of it.
func TestUnusedIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxIdleTime: 100 * time.Second})
		sum(t, p)
		for range 9 {
			time.Sleep(10 * time.Second)
			acquire(t, p).Release()
		}
		checkIdle(t, p, 1, 1)
		time.Sleep(11 * time.Second)
		acquire(t, p).Release()
		checkIdle(t, p, 1, 2)
	})
}
