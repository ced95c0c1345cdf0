package pool_test

import (
	"context"
	"errors"
	"io"
	"net/rpc"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
)

// Calls share connections, and no more of these are made than are needed.
func TestShared(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), MaxConns: 3, Shared: 4})
	gate := s.gate("shared")
	done := make(chan error, 20)
	for range 20 {
		go func() { done <- p.Call(ctx, "hold", codec.Args{"shared"}, nil) }()
	}
	for range 12 {
		receive(t, gate.entered, "a call") // all twelve are under way at once
	}
	eventually(t, "the others wait", func() bool { return p.Stats().Waiting == 8 })
	if st := p.Stats(); s.open() != 3 || st.InUse != 12 || st.MaxConns != 12 {
		t.Errorf("%d connections at the server: %+v", s.open(), st)
	}
	close(gate.open)
	for range 20 {
		if err := receive(t, done, "the answers"); err != nil {
			t.Error(err)
		}
	}
	checkIdle(t, p, 12, 12)
	for range 20 {
		sum(t, p)
	}
	if s.open() != 3 {
		t.Errorf("%d connections at the server", s.open())
	}
}

// A call that is given up leaves the connection to the others.
func TestSharedGiveUp(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), MaxConns: 1, Shared: 10, CallTimeout: limit})
	gate := s.gate("give up")
	other := make(chan error, 1)
	go func() { other <- p.Call(ctx, "hold", codec.Args{"give up"}, nil) }()
	receive(t, gate.entered, "a call")
	c, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- p.Call(c, "hold", codec.Args{"give up"}, nil) }()
	receive(t, gate.entered, "another call")
	cancel()
	fails(t, receive(t, done, "the end"), context.Canceled)
	sum(t, p)
	close(gate.open)
	if err := receive(t, other, "the answer"); err != nil {
		t.Error(err)
	}
	if st := p.Stats(); s.open() != 1 || st.Closed != 0 || st.InUse != 0 {
		t.Errorf("%d connections at the server: %+v", s.open(), st)
	}
	var number int
	if err := p.Call(ctx, "text", nil, &number); err == nil {
		t.Error("a text is no number")
	}
	var reported *codec.Error
	if err := p.Call(ctx, "fail", nil, nil); !errors.As(err, &reported) || reported.Message != "as asked" {
		t.Error(err)
	}
	if s.open() != 1 {
		t.Errorf("%d connections at the server", s.open())
	}
}

// When a shared connection breaks, its calls fail and nobody gets it any more.
func TestSharedBroken(t *testing.T) {
	for _, idempotent := range []bool{false, true} {
		p, proxy, s := behindProxy(t, pool.Options{MaxConns: 1, Shared: 5, Idempotent: func(string) bool { return idempotent }})
		gate := s.gate("broken")
		done := make(chan error, 3)
		for range 3 {
			go func() { done <- p.Call(ctx, "hold", codec.Args{"broken"}, nil) }()
		}
		for range 3 {
			receive(t, gate.entered, "a call")
		}
		proxy.Cut()
		close(gate.open)
		for range 3 {
			if err := receive(t, done, "the end"); idempotent && err != nil {
				t.Error(err)
			} else if !idempotent {
				fails(t, err, io.ErrUnexpectedEOF)
			}
		}
		sum(t, p)
		proxy.Cut() // while it is idle; a goroutine reads it, and notices
		eventually(t, "another connection is used", func() bool { return p.Call(ctx, "sum", codec.Args{1, 2}, nil) == nil })
		sum(t, p)
		checkSums(t, p.Stats())
	}
}

