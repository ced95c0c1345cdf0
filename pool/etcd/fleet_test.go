package etcd_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// Servers come, go and die under 64 callers, and etcd too. No call fails but
// those that were under way at the server that was killed, and of these none
// that may run twice.
func TestFleet(t *testing.T) {
	const conns = 30
	e := startEtcd(t)
	client := e.client()
	a, b, c := startServer(t, e.endpoint), startServer(t, e.endpoint), startServer(t, e.endpoint)
	p := pool.New(pool.Options{
		Resolver: short.Resolver(client, "sum"), MaxConns: conns, CallTimeout: limit, Logger: quiet,
		Idempotent: func(method string) bool { return method == "sum" },
	})
	defer p.Close()
	callers := startCallers(t, p)

	listed := func(servers ...*server) {
		t.Helper()
		eventually(t, "the pool uses the servers that are there", func() bool { return sameServers(p, servers) })
		answered := map[string]uint64{}
		for _, s := range p.Stats().Endpoints {
			answered[s.Address] = s.Answered
		}
		eventually(t, "all of them answer calls", func() bool {
			for _, s := range p.Stats().Endpoints {
				if s.Answered < answered[s.Address]+100 {
					return false
				}
			}
			return sameServers(p, servers)
		})
	}
	listed(a, b, c)

	killed := time.Now()
	a.kill()
	dead := time.Now()
	listed(b, c)

	d := startServer(t, e.endpoint)
	listed(b, c, d)

	b.drain()
	listed(c, d)

	// Away for longer than the leases last, and killed: it has no time to say so.
	e.stop(syscall.SIGKILL)
	for away := time.Now(); time.Since(away) < 2*short.TTL; {
		listed(c, d)
	}
	e.start()
	f := startServer(t, e.endpoint)
	listed(c, d, f)
	for back := time.Now(); time.Since(back) < 2*short.TTL; {
		listed(c, d, f)
	}
	if keys := keysOf(t, client, "/mprpc/sum/"); len(keys) != 3 {
		t.Errorf("registered are %q", keys)
	}

	calls, failures := callers.stop()
	t.Logf("%d calls, %d of them failed", calls, len(failures))
	if len(failures) > conns {
		t.Errorf("%d calls failed, there were %d connections", len(failures), conns)
	}
	for _, f := range failures {
		switch {
		case f.method == "sum" || f.addr != a.addr:
			t.Errorf("%s at %s failed: %v", f.method, f.addr, f.err)
		case f.at.Before(killed) || f.at.After(dead.Add(short.TTL)):
			t.Errorf("%s failed %s after the server was killed: %v", f.method, f.at.Sub(killed), f.err)
		}
	}
}

// sameServers reports whether the pool has these endpoints and no others.
func sameServers(p *pool.Pool, servers []*server) bool {
	var want, got []string
	for _, s := range servers {
		want = append(want, s.addr)
	}
	for _, ep := range p.Stats().Endpoints {
		got = append(got, ep.Address)
	}
	slices.Sort(want)
	return slices.Equal(want, got)
}

// keysOf returns the keys below a folder.
func keysOf(t *testing.T, client *clientv3.Client, folder string) (keys []string) {
	t.Helper()
	found, err := client.Get(within(t, limit), folder, clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range found.Kvs {
		keys = append(keys, strings.TrimPrefix(string(kv.Key), folder))
	}
	return keys
}

// A failure is a call that failed, though it should not, perhaps.
type failure struct {
	method, addr string
	at           time.Time
	err          error
}

// callers call sum, which may run twice, and add, which may not.
type callers struct {
	quit  chan struct{}
	all   sync.WaitGroup
	calls atomic.Int64

	mu sync.Mutex
	// Protected by mu:
	failures []failure
}

func startCallers(t *testing.T, p *pool.Pool) *callers {
	c := &callers{quit: make(chan struct{})}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range 64 {
		c.all.Go(func() { c.run(p, i%2 == 0, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	return c
}

func (c *callers) run(p *pool.Pool, twice bool, random *rand.Rand) {
	for {
		pause := time.NewTimer(time.Duration(random.IntN(20_000)) * time.Microsecond)
		select {
		case <-c.quit:
			pause.Stop()
			return
		case <-pause.C:
		}
		f := failure{method: "add"}
		x, y, sum := random.IntN(1000), random.IntN(1000), 0
		if twice {
			f.method = "sum"
			f.err = p.Call(ctx, "sum", codec.Args{x, y}, &sum)
		} else {
			f.err = p.Do(ctx, func(conn *pool.Conn) error {
				f.addr = conn.RemoteAddr().String()
				return conn.Call(ctx, "add", codec.Args{x, y}, &sum)
			})
		}
		if f.err == nil && sum != x+y {
			f.err = fmt.Errorf("%d + %d is %d", x, y, sum)
		}
		c.calls.Add(1)
		if f.err != nil {
			f.at = time.Now()
			c.mu.Lock()
			c.failures = append(c.failures, f)
			c.mu.Unlock()
		}
	}
}

// stop ends the callers after their calls.
func (c *callers) stop() (calls int64, failures []failure) {
	close(c.quit)
	c.all.Wait()
	return c.calls.Load(), c.failures
}
