package pool_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		p := newPool(t, pool.Options{Address: "a", Dial: n.dial, MaxConns: 1, CallTimeout: time.Second})
		n.host("a").slow(time.Minute)
		start := time.Now()
		took := func(what string, err error, d time.Duration) {
			t.Helper()
			fails(t, err, context.DeadlineExceeded)
			if got := time.Since(start); got != d {
				t.Errorf("%s took %s, want %s: %v", what, got, d, err)
			}
			start = time.Now()
		}
		took("the call", p.Call(ctx, "sum", codec.Args{1, 2}, nil), time.Second)
		took("a call with less time", p.Call(within(t, time.Millisecond), "sum", codec.Args{1, 2}, nil), time.Millisecond)
		took("a call with more time", p.Call(within(t, time.Hour), "sum", codec.Args{1, 2}, nil), time.Second)
		checkIdle(t, p, 0, 3)

		c, err := p.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		took("waiting", p.Call(ctx, "sum", codec.Args{1, 2}, nil), time.Second)
		took("a call on the Conn", c.Call(ctx, "sum", codec.Args{1, 2}, nil), time.Second)
		c.Release()

		n.before("a", blackHole)
		took("connecting", p.Call(ctx, "sum", codec.Args{1, 2}, nil), time.Second)
		n.before("a", nil)
		n.host("a").slow(0)
		time.Sleep(10 * time.Second) // the dial that nobody waits for ends
		sum(t, p)
		sum(t, p) // the timer of the connection is used again
		checkIdle(t, p, 1, 5)
	})
}

func TestCancel(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), MaxConns: 1})
	gate := s.gate("cancel")
	defer close(gate.open)
	c, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- p.Call(c, "hold", codec.Args{"cancel"}, nil) }()
	receive(t, gate.entered, "the call")
	cancel()
	fails(t, receive(t, done, "the end"), context.Canceled)
	checkIdle(t, p, 0, 1)
	if s := p.Stats().Endpoints[0]; s.Failures != 0 {
		t.Errorf("a caller who lost interest counts as a failure: %+v", s)
	}
	sum(t, p)
	checkIdle(t, p, 1, 2)
	fails(t, p.Call(c, "sum", codec.Args{1, 2}, nil), context.Canceled, codec.ErrNotSent)
	checkIdle(t, p, 1, 2)
}

// A context that ends just when the answer comes ends the connection, or it
// does not; it never ends the call of the next one who uses it.
func TestCancelRace(t *testing.T) {
	p := newPool(t, pool.Options{Address: newService().listen(t), MaxConns: 1})
	for i := range 1000 {
		c, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Duration(i%100)*2*time.Microsecond, cancel)
		if err := p.Call(c, "sum", codec.Args{1, 2}, nil); err != nil {
			fails(t, err, context.Canceled)
		}
		sum(t, p)
		cancel()
	}
}

// A late result ends the context while it is being read.
type late struct{ cancel func() }

func (l *late) UnmarshalMsgpack([]byte) error {
	l.cancel()
	return nil
}

// The same, with the moment chosen: the answer counts, the connection does not.
func TestCancelLate(t *testing.T) {
	p := newPool(t, pool.Options{Address: newService().listen(t), MaxConns: 1})
	for i := range 20 {
		c, cancel := context.WithCancel(ctx)
		if err := p.Call(c, "sum", codec.Args{1, 2}, &late{cancel}); err != nil {
			t.Error(err)
		}
		checkIdle(t, p, 0, 3*i+1)
		sum(t, p)
		p.Reset()
		sum(t, p)
		checkIdle(t, p, 1, 3*i+3)
		p.Reset()
	}
}