// A call on a connection that has ended already says that it was not sent, and
// not that the pool is closed.
func TestSharedEnded(t *testing.T) {
	p, proxy, _ := behindProxy(t, pool.Options{Shared: 5})
	c := acquire(t, p)
	defer c.Release()
	if err := c.Call(ctx, "sum", codec.Args{1, 2}, nil); err != nil {
		t.Fatal(err)
	}
	proxy.Cut()
	eventually(t, "the end is known", func() bool {
		err := c.Call(ctx, "sum", codec.Args{1, 2}, nil)
		if errors.Is(err, rpc.ErrShutdown) {
			t.Error(err)
		}
		return errors.Is(err, codec.ErrNotSent)
	})
}

func TestSharedDestroy(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), Shared: 5})
	c1, c2 := acquire(t, p), acquire(t, p)
	if c1.RemoteAddr().String() != c2.RemoteAddr().String() {
		t.Error("two connections")
	}
	c1.Destroy()
	if err := c2.Call(ctx, "sum", codec.Args{1, 2}, nil); err != nil {
		t.Error(err)
	}
	sum(t, p) // on a new one
	if s.open() != 2 {
		t.Errorf("%d connections at the server", s.open())
	}
	c2.Release()
	eventually(t, "the first is closed", func() bool { return s.open() == 1 })
	checkIdle(t, p, 1, 3)
}

// Places expire with their connection; idle ones are given up one by one.
func TestSharedLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, Shared: 4, MaxLifetime: 100 * time.Second, MaxIdleTime: 50 * time.Second})
		c1, c2 := acquire(t, p), acquire(t, p)
		c1.Release()
		time.Sleep(80 * time.Second)
		if s := p.Stats(); s.Total != 1 || n.host("a").open() != 1 {
			t.Errorf("%+v", s)
		}
		time.Sleep(21 * time.Second)
		sum(t, p) // not on the old one
		if n.host("a").open() != 2 {
			t.Errorf("%d connections at the server", n.host("a").open())
		}
		c2.Release()
		synctest.Wait()
		checkIdle(t, p, 1, 3)
		if n.host("a").open() != 1 {
			t.Errorf("%d connections at the server", n.host("a").open())
		}
	})
}

// All who come while a connection is being made wait for it, or fail with it.
func TestSharedDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		n.before("a", func(context.Context) error { time.Sleep(time.Second); return nil })
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, Shared: 100, DialRetry: -1})
		var calls []<-chan error
		for range 50 {
			calls = append(calls, goSum(ctx, p))
		}
		for _, c := range calls {
			if err := <-c; err != nil {
				t.Error(err)
			}
		}
		if d := n.dialled("a"); len(d) != 1 {
			t.Errorf("%d dials", len(d))
		}
		p.Reset()
		n.before("a", func(context.Context) error { time.Sleep(time.Second); return errRefused })
		for i := range calls {
			calls[i] = goSum(ctx, p)
		}
		for _, c := range calls {
			fails(t, <-c, codec.ErrNotSent)
		}
		if d := n.dialled("a"); len(d) != 2 {
			t.Errorf("%d dials", len(d))
		}
		checkIdle(t, p, 0, 50)
	})
}

// The context ends also those who wait to send behind a peer that does not read.
func TestSharedStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Address: "a", Dial: silent(t), Shared: 5, Codec: codec.Options{Pipeline: codec.Always}})
		var calls []<-chan error
		for range 5 {
			c := make(chan error, 1)
			go func() { c <- p.Call(within(t, time.Second), "big", codec.Args{make([]byte, 200<<10)}, nil) }()
			calls = append(calls, c)
		}
		start := time.Now()
		for _, c := range calls {
			fails(t, <-c, context.DeadlineExceeded)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("it took %s", d)
		}
	})
}

