package pool_test

import (
	"context"
	"errors"
	"net/rpc"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

func TestCalls(t *testing.T) {
	p := newPool(t, pool.Options{Address: newService().listen(t)})
	checkIdle(t, p, 0, 0) // lazy
	sum(t, p)
	for range 10 {
		sum(t, p)
	}
	checkIdle(t, p, 1, 1)
	if err := p.Call(ctx, "sum", codec.Args{1, 2}, nil); err != nil {
		t.Error(err)
	}
	type addition struct{ X, Y int8 }
	var reply int64
	if err := p.Call(within(t, limit), "sum", addition{3, 4}, &reply); err != nil || reply != 7 {
		t.Error(reply, err)
	}
	checkIdle(t, p, 1, 1)
}

// What is wrong with one call costs this call and not the connection.
func TestErrorsOfOneCall(t *testing.T) {
	p := newPool(t, pool.Options{Address: newService().listen(t)})
	var reported *codec.Error
	if err := p.Call(ctx, "fail", nil, nil); !errors.As(err, &reported) || reported.Message != "as asked" || err.Error() != "as asked" {
		t.Errorf("the peer's error is %v", err)
	}
	var number int
	err := p.Call(ctx, "text", nil, &number)
	if err == nil || errors.As(err, &reported) || !strings.Contains(err.Error(), "result") || !strings.Contains(err.Error(), p.Stats().Endpoints[0].Address) {
		t.Errorf("a text as a number: %v", err)
	}
	if err := p.Call(ctx, "sum", codec.Args{make(chan int)}, nil); err == nil || errors.Is(err, codec.ErrNotSent) {
		t.Errorf("a channel as a parameter: %v", err)
	}
	if _, err := pool.Call[int](ctx, p, "sum", 1); err == nil {
		t.Error("a parameter is missing, and no error")
	}
	if _, err := pool.Call[int](ctx, p, "nope"); err == nil || err.Error() != "method not found: nope" {
		t.Error(err)
	}
	sum(t, p)
	checkIdle(t, p, 1, 1)
	if s := p.Stats().Endpoints[0]; s.Failures != 0 || s.Answered != 5 || !s.Up {
		t.Errorf("%+v", s)
	}
}

func TestNotify(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t)})
	if err := p.Notify(ctx, "ping", nil); err != nil {
		t.Error(err)
	}
	eventually(t, "the notification arrives", func() bool { return s.pings.Load() == 1 })
	c := within(t, limit)
	if err := p.Notify(c, "ping", nil); err != nil {
		t.Error(err)
	}
	eventually(t, "the notification arrives", func() bool { return s.pings.Load() == 2 })
	if err := p.Notify(ctx, "ping", codec.Args{make(chan int)}); err == nil {
		t.Error("a channel is no parameter, and there is no error")
	}
	sum(t, p)
	checkIdle(t, p, 1, 1)
}

// A notification that fills what the peer does not read ends with its context. On a
// shared connection others wait for room: TestSharedNotifyStuck.
func TestNotifyStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Nobody reads the other end of the pipe.
		p := newPool(t, pool.Options{Address: "a", Dial: silent(t)})
		start := time.Now()
		err := p.Notify(within(t, time.Second), "big", codec.Args{make([]byte, 100)})
		fails(t, err, context.DeadlineExceeded)
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %s", d)
		}
		checkIdle(t, p, 0, 1)
	})
}

// Waiting callers are served in their order, and those whose context ends do not
// hold up the others.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxConns: 2})
		c1, err := p.Acquire(ctx)
		c2, err2 := p.Acquire(ctx)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		var order []int
		done := make(chan int, 10)
		for i := range 10 {
			go func() {
				c, stop := context.WithCancel(ctx)
				if i%3 == 0 {
					c, stop = context.WithTimeout(ctx, time.Duration(i+1)*time.Second)
				}
				defer stop()
				conn, err := p.Acquire(c)
				if (err != nil) != (i%3 == 0) {
					t.Errorf("%d: %v", i, err)
				}
				if err == nil {
					order = append(order, i) // MaxConns would be 1 otherwise
					conn.Release()
				} else {
					fails(t, err, context.DeadlineExceeded)
				}
				done <- i
			}()
			synctest.Wait()
		}
		if s := p.Stats(); s.Waiting != 10 || s.InUse != 2 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		if s := p.Stats(); s.Waiting != 6 {
			t.Errorf("%+v", s)
		}
		c2.Release()
		synctest.Wait()
		for range 10 {
			<-done
		}
		c1.Release()
		want := []int{1, 2, 4, 5, 7, 8}
		for i := range want {
			if len(order) != len(want) || order[i] != want[i] {
				t.Fatalf("they came in the order %v, want %v", order, want)
			}
		}
		if s := p.Stats(); s.Waited != 10 || s.WaitTime < 10*time.Second {
			t.Errorf("%+v", s)
		}
		checkIdle(t, p, 2, 2)
	})
}

// The limit holds from the first moment on, which gsocketpool's does not.
func TestMaxConns(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), MaxConns: 3})
	gate := s.gate("max")
	done := make(chan error, 10)
	for range 10 {
		go func() { done <- p.Call(ctx, "hold", codec.Args{"max"}, nil) }()
	}
	for range 3 {
		receive(t, gate.entered, "a call")
	}
	eventually(t, "seven wait", func() bool { return p.Stats().Waiting == 7 })
	if st := p.Stats(); st.Total != 3 || s.open() != 3 {
		t.Errorf("%d connections at the server: %+v", s.open(), st)
	}
	close(gate.open)
	for range 10 {
		if err := receive(t, done, "the answers"); err != nil {
			t.Error(err)
		}
	}
	checkIdle(t, p, 3, 3)
}

func TestReset(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t)})
	c, err := p.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sum(t, p)
	p.Reset()
	if s := p.Stats(); s.Idle != 0 || s.InUse != 1 {
		t.Errorf("%+v", s)
	}
	if err := c.Call(ctx, "sum", codec.Args{1, 2}, nil); err != nil {
		t.Error(err)
	}
	c.Release()
	checkIdle(t, p, 0, 2)
	sum(t, p)
	checkIdle(t, p, 1, 3)
}

func TestDo(t *testing.T) {
	p := newPool(t, pool.Options{Address: newService().listen(t)})
	failure := errors.New("mine")
	if err := p.Do(ctx, func(c *pool.Conn) error {
		var got int
		if err := c.Call(ctx, "sum", codec.Args{1, 2}, &got); err != nil || got != 3 {
			t.Error(got, err)
		}
		return failure
	}); err != failure {
		t.Error(err)
	}
	func() {
		defer func() { recover() }()
		p.Do(ctx, func(*pool.Conn) error { panic("mine") })
	}()
	checkIdle(t, p, 1, 1)
	p.Close()
	if err := p.Do(ctx, func(*pool.Conn) error { t.Error("called"); return nil }); err != rpc.ErrShutdown {
		t.Error(err)
	}
}
