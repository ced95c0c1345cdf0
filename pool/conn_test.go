package pool_test

import (
	"context"
	"io"
	"net"
	"net/rpc"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
)

func acquire(t testing.TB, p *pool.Pool) *pool.Conn {
	t.Helper()
	c, err := p.Acquire(within(t, limit))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConn(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t), CallTimeout: limit})
	c := acquire(t, p)
	if got := c.RemoteAddr().String(); got != p.Stats().Endpoints[0].Address {
		t.Errorf("the other end is %s", got)
	}
	var got int
	for range 3 {
		if err := c.Call(ctx, "sum", codec.Args{1, 2}, &got); err != nil || got != 3 {
			t.Error(got, err)
		}
	}
	if err := c.Notify(ctx, "ping", nil); err != nil {
		t.Error(err)
	}
	eventually(t, "the notification arrives", func() bool { return s.pings.Load() == 1 })
	ended, cancel := context.WithCancel(ctx)
	cancel()
	fails(t, c.Call(ended, "sum", codec.Args{1, 2}, &got), context.Canceled)
	if err := c.Call(ctx, "fail", nil, nil); err == nil || err.Error() != "as asked" {
		t.Error(err)
	}
	c.Release()
	checkIdle(t, p, 1, 1)
	c.Release()
	c.Destroy()
	if err := c.Call(ctx, "sum", codec.Args{1, 2}, &got); err == nil || !strings.Contains(err.Error(), "released") {
		t.Error(err)
	}
	checkIdle(t, p, 1, 1)

	c = acquire(t, p)
	c.Destroy()
	c.Release()
	checkIdle(t, p, 0, 1)
	eventually(t, "the server sees it", func() bool { return s.open() == 0 })
	if st := p.Stats().Endpoints[0]; st.Failures != 0 || st.Answered == 0 {
		t.Errorf("%+v", st)
	}
}

// A connection that broke in its holder's hands is not given out again.
func TestConnBroken(t *testing.T) {
	p, proxy, _ := behindProxy(t, pool.Options{})
	c := acquire(t, p)
	proxy.Replies(once(codectest.Reset, none))
	fails(t, c.Call(ctx, "sum", codec.Args{1, 2}, nil), io.ErrUnexpectedEOF)
	fails(t, c.Call(ctx, "sum", codec.Args{1, 2}, nil))
	c.Release()
	checkIdle(t, p, 0, 1)
	sum(t, p)
}

// Two goroutines on one Conn are an error of the program that costs no more
// than the second call; releasing it in the middle of a call costs that too.
func TestConnMisuse(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Address: s.listen(t)})
	gate := s.gate("misuse")
	defer close(gate.open)
	for _, giveBack := range []func(*pool.Conn){(*pool.Conn).Release, (*pool.Conn).Destroy} {
		c := acquire(t, p)
		done := make(chan error, 1)
		go func() { done <- c.Call(ctx, "hold", codec.Args{"misuse"}, nil) }()
		receive(t, gate.entered, "the call")
		if err := c.Call(ctx, "sum", codec.Args{1, 2}, nil); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Error(err)
		}
		giveBack(c)
		fails(t, receive(t, done, "the end of the call"))
		c.Release()
	}
	checkIdle(t, p, 0, 2)
	sum(t, p)
}