// In front of a server that takes one request at a time, calls take turns.
func TestSharedLockStep(t *testing.T) {
	client, server := codectest.Pair(t)
	peer := codectest.NewPeer(t, server)
	p := newPool(t, pool.Options{Address: "a", Dial: only(client), MaxConns: 1, Shared: 2, Codec: codec.Options{Pipeline: codec.Never}})
	first := goSum(ctx, p)
	peer.Expect("94 00 01 a3 'sum' 92 01 02")
	second := goSum(ctx, p)
	eventually(t, "it is on its way", func() bool { return p.Stats().InUse == 2 })
	peer.Send("94 01 01 c0 03")
	peer.Expect("94 00 02 a3 'sum' 92 01 02")
	peer.Send("94 01 02 c0 03")
	for _, c := range []<-chan error{first, second} {
		if err := receive(t, c, "the answer"); err != nil {
			t.Error(err)
		}
	}
}

// A connection that leads nowhere any more costs the calls that are on it.
func TestSharedBlackHole(t *testing.T) {
	for _, shared := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t, "a")
			stuck := make(chan struct{})
			p := newPool(t, pool.Options{Address: "a", Dial: n.deafDial("a", stuck), Shared: shared, CallTimeout: time.Second})
			sum(t, p)
			close(stuck)
			fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded)
			for range 10 {
				sum(t, p)
			}
			if d := n.dialled("a"); len(d) != 2 {
				t.Errorf("%d dials", len(d))
			}
		})
	}
}

// A call that takes too long is not the connection's fault if others have answers,
// and its loss of interest never is.
func TestSharedSlowCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, Shared: 4, MaxConns: 1})
		gate := n.host("a").gate("slow")
		for _, limit := range []time.Duration{time.Second, 0} {
			c, cancel := context.WithCancel(ctx)
			if limit > 0 {
				c, cancel = context.WithTimeout(ctx, limit)
			}
			done := make(chan error, 1)
			go func() { done <- p.Call(c, "hold", codec.Args{"slow"}, nil) }()
			<-gate.entered
			if limit > 0 {
				sum(t, p)
			} else {
				cancel()
			}
			fails(t, <-done, c.Err())
			cancel()
		}
		sum(t, p)
		close(gate.open)
		if d := n.dialled("a"); len(d) != 1 {
			t.Errorf("%d dials", len(d))
		}
	})
}

// A notification whose context ends costs nobody else a call, at whatever moment.
func TestSharedNotifyCancel(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), Shared: 8, MaxConns: 1})
	gate := s.gate("notify")
	done := make(chan error, 1)
	go func() { done <- p.Call(ctx, "hold", codec.Args{"notify"}, nil) }()
	receive(t, gate.entered, "a call")
	for i := range 2000 {
		c, cancel := context.WithCancel(ctx)
		go func() {
			for range i % 50 {
				runtime.Gosched()
			}
			cancel()
		}()
		if err := p.Notify(c, "ping", nil); err != nil {
			fails(t, err, context.Canceled, codec.ErrNotSent)
		}
		cancel()
	}
	close(gate.open)
	if err := receive(t, done, "the answer"); err != nil {
		t.Error(err)
	}
}

// One that waits behind a peer that does not read ends with its context.
func TestSharedNotifyStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Address: "a", Dial: silent(t), Shared: 5, MaxConns: 1})
		var last error
		for range 10 {
			start := time.Now()
			if last = p.Notify(within(t, time.Second), "big", codec.Args{make([]byte, 100<<10)}); last != nil {
				if d := time.Since(start); d != time.Second {
					t.Errorf("it took %s", d)
				}
				break
			}
		}
		fails(t, last, context.DeadlineExceeded, codec.ErrNotSent)
	})
}

// After Reset nobody uses a connection from before, though a call is still on it.
func TestSharedReset(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), Shared: 4})
	gate := s.gate("reset")
	done := make(chan error, 1)
	go func() { done <- p.Call(ctx, "hold", codec.Args{"reset"}, nil) }()
	receive(t, gate.entered, "a call")
	p.Reset()
	sum(t, p)
	sum(t, p)
	if n := s.open(); n != 2 {
		t.Errorf("%d connections at the server", n)
	}
	close(gate.open)
	if err := receive(t, done, "the answer"); err != nil {
		t.Error(err)
	}
	eventually(t, "the first is closed", func() bool { return s.open() == 1 })
}

