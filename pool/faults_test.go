package pool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
)

// behindProxy returns a pool whose one connection leads through a proxy.
func behindProxy(t testing.TB, o pool.Options) (*pool.Pool, *codectest.Proxy, *service) {
	s := newService()
	proxy := codectest.NewProxy(t, s.listen(t))
	o.Address = proxy.Addr()
	return newPool(t, o), proxy, s
}

// once applies an action to the next bytes alone.
func once(a codectest.Action, change func([]byte) []byte) codectest.Filter {
	var used atomic.Bool
	return func(b []byte) ([]byte, codectest.Action) {
		if used.Swap(true) {
			return b, codectest.Pass
		}
		if change != nil {
			b = change(b)
		}
		return b, a
	}
}

func half(b []byte) []byte { return b[:len(b)/2] }

func none([]byte) []byte { return nil }

func TestRefused(t *testing.T) {
	p, proxy, _ := behindProxy(t, pool.Options{DialRetry: 100 * time.Millisecond})
	proxy.Stop()
	for range 3 {
		err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		fails(t, err, codec.ErrNotSent)
		var dial *net.OpError
		if !errors.As(err, &dial) || dial.Op != "dial" || !strings.Contains(err.Error(), proxy.Addr()) {
			t.Errorf("the error does not say what is wrong, and where: %v", err)
		}
	}
	_, err := p.Acquire(ctx)
	fails(t, err)
	if s := p.Stats(); s.DialFailures < 2 || s.Endpoints[0].Up {
		t.Errorf("%+v", s)
	}
	checkIdle(t, p, 0, 0)
	proxy.Start()
	// The first call may come within the pause between dials and fail at once.
	eventually(t, "the server is back", func() bool { return p.Call(ctx, "sum", codec.Args{1, 2}, nil) == nil })
	if s := p.Stats(); !s.Endpoints[0].Up {
		t.Errorf("%+v", s)
	}
	checkIdle(t, p, 1, 1)
}

// A server that is back in time is not missed by anybody.
func TestRestart(t *testing.T) {
	p, proxy, _ := behindProxy(t, pool.Options{DialRetry: limit, MaxConns: 5})
	for range 5 {
		c, err := p.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
	}
	p.Reset() // the five are closed when they are released
	proxy.Stop()
	var calls []<-chan error
	p2 := newPool(t, pool.Options{Address: proxy.Addr(), DialRetry: limit, MaxConns: 5})
	for range 20 {
		calls = append(calls, goSum(ctx, p2))
	}
	eventually(t, "they have tried", func() bool { return p2.Stats().DialFailures > 0 })
	proxy.Start()
	for _, c := range calls {
		if err := receive(t, c, "the answers"); err != nil {
			t.Error(err)
		}
	}
	if s := p2.Stats(); s.Total > 5 || s.InUse != 0 {
		t.Errorf("%+v", s)
	}
}