// Close ends everything: calls, those who wait, connections that are out.
func TestClose(t *testing.T) {
	for _, shared := range []int{0, 2} {
		s := newService()
		p := newPool(t, pool.Options{Address: s.listen(t), MaxConns: 2, Shared: shared})
		slots := 2 * max(shared, 1)
		gate := s.gate("close")
		sum(t, p)
		c := acquire(t, p)
		done := make(chan error, 100)
		for range slots - 1 {
			go func() { done <- p.Call(ctx, "hold", codec.Args{"close"}, nil) }()
		}
		for range slots - 1 {
			receive(t, gate.entered, "a call")
		}
		for range 10 {
			go func() { done <- p.Call(ctx, "sum", codec.Args{1, 2}, nil) }()
		}
		eventually(t, "they wait", func() bool { return p.Stats().Waiting == 10 })
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		for range slots - 1 + 10 {
			if err := receive(t, done, "the end"); err != rpc.ErrShutdown {
				t.Error(err)
			}
		}
		if err := c.Call(ctx, "sum", codec.Args{1, 2}, nil); err == nil {
			t.Error("a call on a destroyed connection works")
		}
		c.Release()
		c.Destroy()
		if err := c.Call(ctx, "sum", codec.Args{1, 2}, nil); err != rpc.ErrShutdown {
			t.Error(err)
		}
		if _, err := p.Acquire(ctx); err != rpc.ErrShutdown {
			t.Error(err)
		}
		if err := p.Notify(ctx, "ping", nil); err != rpc.ErrShutdown {
			t.Error(err)
		}
		p.Reset()
		if st := p.Stats(); st.Total != 0 || st.InUse != 0 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
		close(gate.open)
		eventually(t, "the server sees it", func() bool { return s.open() == 0 })
	}
}

// Close does not wait for a dial, nor for anybody who waits for one.
func TestCloseWhileDialling(t *testing.T) {
	release := make(chan struct{})
	client, server := codectest.Pair(t)
	p := newPool(t, pool.Options{Address: "x", Dial: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		<-release // whatever ctx says
		return client, nil
	}})
	calls := []<-chan error{goSum(ctx, p)}
	short, cancel := context.WithCancel(ctx)
	calls = append(calls, goSum(short, p))
	eventually(t, "they dial", func() bool { return p.Stats().Dialing == 2 })
	cancel()
	fails(t, receive(t, calls[1], "the cancelled one"), context.Canceled)
	start := time.Now()
	p.Close()
	if err := receive(t, calls[0], "the other one"); err != rpc.ErrShutdown {
		t.Error(err)
	}
	if d := time.Since(start); d > limit/2 {
		t.Errorf("it took %s", d)
	}
	close(release)
	codectest.NewPeer(t, server).ExpectEnd()
	eventually(t, "the dials are over", func() bool { return p.Stats().Total == 0 })
}

// What was notified before Close still leaves.
func TestCloseFlushes(t *testing.T) {
	client, server := codectest.Pair(t)
	peer := codectest.NewPeer(t, server)
	p := newPool(t, pool.Options{Address: "x", Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }})
	big := strings.Repeat("x", 15<<20)
	if err := p.Notify(ctx, "log", big); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { p.Close(); close(closed) }()
	peer.ExpectText(big)
	peer.ExpectEnd()
	receive(t, closed, "Close")
}

func TestClient(t *testing.T) {
	p := newPool(t, pool.Options{Address: newService().listen(t)})
	type caller interface {
		Call(serviceMethod string, args any, reply any) error
		Go(serviceMethod string, args any, reply any, done chan *rpc.Call) *rpc.Call
		Close() error
	}
	var client caller = p.Client()
	var _ caller = (*rpc.Client)(nil)
	var got int
	if err := client.Call("sum", codec.Args{1, 2}, &got); err != nil || got != 3 {
		t.Error(got, err)
	}
	var replies [10]int
	done := make(chan *rpc.Call, 10)
	for i := range replies {
		client.Go("sum", codec.Args{i, 1}, &replies[i], done)
	}
	for range replies {
		if call := receive(t, done, "a call"); call.Error != nil || call.ServiceMethod != "sum" {
			t.Error(call.Error)
		}
	}
	for i, r := range replies {
		if r != i+1 {
			t.Errorf("%d + 1 is %d", i, r)
		}
	}
	call := receive(t, client.Go("nope", nil, nil, nil).Done, "a call")
	if call.Error == nil {
		t.Error("no error")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a channel without a buffer, and no panic")
			}
		}()
		client.Go("sum", codec.Args{1, 2}, nil, make(chan *rpc.Call))
	}()
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := client.Call("sum", codec.Args{1, 2}, &got); err != rpc.ErrShutdown {
		t.Error(err)
	}
}
