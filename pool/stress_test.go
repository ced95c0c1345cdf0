package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/rpc"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
)

// TestStress does at random what callers, servers and networks do, on four
// endpoints, of which one goes for good. Whatever happens, an answer is the right one, every call ends, an
// error is one that was to be expected, and nothing is lost or left behind.
//
//	POOL_STRESS_SEED=123 go test -run Stress ./pool
func TestStress(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("POOL_STRESS_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	for _, shared := range []int{1, 4} {
		t.Run(fmt.Sprintf("shared=%d", shared), func(t *testing.T) {
			t.Logf("POOL_STRESS_SEED=%d", seed)
			goroutines, files := runtime.NumGoroutine(), descriptors()
			t.Run("actions", func(t *testing.T) { stress(t, seed, shared) })
			eventually(t, "all goroutines and descriptors are gone", func() bool {
				return runtime.NumGoroutine() <= goroutines && descriptors() <= files
			})
		})
	}
}

// descriptors returns how many files the process has open, where that can be
// known.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

const (
	stressActors  = 16
	stressActions = 150
)

func stress(t *testing.T, seed uint64, shared int) {
	var proxies []*codectest.Proxy
	lists := make(pushed)
	var list []string
	for range 4 {
		proxy := codectest.NewProxy(t, newService().listen(t))
		proxies = append(proxies, proxy)
		list = append(list, proxy.Addr())
	}
	options := pool.Options{
		Resolver: lists.resolve, MaxConns: 5, Shared: shared, MinIdle: 1, MaxIdleTime: 100 * time.Millisecond,
		MaxLifetime: 300 * time.Millisecond, CallTimeout: limit, DialRetry: 50 * time.Millisecond, DialTimeout: time.Second,
		Ping: "ping", PingAfter: 20 * time.Millisecond, Idempotent: func(m string) bool { return m == "text" },
	}
	p := newPool(t, options)
	lists <- list
	var actors sync.WaitGroup
	for i := range stressActors {
		actors.Go(func() {
			a := actor{t: t, Rand: rand.New(rand.NewPCG(seed, uint64(i))), p: p}
			for range stressActions {
				a.act()
			}
		})
	}
	world := rand.New(rand.NewPCG(seed, 1000))
	last := proxies[len(proxies)-1]
	for done, i := finished(&actors), 0; i <= 10 || !isClosed(done); i++ {
		time.Sleep(time.Duration(world.IntN(10)) * time.Millisecond)
		if i == 10 { // one goes for good
			list, proxies = list[:3], proxies[:3]
			last.Stop()
			lists <- list
		}
		trouble(world, p, proxies, lists, list)
		checkSums(t, p.Stats())
	}
	for _, proxy := range proxies {
		proxy.Requests(nil)
		proxy.Replies(nil)
	}
	eventually(t, "a call works", func() bool { return p.Call(ctx, "sum", codec.Args{1, 2}, nil) == nil })
	eventually(t, "no slot is lost", func() bool { s := p.Stats(); return s.InUse == 0 && s.Waiting == 0 && s.Dialing == 0 })
	var conns []*pool.Conn // as many as there can be
	for range p.Stats().MaxConns {
		conns = append(conns, acquire(t, p))
	}
	for _, c := range conns {
		c.Release()
	}
	lists <- list
	eventually(t, "the endpoint that is gone is forgotten", func() bool { return len(p.Stats().Endpoints) == 3 })

	// Close in the middle of everything.
	options.Resolver = pool.Static(list...)
	closing := newPool(t, options)
	var closed atomic.Bool
	for i := range stressActors {
		actors.Go(func() {
			a := actor{t: t, Rand: rand.New(rand.NewPCG(seed, uint64(2000+i))), p: closing, closed: &closed}
			for range stressActions {
				a.act()
			}
		})
	}
	time.Sleep(time.Duration(world.IntN(20)) * time.Millisecond)
	closed.Store(true)
	closing.Close()
	<-finished(&actors)
	fails(t, closing.Call(ctx, "sum", nil, nil), rpc.ErrShutdown)
	checkSums(t, closing.Stats())
}

