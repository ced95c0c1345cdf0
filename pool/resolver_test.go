package pool_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// names is a directory of names that the test changes.
type names struct {
	mu sync.Mutex
	// Protected by mu:
	hosts   map[string][]string
	records []*net.SRV
	err     error
	asked   int
}

func (n *names) set(host string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = addresses
}

func (n *names) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

func (n *names) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *names) LookupHost(_ context.Context, host string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	return n.hosts[host], n.err
}

func (n *names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if service != "rpc" || proto != "tcp" || name != "example.org" {
		return "", nil, errors.New("asked for something else")
	}
	return name, n.records, n.err
}

func addresses(p *pool.Pool) string {
	var list []string
	for _, e := range p.Stats().Endpoints {
		if !e.Draining {
			list = append(list, e.Address)
		}
	}
	return strings.Join(list, " ")
}

func TestDNSHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := &names{hosts: map[string][]string{"example.org": {"10.0.0.1", "::1"}}}
		n := newNetwork(t, "10.0.0.1:6000", "[::1]:6000", "10.0.0.2:6000")
		dns := pool.DNS{Lookup: dir, Interval: time.Minute}
		p := newPool(t, pool.Options{Resolver: dns.Host("example.org:6000"), Dial: n.dial})
		sum(t, p)
		sum(t, p)
		if got := n.counted("10.0.0.1:6000", "[::1]:6000"); got[0] != 1 || got[1] != 1 {
			t.Errorf("calls went to %v", got)
		}
		dir.set("example.org", "10.0.0.2")
		time.Sleep(59 * time.Second)
		if got := addresses(p); got != "10.0.0.1:6000 [::1]:6000" {
			t.Errorf("before the interval: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := addresses(p); got != "10.0.0.2:6000" {
			t.Errorf("after the interval: %s", got)
		}
		sum(t, p)

		// A failure to look up changes nothing, and is tried again soon.
		dir.fail(errors.New("no network"))
		dir.set("example.org")
		time.Sleep(10 * time.Minute)
		if got, asked := addresses(p), dir.count(); got != "10.0.0.2:6000" || asked < 15 {
			t.Errorf("asked %d times: %s", asked, got)
		}
		sum(t, p)
		dir.fail(nil)
		time.Sleep(10 * time.Minute)
		if got := addresses(p); got != "10.0.0.2:6000" {
			t.Errorf("no addresses: %s", got)
		}
		dir.set("example.org", "10.0.0.1")
		time.Sleep(2 * time.Minute)
		if got := addresses(p); got != "10.0.0.1:6000" {
			t.Errorf("back again: %s", got)
		}
	})
}

// A server that has moved is found before the interval has passed.
func TestDNSAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := &names{hosts: map[string][]string{"example.org": {"10.0.0.1"}}}
		n := newNetwork(t, "10.0.0.1:6000", "10.0.0.2:6000")
		p := newPool(t, pool.Options{
			Resolver: pool.DNS{Lookup: dir, Interval: time.Hour}.Host("example.org:6000"), Dial: n.dial,
			DialRetry: 5 * time.Second,
		})
		sum(t, p)
		time.Sleep(time.Minute)
		dir.set("example.org", "10.0.0.2")
		n.before("10.0.0.1:6000", refuse)
		p.Reset()
		start := time.Now()
		sum(t, p)
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("it took %s", d)
		}
		// One look-up a second at most.
		n.before("10.0.0.2:6000", refuse)
		p.Reset()
		before := dir.count()
		p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		if got := dir.count() - before; got < 3 || got > 6 {
			t.Errorf("%d look-ups in 5 s", got)
		}
	})
}

func TestDNSSRV(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := &names{records: []*net.SRV{
			{Target: "a.example.org.", Port: 1, Priority: 1},
			{Target: "b.example.org.", Port: 2, Priority: 1, Weight: 5},
			{Target: "c.example.org.", Port: 3, Priority: 2},
		}}
		n := newNetwork(t, "a.example.org:1", "b.example.org:2")
		p := newPool(t, pool.Options{Resolver: pool.DNS{Lookup: dir, Interval: -1}.SRV("rpc", "tcp", "example.org"), Dial: n.dial})
		sum(t, p)
		if got := addresses(p); got != "a.example.org:1 b.example.org:2" {
			t.Error(got)
		}
		// net's resolver returns what is good together with an error about the rest.
		dir.mu.Lock()
		dir.records, dir.err = dir.records[:1], errors.New("one is not a name")
		dir.mu.Unlock()
		time.Sleep(31 * time.Second)
		if got := addresses(p); got != "a.example.org:1" {
			t.Error(got)
		}
	})
}

func TestDNSAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{Resolver: pool.DNS{}.Host("no port"), DialTimeout: time.Second})
		if err := p.Call(ctx, "sum", nil, nil); err == nil || !strings.Contains(err.Error(), "missing port") {
			t.Error(err)
		}
	})
}

