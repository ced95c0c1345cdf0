package pool_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// A pushed is a Resolver whose lists the test pushes.
type pushed chan []string

func (c pushed) resolve(ctx context.Context, update func([]string)) error {
	for {
		select {
		case list := <-c:
			update(list)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// busy keeps callers calling until stop is called, which fails the test if a
// call has failed.
func busy(t *testing.T, p *pool.Pool, callers int) (stop func()) {
	c, cancel := context.WithCancel(ctx)
	done := make(chan error, callers)
	for range callers {
		go func() {
			for c.Err() == nil {
				if got, err := pool.Call[int](ctx, p, "sum", 1, 2); err != nil || got != 3 {
					done <- fmt.Errorf("1 + 2 is %d, %v", got, err)
					return
				}
			}
			done <- nil
		}()
	}
	return func() {
		t.Helper()
		cancel()
		for range callers {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}

// counted returns how many calls each host has had since the last time.
func (n *network) counted(addresses ...string) (calls []int) {
	for _, a := range addresses {
		calls = append(calls, int(n.host(a).calls.Swap(0)))
	}
	return calls
}

func spread(calls []int) float64 {
	least, most := calls[0], calls[0]
	for _, c := range calls {
		least, most = min(least, c), max(most, c)
	}
	return float64(most) / float64(max(least, 1))
}

func TestSpread(t *testing.T) {
	for _, callers := range []int{1, 3, 10, 64} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a", "b", "c")
			for _, a := range []string{"a", "b", "c"} {
				n.host(a).slow(time.Millisecond)
			}
			p := newPool(t, pool.Options{Resolver: pool.Static("a", "b", "c", "a"), Dial: n.dial, MaxConns: 20})
			stop := busy(t, p, callers)
			time.Sleep(200 * time.Millisecond)
			stop()
			calls := n.counted("a", "b", "c")
			if spread(calls) > 1.5 {
				t.Errorf("%d callers: %v", callers, calls)
			}
			if s := p.Stats(); s.Total > min(20, max(3, callers+2)) || len(s.Endpoints) != 3 {
				t.Errorf("%d callers: %+v", callers, s)
			}
		})
	}
}

func TestSlowEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b", "c")
		n.host("a").slow(time.Millisecond)
		n.host("b").slow(time.Millisecond)
		n.host("c").slow(10 * time.Millisecond)
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b", "c"), Dial: n.dial, MaxConns: 20})
		stop := busy(t, p, 64)
		time.Sleep(time.Second)
		stop()
		calls := n.counted("a", "b", "c")
		if spread(calls[:2]) > 1.5 || calls[2] > calls[0]/4 || calls[2] == 0 {
			t.Errorf("the slow one is the last: %v", calls)
		}
	})
}

func TestListChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b", "c")
		for _, a := range []string{"a", "b", "c"} {
			n.host(a).slow(20 * time.Millisecond)
		}
		lists := make(pushed)
		p := newPool(t, pool.Options{Resolver: lists.resolve, Dial: n.dial, MaxConns: 20})
		lists <- []string{"a", "b"}
		stop := busy(t, p, 64)
		time.Sleep(time.Second)
		n.counted("a", "b", "c")
		if s := p.Stats(); s.Total != 20 {
			t.Errorf("%+v", s)
		}

		lists <- []string{"a", "b", "c"} // a new one has its share within seconds
		time.Sleep(2 * time.Second)
		n.counted("a", "b", "c")
		time.Sleep(time.Second)
		if calls := n.counted("a", "b", "c"); spread(calls) > 1.5 {
			t.Errorf("with c: %v", calls)
		}

		lists <- []string{"c"} // the others drain, and no call fails
		time.Sleep(time.Second)
		n.counted("a", "b", "c")
		time.Sleep(time.Second)
		if calls := n.counted("a", "b", "c"); calls[0] != 0 || calls[1] != 0 || calls[2] == 0 {
			t.Errorf("with c alone: %v", calls)
		}
		if s := p.Stats(); len(s.Endpoints) != 1 || n.host("a").open() != 0 {
			t.Errorf("%d connections to a: %+v", n.host("a").open(), s)
		}

		lists <- nil // which is not believed
		lists <- []string{""}
		time.Sleep(time.Second)
		if calls := n.counted("a", "b", "c"); calls[2] == 0 {
			t.Errorf("with an empty list: %v", calls)
		}
		stop()
	})
}

