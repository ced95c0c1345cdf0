package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/pool/etcd"
)

// A list is what a Resolver has told last.
type list struct {
	t       *testing.T
	updates chan []string
	last    []string
	done    chan error
}

// follow runs a Resolver until the test ends.
func follow(t *testing.T, resolver pool.Resolver) *list {
	t.Helper()
	l := &list{t: t, updates: make(chan []string, 1000), done: make(chan error, 1)}
	c, cancel := context.WithCancel(ctx)
	go func() { l.done <- resolver(c, func(addresses []string) { l.updates <- addresses }) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-l.done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the resolver has ended with %v", err)
			}
		case <-time.After(limit):
			t.Error("the resolver does not end")
		}
	})
	return l
}

// becomes waits for a list.
func (l *list) becomes(addresses ...string) {
	l.t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case l.last = <-l.updates:
		case err := <-l.done:
			l.done <- err
			l.t.Fatalf("the resolver has ended with %v", err)
		case <-timer.C:
			l.t.Fatalf("the list is %q, want %q", l.last, addresses)
		}
		if slices.Equal(l.last, addresses) {
			return
		}
	}
}

// stays checks that a list is told again and again, and no other, for d.
func (l *list) stays(d time.Duration, addresses ...string) {
	l.t.Helper()
	for timer := time.After(d); ; {
		select {
		case l.last = <-l.updates:
			if !slices.Equal(l.last, addresses) {
				l.t.Fatalf("the list has become %q", l.last)
			}
		case <-timer:
			return
		}
	}
}

func put(t *testing.T, client *clientv3.Client, key, value string) {
	t.Helper()
	if _, err := client.Put(within(t, limit), key, value); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, client *clientv3.Client, key string) {
	t.Helper()
	if _, err := client.Delete(within(t, limit), key); err != nil {
		t.Fatal(err)
	}
}

func TestResolver(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	slow := etcd.Options{Resync: time.Hour, Logger: quiet} // so that it is the watch that tells
	l := follow(t, slow.Resolver(client, "sum"))
	l.becomes()
	a := register(t, client, "sum", "a:1")
	l.becomes("a:1")
	put(t, client, "/mprpc/sum/by hand", "c:1")
	l.becomes("a:1", "c:1")
	b := register(t, client, "sum", "b:1")
	l.becomes("a:1", "b:1", "c:1")
	put(t, client, "/mprpc/sum/by hand", "d:1")
	l.becomes("a:1", "b:1", "d:1")

	other := register(t, client, "sum2", "x:1")
	put(t, client, "/mprpc/su", "x:1")
	put(t, client, "/mprpc/sum", "x:1")
	withdraw(t, a)
	l.becomes("b:1", "d:1")
	remove(t, client, "/mprpc/sum/by hand")
	l.becomes("b:1")
	withdraw(t, b)
	l.becomes()
	withdraw(t, other)

	second := follow(t, slow.Resolver(client, "sum2"))
	second.becomes()
	put(t, client, "/mprpc/sum2/y", "y:1")
	second.becomes("y:1")
}

// What a Resolver missed while it was cut off may be compacted away when it is
// back.
func TestCompaction(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	proxy := codectest.NewProxy(t, e.endpoint)
	slow := etcd.Options{TTL: time.Second, Resync: time.Hour, Logger: quiet}
	put(t, client, "/mprpc/sum/a", "a:1")
	put(t, client, "/mprpc/sum/b", "b:1")
	l := follow(t, slow.Resolver(connect(t, proxy.Addr()), "sum"))
	l.becomes("a:1", "b:1")
	put(t, client, "/mprpc/sum/c", "c:1") // seen by the watch, which is there then
	l.becomes("a:1", "b:1", "c:1")

	proxy.Stop()
	remove(t, client, "/mprpc/sum/a")
	for i := range 10 {
		put(t, client, "/mprpc/sum/b", fmt.Sprintf("b:%d", i))
	}
	put(t, client, "/mprpc/sum/d", "d:1")
	answer, err := client.Get(within(t, limit), "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Compact(within(t, limit), answer.Header.Revision); err != nil {
		t.Fatal(err)
	}
	proxy.Start()
	l.becomes("a:1", "b:9", "c:1", "d:1") // that a was removed is not known for sure
	l.becomes("b:9", "c:1", "d:1")
	put(t, client, "/mprpc/sum/e", "e:1")
	l.becomes("b:9", "c:1", "d:1", "e:1")
}

// While etcd is away, is silent, or answers nothing but errors, the list stays.
func TestEtcdAway(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	proxy := codectest.NewProxy(t, e.endpoint)
	l := follow(t, options.Resolver(connect(t, proxy.Addr()), "sum"))
	put(t, client, "/mprpc/sum/a", "a:1")
	l.becomes("a:1")

	e.stop(syscall.SIGTERM)
	l.stays(2*options.Resync, "a:1")
	e.start()
	put(t, client, "/mprpc/sum/b", "b:1")
	l.becomes("a:1", "b:1")

	proxy.Replies(func(b []byte) ([]byte, codectest.Action) { return nil, codectest.Pass })
	put(t, client, "/mprpc/sum/c", "c:1")
	l.stays(2*options.Resync, "a:1", "b:1")
	proxy.Cut()
	proxy.Replies(nil)
	l.becomes("a:1", "b:1", "c:1")
}

// An etcd that has lost its data counts revisions from one, and a watch waits for
// one that it has seen long ago. The servers stay in use until they had the time
// to register again.
func TestLoss(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	for i := range 100 {
		put(t, client, "/mprpc/sum/a", fmt.Sprintf("a:%d", i))
	}
	put(t, client, "/mprpc/sum/b", "b:1")
	l := follow(t, options.Resolver(client, "sum"))
	l.becomes("a:99", "b:1")
	e.stop(syscall.SIGKILL)
	e.forget()
	e.start()
	put(t, client, "/mprpc/sum/b", "b:2")
	l.becomes("a:99", "b:2")
	begun := time.Now()
	l.becomes("b:2")
	if d := time.Since(begun); d < options.TTL/2 {
		t.Errorf("the other was kept for %s", d)
	}
}

// A pool tells its callers why it knows of no server, and uses the first there is.
func TestPoolBeforeEtcd(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	e.stop(syscall.SIGTERM)
	p := pool.New(pool.Options{Resolver: options.Resolver(client, "sum"), DialTimeout: limit, Logger: quiet})
	defer p.Close()
	called := make(chan error, 1)
	go func() { called <- p.Call(within(t, limit), "sum", nil, nil) }()
	e.start()
	put(t, client, "/mprpc/sum/a", "127.0.0.1:1")
	if err := <-called; err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("the error is %v", err)
	}
}

func TestResolverOfClosedClient(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	done := make(chan error, 1)
	first := make(chan bool, 10)
	go func() { done <- options.Resolver(client, "sum")(ctx, func([]string) { first <- true }) }()
	<-first
	client.Close()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	case <-time.After(limit):
		t.Error("the resolver does not end")
	}
}