// The look-ups of the system, for what needs no network.
func TestDNSDefault(t *testing.T) {
	s := newService()
	p := newPool(t, pool.Options{Resolver: pool.DNS{}.Host(s.listen(t))})
	sum(t, p)
}

// Before the first list calls wait, within limits.
func TestNoEndpointYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		lists := make(pushed)
		p := newPool(t, pool.Options{Resolver: lists.resolve, Dial: n.dial, DialTimeout: time.Minute})
		first := goSum(ctx, p)
		start := time.Now()
		fails(t, p.Call(within(t, time.Second), "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded, codec.ErrNotSent)
		if d := time.Since(start); d != time.Second {
			t.Errorf("it took %s", d)
		}
		time.Sleep(58 * time.Second)
		lists <- []string{"a"}
		if err := <-first; err != nil {
			t.Error(err)
		}
		checkIdle(t, p, 1, 1)

		p = newPool(t, pool.Options{Resolver: make(pushed).resolve, Dial: n.dial})
		start = time.Now()
		err := p.Call(ctx, "sum", codec.Args{1, 2}, nil)
		fails(t, err, codec.ErrNotSent)
		if d := time.Since(start); d != 5*time.Second || !strings.Contains(err.Error(), "no endpoint") {
			t.Errorf("after %s: %v", d, err)
		}
		p = newPool(t, pool.Options{Resolver: make(pushed).resolve, Dial: n.dial, DialTimeout: -1})
		fails(t, p.Call(within(t, time.Hour), "sum", codec.Args{1, 2}, nil), context.DeadlineExceeded, codec.ErrNotSent)
		checkIdle(t, p, 0, 0)
	})
}

// A Resolver that fails, panics or has nothing to say is called again, and the
// endpoints that are known stay in use.
func TestResolverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t, "a")
		var log bytes.Buffer
		var calls []time.Duration
		start := time.Now()
		p := newPool(t, pool.Options{
			Dial: n.dial, Logger: slog.New(slog.NewTextHandler(&log, nil)), DialTimeout: 10 * time.Second,
			Resolver: func(ctx context.Context, update func([]string)) error {
				calls = append(calls, time.Since(start))
				switch len(calls) {
				case 1:
					return errors.New("no directory")
				case 2:
					panic("mine")
				case 3:
					return nil
				case 4:
					update([]string{"a"})
					return errors.New("lost it")
				}
				<-ctx.Done()
				return ctx.Err()
			},
		})
		sum(t, p)
		time.Sleep(10 * time.Second)
		sum(t, p)
		p.Close()
		synctest.Wait()
		if len(calls) != 5 || calls[4] > time.Second {
			t.Errorf("called at %s", calls)
		}
		for _, text := range []string{"no directory", "panic: mine", "without an address", "lost it"} {
			if !strings.Contains(log.String(), text) {
				t.Errorf("%q is not in the log:\n%s", text, log.String())
			}
		}
	})
}

// What a Resolver fails with is what calls fail with as long as nothing is known.
func TestResolverError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no directory")
		p := newPool(t, pool.Options{DialTimeout: time.Second, Resolver: func(context.Context, func([]string)) error { return failure }})
		fails(t, p.Call(ctx, "sum", nil, nil), failure, codec.ErrNotSent)
	})
}

// A name that could not be looked up for long is known again soon after that works,
// if somebody needs it: be it that no endpoint can be connected to, or none is known.
func TestDNSRecovery(t *testing.T) {
	for _, known := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			dir := &names{hosts: map[string][]string{}}
			if known {
				dir.set("example.org", "10.0.0.1")
			}
			n := newNetwork(t, "10.0.0.2:6000")
			p := newPool(t, pool.Options{Resolver: pool.DNS{Lookup: dir, Interval: 5 * time.Second}.Host("example.org:6000"), Dial: n.dial})
			synctest.Wait()
			dir.fail(errors.New("no network"))
			dir.set("example.org")
			time.Sleep(5 * time.Minute)
			if n := dir.count(); n > 20 {
				t.Errorf("%d look-ups though nobody needs one", n)
			}
			fails(t, p.Call(ctx, "sum", codec.Args{1, 2}, nil), codec.ErrNotSent)
			dir.fail(nil)
			dir.set("example.org", "10.0.0.2")
			start := time.Now()
			for p.Call(ctx, "sum", codec.Args{1, 2}, nil) != nil {
				time.Sleep(100 * time.Millisecond)
			}
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("it took %s", d)
			}
		})
	}
}

// A Resolver may go on telling after it has returned.
func TestResolverUpdatesLater(t *testing.T) {
	s := newService()
	address := s.listen(t)
	var late sync.WaitGroup
	p := newPool(t, pool.Options{Resolver: func(_ context.Context, update func([]string)) error {
		late.Go(func() { update([]string{address}) })
		return errors.New("lost the directory")
	}})
	sum(t, p)
	p.Close()
	eventually(t, "the resolver ends", func() bool { late.Wait(); return true })
}