// An endpoint that drains is kept as long as a call runs on it, and may come back.
func TestDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		lists := make(pushed)
		p := newPool(t, pool.Options{Resolver: lists.resolve, Dial: n.dial})
		lists <- []string{"a"}
		c1, err1 := p.Acquire(ctx)
		c2, err2 := p.Acquire(ctx)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		lists <- []string{"b"}
		synctest.Wait()
		if s := p.Stats(); len(s.Endpoints) != 2 || !s.Endpoints[0].Draining || s.Endpoints[0].InUse != 2 || s.Endpoints[1].Draining {
			t.Errorf("%+v", s)
		}
		sum(t, p)
		if err := c1.Call(ctx, "sum", codec.Args{1, 2}, nil); err != nil {
			t.Error(err)
		}
		c1.Release()
		if s := p.Stats(); s.Endpoints[0].Total != 1 || n.host("b").calls.Load() != 1 {
			t.Errorf("%+v", s)
		}
		lists <- []string{"b", "a"}
		synctest.Wait()
		c2.Release()
		if s := p.Stats(); len(s.Endpoints) != 2 || s.Endpoints[0].Draining || s.Endpoints[0].Idle != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// An endpoint that is not used when it is taken from the list is forgotten at
// once: it is idle, ejected, or was never connected to.
func TestDrainingUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b", "d")
		n.before("c", refuse)
		lists := make(pushed)
		p := newPool(t, pool.Options{Resolver: lists.resolve, Dial: n.dial, EjectAfter: 1})
		lists <- []string{"a", "b", "c"}
		for range 6 {
			sum(t, p)
		}
		if s := p.Stats(); len(s.Endpoints) != 3 || s.Endpoints[0].Idle != 1 || s.Endpoints[2].EjectedUntil.IsZero() {
			t.Errorf("%+v", s)
		}
		lists <- []string{"d", "a"}
		lists <- []string{"a"}
		synctest.Wait()
		if s := p.Stats(); len(s.Endpoints) != 1 || s.Idle != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A call that broke is made again elsewhere, though the server that it failed at
// can be connected to and has the fewest callers. It may be dying, connection by
// connection.
func TestRepeatedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "b")
		lists := make(pushed)
		p := newPool(t, pool.Options{
			Resolver: lists.resolve, Idempotent: func(string) bool { return true }, EjectAfter: -1,
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				if address == "b" {
					return n.dial(ctx, network, address)
				}
				client, server := net.Pipe()
				go func() {
					server.Read(make([]byte, 100))
					server.Close()
				}()
				return client, nil
			},
		})
		lists <- []string{"b"}
		c := acquire(t, p) // b has a caller, and so a the fewest
		lists <- []string{"a", "b"}
		synctest.Wait()
		for range 3 {
			sum(t, p)
		}
		if s := p.Stats(); s.Retries != 3 || s.Endpoints[0].Failures != 3 {
			t.Errorf("%+v", s)
		}
		c.Release()
	})
}

// With fewer connections than endpoints none is made anew for each call.
func TestFewConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b", "c")
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b", "c"), Dial: n.dial, MaxConns: 1})
		for range 20 {
			sum(t, p)
		}
		checkIdle(t, p, 1, 1)
		// When its server has gone, the one connection goes elsewhere.
		for _, a := range []string{"a", "b", "c"} {
			if n.host(a).calls.Load() > 0 {
				n.before(a, refuse)
				n.host(a).hangUp()
			}
		}
		p.Reset() // a pipe does not show that it is closed
		for range 20 {
			sum(t, p)
		}
		if s := p.Stats(); s.Total != 1 {
			t.Errorf("%+v", s)
		}
	})
}
