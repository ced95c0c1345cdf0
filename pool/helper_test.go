package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// limit bounds what must not take long at all.
const limit = 30 * time.Second

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

// A service is what the tests call. Its connections are served with the codec of
// this module.
type service struct {
	mux   rpcutil.Mux
	calls atomic.Int64
	pings atomic.Int64

	mu sync.Mutex
	// Protected by mu:
	conns map[net.Conn]bool
	delay time.Duration
	gates map[string]*gate
}

// A gate holds up the calls of hold.
type gate struct {
	entered chan struct{}
	open    chan struct{}
}

func newService() *service {
	s := &service{conns: map[net.Conn]bool{}, gates: map[string]*gate{}}
	s.mux.Handle("sum", func(x, y int) int {
		s.calls.Add(1)
		s.mu.Lock()
		delay := s.delay
		s.mu.Unlock()
		time.Sleep(delay)
		return x + y
	})
	s.mux.Handle("ping", func() { s.pings.Add(1) })
	s.mux.Handle("text", func() string { return "text" })
	s.mux.Handle("fail", func() error { return &codec.Error{Code: 7, Message: "as asked"} })
	s.mux.Handle("hold", func(name string) {
		g := s.gate(name)
		g.entered <- struct{}{}
		<-g.open
	})
	return s
}

func (s *service) gate(name string) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[name]
	if g == nil {
		g = &gate{make(chan struct{}, 1000), make(chan struct{})}
		s.gates[name] = g
	}
	return g
}

func (s *service) slow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// serve serves a connection until it ends.
func (s *service) serve(conn net.Conn) {
	s.mu.Lock()
	s.conns[conn] = true
	s.mu.Unlock()
	s.mux.ServeCodec(codec.Options{Logger: quiet}.NewServerCodec(conn))
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
}

func (s *service) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// hangUp closes all connections.
func (s *service) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// listen serves on a port of the loopback interface until the test ends.
func (s *service) listen(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		s.hangUp()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return l.Addr().String()
}

// newPool returns a pool that logs nothing; it is closed when the test ends, and
// its numbers must add up then.
func newPool(t testing.TB, o pool.Options) *pool.Pool {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet
	}
	p := pool.New(o)
	t.Cleanup(func() { closePool(t, p) })
	return p
}

func closePool(t testing.TB, p *pool.Pool) {
	t.Helper()
	checkSums(t, p.Stats())
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "all connections are closed", func() bool {
		s := p.Stats()
		return s.Total == 0 && s.Waiting == 0 && s.Dials-s.DialFailures == s.Closed
	})
	checkSums(t, p.Stats())
}

// checkSums checks what holds for the numbers of a pool at any moment.
func checkSums(t testing.TB, s pool.Stats) {
	t.Helper()
	var sum pool.EndpointStats
	for _, e := range s.Endpoints {
		if e.Total != e.Idle+e.InUse+e.Dialing {
			t.Errorf("an endpoint's numbers do not add up: %+v", e)
		}
		sum.Total += e.Total
		sum.Idle += e.Idle
		sum.InUse += e.InUse
		sum.Dialing += e.Dialing
	}
	made := int(s.Dials - s.DialFailures - s.Closed)
	if s.Total != s.Idle+s.InUse+s.Dialing || s.Total > s.MaxConns || s.Total != made+s.Dialing ||
		s.Total != sum.Total || s.Idle != sum.Idle || s.InUse != sum.InUse || s.Dialing != sum.Dialing {
		t.Errorf("the numbers do not add up: %+v", s)
	}
}

// checkIdle checks that nothing is under way and that there are so many idle
// connections, of so many that were made.
func checkIdle(t testing.TB, p *pool.Pool, idle, made int) {
	t.Helper()
	s := p.Stats()
	checkSums(t, s)
	if s.InUse != 0 || s.Dialing != 0 || s.Waiting != 0 || s.Idle != idle || int(s.Dials-s.DialFailures) != made {
		t.Errorf("want %d idle connections of %d made: %+v", idle, made, s)
	}
}

// eventually waits for something that another goroutine is about to do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", limit, what)
		}
	}
}

// sum makes a call that must work.
func sum(t testing.TB, p *pool.Pool) {
	t.Helper()
	if got, err := pool.Call[int](ctx, p, "sum", 1, 2); err != nil || got != 3 {
		t.Errorf("1 + 2 is %d, %v", got, err)
	}
}

// fails checks that an error is, or wraps, all of those wanted.
func fails(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("the error is %v, want one that is %v", err, w)
		}
	}
	if err == nil {
		t.Error("no error")
	}
}

// receive takes what a channel brings, within limits.
func receive[T any](t testing.TB, c <-chan T, what string) (v T) {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case v = <-c:
	case <-timer.C:
		t.Fatalf("%s: nothing after %s", what, limit)
	}
	return v
}

// within returns a context that ends after d.
func within(t testing.TB, d time.Duration) context.Context {
	c, cancel := context.WithTimeout(ctx, d)
	t.Cleanup(cancel)
	return c
}

// goSum makes a call on a goroutine of its own.
func goSum(ctx context.Context, p *pool.Pool) <-chan error {
	done := make(chan error, 1)
	go func() {
		got, err := pool.Call[int](ctx, p, "sum", 1, 2)
		if err == nil && got != 3 {
			err = fmt.Errorf("1 + 2 is %d", got)
		}
		done <- err
	}()
	return done
}

// canProbe says whether idle connections are looked at before they are used.
const canProbe = runtime.GOOS != "windows" && runtime.GOOS != "plan9" && runtime.GOOS != "js" && runtime.GOOS != "wasip1"