// finished returns a channel that is closed when all of a group are done.
func finished(group *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	return done
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// trouble does something to the servers, the network or the pool.
func trouble(r *rand.Rand, p *pool.Pool, proxies []*codectest.Proxy, lists pushed, list []string) {
	proxy := proxies[r.IntN(len(proxies))]
	cut := r.IntN(20)
	filters := []codectest.Filter{
		nil, nil, nil,
		once(codectest.Reset, half), once(codectest.HalfClose, half), once(codectest.Trickle, nil), once(codectest.Pass, none),
		once(codectest.Pass, func(b []byte) []byte { return append(append([]byte(nil), b...), b...) }),
		once(codectest.Pass, func(b []byte) []byte { return append([]byte{0xc1}, b...) }),
		// Bytes are never lost with others behind them, which TCP does not do either.
		once(codectest.Reset, func(b []byte) []byte { return b[:min(cut, len(b))] }),
	}
	switch r.IntN(8) {
	case 0:
		proxy.Cut()
	case 1:
		proxy.Stop()
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
		proxy.Start()
	case 2, 3:
		proxy.Replies(filters[r.IntN(len(filters))])
	case 4:
		proxy.Requests(filters[r.IntN(len(filters))])
	case 5:
		n := r.IntN(len(list) + 1)
		lists <- list[:n]
	case 6:
		lists <- list
	case 7:
		if r.IntN(10) == 0 {
			p.Reset()
		}
	}
}

// An actor is a caller with a random mind.
type actor struct {
	t *testing.T
	*rand.Rand
	p      *pool.Pool
	closed *atomic.Bool // Close has been called, or nil if it never is
}

func (a actor) act() {
	c, cancel := context.WithTimeout(ctx, time.Duration(1+a.IntN(200))*time.Millisecond)
	defer cancel()
	switch a.IntN(12) {
	case 0:
		time.AfterFunc(time.Duration(a.IntN(2000))*time.Microsecond, cancel)
		fallthrough
	case 1, 2, 3, 4, 5:
		x, y := a.IntN(1000), a.IntN(1000)
		got, err := pool.Call[int](c, a.p, "sum", x, y)
		a.check(err)
		if err == nil && got != x+y {
			a.t.Errorf("%d + %d is %d", x, y, got)
		}
	case 6:
		got, err := pool.Call[string](c, a.p, "text")
		a.check(err)
		if err == nil && got != "text" {
			a.t.Errorf("text is %q", got)
		}
	case 7:
		a.check(a.p.Notify(c, "ping", nil))
	case 8:
		err := a.p.Call(c, "fail", nil, nil)
		var reported *codec.Error
		if !errors.As(err, &reported) {
			if err == nil {
				a.t.Error("no error")
			}
			a.check(err)
		}
	case 9:
		var number int
		if a.p.Call(c, "text", nil, &number) == nil {
			a.t.Error("text is a number")
		}
	case 10, 11:
		conn, err := a.p.Acquire(c)
		a.check(err)
		if err != nil {
			return
		}
		for range a.IntN(3) {
			a.check(conn.Call(c, "sum", codec.Args{1, 2}, nil))
		}
		if a.IntN(2) == 0 {
			conn.Destroy()
		}
		conn.Release()
	}
}

// check lets errors pass that are to be expected.
func (a actor) check(err error) {
	var reported *codec.Error
	var network net.Error
	switch {
	case err == nil:
	case err == rpc.ErrShutdown && a.closed != nil && a.closed.Load():
	case errors.Is(err, rpc.ErrShutdown), errors.As(err, &reported):
		a.t.Errorf("unexpected: %v", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF):
	case errors.Is(err, codec.ErrNotSent), errors.As(err, &network): // no server, or a reset
	case strings.Contains(err.Error(), "message is"), strings.Contains(err.Error(), "0xc1"): // the garbage of trouble
	default:
		a.t.Errorf("unexpected: %v (%T)", err, err)
	}
}