// Connections that broke while they were idle cost no call.
func TestIdleBroken(t *testing.T) {
	if !canProbe {
		t.Skip("no check of idle connections on this system")
	}
	for name, end := range map[string]func(*codectest.Proxy, *service){
		"reset":  func(p *codectest.Proxy, _ *service) { p.Cut() },
		"closed": func(_ *codectest.Proxy, s *service) { s.hangUp() },
	} {
		t.Run(name, func(t *testing.T) {
			p, proxy, s := behindProxy(t, pool.Options{})
			for range 3 {
				c, err := p.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Release()
			}
			sum(t, p)
			end(proxy, s)
			eventually(t, "the end arrives", func() bool { return probeOnly(p) != nil || p.Stats().Unsound == 1 })
			for range 5 {
				sum(t, p)
			}
			if st := p.Stats(); st.Unsound != 1 || st.Endpoints[0].Failures != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// What arrives while nobody has asked makes a connection unusable.
func TestStrayReply(t *testing.T) {
	if !canProbe {
		t.Skip("no check of idle connections on this system")
	}
	client, server := codectest.Pair(t)
	peer := codectest.NewPeer(t, server)
	p := newPool(t, pool.Options{Address: "x", DialRetry: -1, Dial: only(client)})
	done := goSum(ctx, p)
	peer.Expect("94 00 01 a3 'sum' 92 01 02")
	peer.Send("94 01 01 c0 03")
	if err := receive(t, done, "the answer"); err != nil {
		t.Fatal(err)
	}
	peer.Send("94 01 02 c0 04") // the answer to what the next call will be
	// The bytes are on their way: both ends are in this process.
	var err error
	eventually(t, "they have arrived", func() bool { err = probeOnly(p); return err != nil })
	if !strings.Contains(err.Error(), "dialled again") {
		t.Error(err)
	}
	peer.ExpectEnd()
	checkIdle(t, p, 0, 1)
}

// probeOnly takes an idle connection and gives it back unused.
func probeOnly(p *pool.Pool) error {
	c, err := p.Acquire(ctx)
	if err == nil {
		c.Release()
	}
	return err
}

// breaks are faults that break one call.
var breaks = []struct {
	name    string
	request codectest.Filter
	reply   func() codectest.Filter
	want    error
}{
	{name: "reset in the request", request: once(codectest.Reset, half), want: io.ErrUnexpectedEOF},
	{name: "reset before the reply", reply: func() codectest.Filter { return once(codectest.Reset, none) }, want: io.ErrUnexpectedEOF},
	{name: "reset in the reply", reply: func() codectest.Filter { return once(codectest.Reset, half) }, want: io.ErrUnexpectedEOF},
	{name: "half close before the reply", reply: func() codectest.Filter { return once(codectest.HalfClose, none) }, want: io.ErrUnexpectedEOF},
	{name: "half close in the reply", reply: func() codectest.Filter { return once(codectest.HalfClose, half) }, want: io.ErrUnexpectedEOF},
	{name: "garbage", reply: func() codectest.Filter {
		return once(codectest.Pass, func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") })
	}},
}

func TestBroken(t *testing.T) {
	for _, b := range breaks {
		for i := range 4 {
			idempotent, shared := i%2 == 1, 1+i/2*3
			t.Run(fmt.Sprintf("%s, idempotent=%t, shared=%d", b.name, idempotent, shared), func(t *testing.T) {
				p, proxy, s := behindProxy(t, pool.Options{Shared: shared, Idempotent: func(m string) bool { return idempotent && m == "sum" }})
				sum(t, p)
				before := s.calls.Load()
				if b.request != nil {
					proxy.Requests(once(codectest.Reset, half))
				} else {
					proxy.Replies(b.reply())
				}
				got, err := pool.Call[int](within(t, limit), p, "sum", 1, 2)
				retries := p.Stats().Retries
				if idempotent {
					if err != nil || got != 3 || retries != 1 {
						t.Errorf("got %d, %v after %d retries", got, err, retries)
					}
					checkIdle(t, p, 1, 2)
				} else {
					fails(t, err)
					if b.want != nil {
						fails(t, err, b.want)
					}
					if errors.Is(err, codec.ErrNotSent) || retries != 0 || !strings.Contains(err.Error(), proxy.Addr()) {
						t.Errorf("after %d retries: %v", retries, err)
					}
					checkIdle(t, p, 0, 1)
					if b.request == nil && s.calls.Load() != before+1 {
						t.Errorf("it was called %d times", s.calls.Load()-before)
					}
				}
				if s := p.Stats().Endpoints[0]; s.Failures != 1 {
					t.Errorf("%+v", s)
				}
				sum(t, p)
			})
		}
	}
}

// An idempotent method is tried twice, not for ever.
func TestOneRetry(t *testing.T) {
	p, proxy, s := behindProxy(t, pool.Options{Idempotent: func(string) bool { return true }})
	proxy.Replies(func(b []byte) ([]byte, codectest.Action) { return nil, codectest.Reset })
	fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), io.ErrUnexpectedEOF)
	if n := s.calls.Load(); n != 2 || p.Stats().Retries != 1 {
		t.Errorf("it was called %d times", n)
	}
	checkIdle(t, p, 0, 2)
}

func TestBlackHole(t *testing.T) {
	for _, direction := range []string{"requests", "replies"} {
		p, proxy, _ := behindProxy(t, pool.Options{Idempotent: func(string) bool { return true }})
		sum(t, p)
		swallow := func([]byte) ([]byte, codectest.Action) { return nil, codectest.Pass }
		if direction == "requests" {
			proxy.Requests(swallow)
		} else {
			proxy.Replies(swallow)
		}
		start := time.Now()
		err := p.Call(within(t, 50*time.Millisecond), "sum", codec.Args{1, 2}, nil)
		fails(t, err, context.DeadlineExceeded)
		if d := time.Since(start); d > limit/2 {
			t.Errorf("%s: it took %s", direction, d)
		}
		checkIdle(t, p, 0, 1)
		if s := p.Stats(); s.Retries != 0 {
			t.Errorf("%s: tried again after the time had passed: %+v", direction, s)
		}
		proxy.Requests(nil)
		proxy.Replies(nil)
		sum(t, p)
		checkIdle(t, p, 1, 2)
	}
}

func TestSlowBytes(t *testing.T) {
	p, proxy, _ := behindProxy(t, pool.Options{})
	slowly := func(b []byte) ([]byte, codectest.Action) { return b, codectest.Trickle }
	proxy.Requests(slowly)
	proxy.Replies(slowly)
	for range 3 {
		sum(t, p)
	}
	checkIdle(t, p, 1, 1)
}

// A reply with another id answers nothing: the call goes on waiting, and the
// connection is never used again, not even if the right reply comes.
func TestOtherID(t *testing.T) {
	p, proxy, _ := behindProxy(t, pool.Options{})
	other := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[2] = 0x63
		return b
	}
	proxy.Replies(once(codectest.Pass, other))
	fails(t, p.Call(within(t, 50*time.Millisecond), "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded)
	checkIdle(t, p, 0, 1)

	proxy.Replies(once(codectest.Pass, func(b []byte) []byte { return append(other(b), b...) }))
	sum(t, p)
	checkIdle(t, p, 0, 2)

	proxy.Replies(once(codectest.Pass, func(b []byte) []byte { return append(bytes.Clone(b), b...) }))
	sum(t, p) // and the reply once more, behind it
	checkIdle(t, p, 0, 3)
	sum(t, p)
	checkIdle(t, p, 1, 4)
}

// A reply that is cut off is waited for as long as ReadTimeout says.
func TestReadTimeout(t *testing.T) {
	p, proxy, _ := behindProxy(t, pool.Options{Codec: codec.Options{ReadTimeout: 20 * time.Millisecond}})
	proxy.Replies(once(codectest.Pass, half))
	err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
	if err == nil || !strings.Contains(err.Error(), "ReadTimeout") {
		t.Error(err)
	}
	checkIdle(t, p, 0, 1)
}

// The server dies with a call, and cannot be reached any more: the call may have
// run, so its error does not say that it was not sent, however often it was tried.
func TestRetryNotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := l.Accept()
		l.Close()
		if err == nil {
			conn.Read(make([]byte, 1000))
			conn.Close()
		}
	}()
	p := newPool(t, pool.Options{Address: l.Addr().String(), DialRetry: -1, Idempotent: func(string) bool { return true }})
	err = p.Call(ctx, "sum", codec.Args{1, 2}, nil)
	fails(t, err, io.ErrUnexpectedEOF)
	var dial *net.OpError
	if errors.Is(err, codec.ErrNotSent) || !errors.As(err, &dial) || dial.Op != "dial" || !strings.Contains(err.Error(), "again") {
		t.Error(err)
	}
	checkIdle(t, p, 0, 1)
}

// A server that answers and does not read the request: there is no connection that
// is used again with half of a request on it.
func TestEarlyAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			go func() {
				b := make([]byte, 3) // 94 00 and the id
				if _, err := io.ReadFull(conn, b); err == nil {
					conn.Write([]byte{0x94, 1, b[2], 0xc0, 3})
				}
			}()
		}
	}()
	p := newPool(t, pool.Options{Address: l.Addr().String(), MaxConns: 1, Codec: codec.Options{WriteTimeout: 20 * time.Millisecond}})
	long := make([]byte, 15<<20) // more than the system buffers
	err = p.Call(ctx, "sum", codec.Args{long}, nil)
	if err == nil || !strings.Contains(err.Error(), "does not read") {
		t.Error(err)
	}
	fails(t, p.Call(within(t, 50*time.Millisecond), "sum", codec.Args{long}, nil))
	checkIdle(t, p, 0, 2)
	sum(t, p) // a short one is taken
	checkIdle(t, p, 1, 3)
}
