package scale_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/pool"
)

// poolTo returns a pool that is closed when the test ends.
func poolTo(t *testing.T, o pool.Options) *pool.Pool {
	t.Helper()
	o.Logger = quiet
	p := pool.New(o)
	t.Cleanup(func() { p.Close() })
	return p
}

// ask asks a server what it takes.
func ask(t *testing.T, p *pool.Pool) Usage {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	u, err := pool.Call[Usage](ctx, p, "usage")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// rate has a client make calls for d. None may fail.
func (c *child) rate(d time.Duration) Rate {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.stdin, d); err != nil {
		c.t.Fatal(err)
	}
	r := hear[Rate](c)
	if r.Errors > 0 || r.Calls == 0 {
		c.t.Errorf("%d calls, %d errors, such as %s", r.Calls, r.Errors, r.Error)
	}
	return r
}

// Thousands of idle connections on one server: what each takes at either end, and
// what calls take meanwhile.
func TestIdleConnections(t *testing.T) {
	skipShort(t)
	conns, d := sized(500, 10_000), sized(200*time.Millisecond, 5*time.Second)
	// The children inherit the limit. At the server there are the bare ones, too.
	if n := descriptors(conns+conns/10+2*spareDescriptors) - 2*spareDescriptors; n < conns+conns/10 {
		t.Logf("SCALED DOWN: the limit of descriptors allows for %d connections, not %d", n*10/11, conns)
		conns = n * 10 / 11
	}
	server := start(t, "server", config{Conns: conns + conns/10 + spareDescriptors})
	addr := hear[string](server)
	look := poolTo(t, pool.Options{Address: addr, MaxConns: 1})
	few := start(t, "client", config{Addr: addr, Conns: 8})
	hear[[]Usage](few)
	few.rate(d / 2) // warm
	t.Logf("with 8 connections: %s", few.rate(d))

	none := ask(t, look)
	many := start(t, "client", config{Addr: addr, Conns: conns})
	client := hear[[]Usage](many)
	some := ask(t, look)
	if n := some.Conns - none.Conns; n != conns {
		t.Fatalf("the server has %d connections more, not %d", n, conns)
	}
	atServer, atPool := perConn(none, some, conns), perConn(client[0], client[1], conns)
	t.Logf("%d idle connections", conns)
	t.Logf("at the server, each: %s", atServer)
	t.Logf("in the pool, each: %s", atPool)
	t.Logf("with them, over 8 others: %s", few.rate(d))
	t.Logf("with them, over all of them: %s", many.rate(d))

	raw := start(t, "client", config{Addr: addr, Conns: conns / 10, Raw: true})
	bare := hear[[]Usage](raw)
	atRaw := perConn(bare[0], bare[1], conns/10)
	t.Logf("as %d bare connections, each: %s", conns/10, atRaw)

	// Bounds with room: that there are any, and no goroutine or buffer too many.
	if atServer.goroutines > 2.1 || atServer.heap+atServer.stacks > 40<<10 {
		t.Errorf("at the server a connection takes %s", atServer)
	}
	if atPool.goroutines > 0.1 || atPool.heap+atPool.stacks > 20<<10 {
		t.Errorf("in a pool a connection takes %s", atPool)
	}
}

// Three to nine servers, each of which does four calls of 2 ms at once, and a
// pool over them.
func TestServers(t *testing.T) {
	skipShort(t)
	const callers = 64
	d := sized(150*time.Millisecond, 3*time.Second)
	var servers []string
	for range 9 {
		servers = append(servers, hear[string](start(t, "server", config{Work: 2 * time.Millisecond, Calls: 4})))
	}
	for n := 3; n <= len(servers); n++ {
		// A machine that is busy with other things may hold up one of the processes.
		for left := 3; ; left-- {
			p := poolTo(t, pool.Options{Resolver: pool.Static(servers[:n]...), MaxConns: callers})
			r, spread, calls := round(t, p, callers, d)
			p.Close()
			t.Logf("%d servers: %s; most to least %.2f: %v", n, r, spread, calls)
			if spread <= 1.5 {
				break
			}
			if left == 0 {
				t.Fatalf("%d servers of equal speed, and most to least is %.2f", n, spread)
			}
		}
	}

	slow := hear[string](start(t, "server", config{Work: 8 * time.Millisecond, Calls: 4}))
	p := poolTo(t, pool.Options{Resolver: pool.Static(servers[0], servers[1], slow), MaxConns: callers})
	r, _, calls := round(t, p, callers, d)
	t.Logf("3 servers, one of them four times slower: %s; %v", r, calls)
	for _, e := range p.Stats().Endpoints {
		if share := float64(e.Answered) / float64(r.Calls); e.Address == slow && share > 0.25 {
			t.Errorf("a slow server has %.0f %% of the calls", 100*share)
		}
	}
}

// round makes calls and returns how they were spread.
func round(t *testing.T, p *pool.Pool, callers int, d time.Duration) (r Rate, spread float64, calls string) {
	t.Helper()
	r = measure(p, "work", nil, callers, d)
	if r.Errors > 0 {
		t.Errorf("%d calls, %d errors, such as %s", r.Calls, r.Errors, r.Error)
	}
	least, most := ^uint64(0), uint64(0)
	var each []string
	for _, e := range p.Stats().Endpoints {
		least, most = min(least, e.Answered), max(most, e.Answered)
		each = append(each, fmt.Sprint(e.Answered))
	}
	return r, float64(most) / float64(max(least, 1)), strings.Join(each, " ")
}