// An ejected endpoint is back when a connection of its own can be made to it, and
// not because one is still held that leads nowhere.
func TestSharedTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		stuck := make(chan struct{})
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.deafDial("b", stuck), Shared: 8, MaxConns: 4, EjectAfter: 1})
		held := []*pool.Conn{acquire(t, p), acquire(t, p)}
		close(stuck)
		n.before("b", refuse)
		for range 12 {
			p.Call(within(t, time.Second), "sum", codec.Args{1, 2}, nil)
		}
		if e := p.Stats().Endpoints[1]; e.EjectedUntil.IsZero() || e.InUse != 1 {
			t.Errorf("%+v", e)
		}
		time.Sleep(10 * time.Second)
		if e := p.Stats().Endpoints[1]; e.EjectedUntil.IsZero() {
			t.Errorf("%+v", e)
		}
		n.before("b", nil)
		time.Sleep(20 * time.Second)
		if e := p.Stats().Endpoints[1]; !e.EjectedUntil.IsZero() {
			t.Errorf("%+v", e)
		}
		for range 12 {
			sum(t, p)
		}
		for _, c := range held {
			c.Release()
		}
	})
}

// An endpoint that is back after an ejection is called on new connections, though
// one from before is still in use.
func TestSharedEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, Shared: 2, EjectAfter: 1})
		var held []*pool.Conn
		for range 4 {
			held = append(held, acquire(t, p))
		}
		n.before("b", refuse)
		held = append(held, acquire(t, p), acquire(t, p)) // of which one is refused at b
		if e := p.Stats().Endpoints[1]; e.EjectedUntil.IsZero() {
			t.Fatalf("%+v", e)
		}
		n.before("b", nil)
		for _, c := range held[2:] { // one at a and one at b stay
			c.Release()
		}
		time.Sleep(2 * time.Second)
		before := len(n.dialled("b"))
		for range 3 {
			sum(t, p)
		}
		if d := n.dialled("b"); len(d) != before+1 {
			t.Errorf("dialled at %s", d)
		}
		held[0].Release()
		held[1].Release()
	})
}

// One connection that cannot be made is one failure, though several callers wait
// for it.
func TestSharedDialCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a", "b")
		n.before("b", func(context.Context) error { time.Sleep(time.Second); return errRefused })
		p := newPool(t, pool.Options{Resolver: pool.Static("a", "b"), Dial: n.dial, Shared: 8, MaxConns: 4, DialRetry: time.Minute})
		var conns []*pool.Conn
		got := make(chan *pool.Conn)
		for range 12 {
			go func() { got <- acquire(t, p) }()
		}
		for range 12 {
			conns = append(conns, <-got)
		}
		if e, d := p.Stats().Endpoints[1], n.dialled("b"); !e.EjectedUntil.IsZero() || len(d) > 2 || e.DialFailures < 5 {
			t.Errorf("dials at %s: %+v", d, e)
		}
		for _, c := range conns {
			c.Release()
		}
	})
}

// A call whose time passes without any sign of life of the peer costs its
// connection, but none of the calls on it.
func TestSharedTimeoutSparesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, Shared: 4})
		sum(t, p) // and so the connection is open for pipelining
		gate := n.host("a").gate("timeout")
		patient := make(chan error, 1)
		go func() { patient <- p.Call(ctx, "hold", codec.Args{"timeout"}, nil) }()
		<-gate.entered
		fails(t, p.Call(within(t, time.Second), "hold", codec.Args{"timeout"}, nil), context.DeadlineExceeded)
		sum(t, p)
		if d := n.dialled("a"); len(d) != 2 {
			t.Errorf("%d dials", len(d))
		}
		close(gate.open)
		if err := <-patient; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if o := n.host("a").open(); o != 1 {
			t.Errorf("%d connections at the server", o)
		}
	})
}
