package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/go-mprpc/mprpc/pool/etcd"
)

// options are those of the tests with one etcd of their own.
var options = etcd.Options{TTL: 2 * time.Second, Resync: time.Second, Logger: quiet}

func register(t *testing.T, client *clientv3.Client, service, address string) *etcd.Registration {
	t.Helper()
	r, err := options.Register(within(t, limit), client, service, address)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func withdraw(t *testing.T, r *etcd.Registration) {
	t.Helper()
	if err := r.Withdraw(within(t, limit)); err != nil {
		t.Error(err)
	}
}

// entry describes a key: its value, and the lease that it is on.
func entry(t *testing.T, client *clientv3.Client, key string) (value string, lease clientv3.LeaseID) {
	t.Helper()
	found, err := client.Get(within(t, limit), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range found.Kvs {
		value, lease = string(kv.Value), clientv3.LeaseID(kv.Lease)
	}
	return value, lease
}

func TestRegister(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	const key = "/mprpc/sum/10.0.0.1:6000"
	r, err := etcd.Register(within(t, limit), client, "sum", "10.0.0.1:6000")
	if err != nil {
		t.Fatal(err)
	}
	value, lease := entry(t, client, key)
	alive, err := client.TimeToLive(within(t, limit), lease)
	if err != nil || value != "10.0.0.1:6000" || alive.GrantedTTL != 10 {
		t.Errorf("%q on a lease of %+v, %v", value, alive, err)
	}
	withdraw(t, r)
	withdraw(t, r)
	if value, _ := entry(t, client, key); value != "" {
		t.Errorf("%q is there after it was withdrawn", value)
	}

	r, err = etcd.Options{Prefix: "blue/"}.Register(within(t, limit), client, "sum", "[::1]:6000")
	if err != nil {
		t.Fatal(err)
	}
	if value, _ := entry(t, client, "blue/sum/[::1]:6000"); value != "[::1]:6000" {
		t.Errorf("with a prefix it is %q", value)
	}
	withdraw(t, r)
}

// A registration outlives its lease, the end of its lease and its key.
func TestRegistrationIsKept(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	const key = "/mprpc/sum/10.0.0.1:6000"
	r := register(t, client, "sum", "10.0.0.1:6000")
	_, lease := entry(t, client, key)
	if _, err := client.Delete(within(t, limit), key); err != nil {
		t.Fatal(err)
	}
	again := clientv3.NoLease
	eventually(t, "the key is put back", func() bool {
		_, again = entry(t, client, key)
		return again != clientv3.NoLease
	})
	if again != lease {
		t.Errorf("it is on another lease: %x, %x", again, lease)
	}
	if _, err := client.Revoke(within(t, limit), lease); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is on another lease", func() bool {
		_, again = entry(t, client, key)
		return again != clientv3.NoLease && again != lease
	})
	withdraw(t, r)
	if left := keysOf(t, client, ""); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

// Two processes at one address, the old and the new one perhaps: that the old one
// withdraws does not remove the new one.
func TestSameAddress(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	const key = "/mprpc/sum/10.0.0.1:6000"
	older := register(t, client, "sum", "10.0.0.1:6000")
	_, first := entry(t, client, key)
	newer := register(t, client, "sum", "10.0.0.1:6000")
	_, second := entry(t, client, key)
	if first == second {
		t.Error("both are on one lease")
	}
	withdraw(t, older)
	if value, lease := entry(t, client, key); value == "" || lease != second {
		t.Errorf("it is %q on %x, registered on %x", value, lease, second)
	}
	withdraw(t, newer)
	if value, _ := entry(t, client, key); value != "" {
		t.Errorf("%q is left", value)
	}
}

// An etcd that comes back without its data has all servers again soon.
func TestRegistrationAfterLoss(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	var all []*etcd.Registration
	for i := range 3 {
		all = append(all, register(t, client, "sum", fmt.Sprintf("10.0.0.%d:6000", i)))
	}
	e.stop(syscall.SIGKILL)
	e.forget()
	e.start()
	eventually(t, "all are registered", func() bool { return len(keysOf(t, client, "/mprpc/sum/")) == 3 })
	for _, r := range all {
		withdraw(t, r)
	}
	if left := keysOf(t, client, ""); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

// Without etcd nothing waits longer than it is told to.
func TestRegisterWithoutEtcd(t *testing.T) {
	e := startEtcd(t)
	client := e.client()
	r := register(t, client, "sum", "10.0.0.1:6000")
	e.stop(syscall.SIGKILL)
	if err := r.Withdraw(within(t, 50*time.Millisecond)); err == nil || !strings.Contains(err.Error(), "/mprpc/sum/10.0.0.1:6000 is not withdrawn") {
		t.Errorf("withdrawing: %v", err)
	}
	_, err := options.Register(within(t, 50*time.Millisecond), client, "sum", "10.0.0.2:6000")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "/mprpc/sum/10.0.0.2:6000 is not registered") {
		t.Errorf("registering: %v", err)
	}

	done := make(chan error, 1)
	go func() { // a server that starts before etcd does
		r, err := options.Register(within(t, limit), client, "sum", "10.0.0.3:6000")
		if err == nil {
			err = r.Withdraw(within(t, limit))
		}
		done <- err
	}()
	e.start()
	if err := <-done; err != nil {
		t.Errorf("with etcd back: %v", err)
	}
}

// A client that was closed first ends the registration, whose lease is left to
// end by itself.
func TestRegistrationOfClosedClient(t *testing.T) {
	e := startEtcd(t)
	client, other := e.client(), e.client()
	r := register(t, client, "sum", "10.0.0.1:6000")
	client.Close()
	eventually(t, "its key is gone", func() bool { return len(keysOf(t, other, "/mprpc/")) == 0 })
	if err := r.Withdraw(within(t, limit)); err == nil {
		t.Error("no error")
	}
}

func TestRegisterWrongly(t *testing.T) {
	client := connect(t, "127.0.0.1:1") // it is not needed
	for _, address := range []string{"", ":6000", "0.0.0.0:6000", "[::]:6000"} {
		if _, err := etcd.Register(within(t, limit), client, "sum", address); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, service := range []string{"", "a/b"} {
		for name, f := range map[string]func(){
			"Register": func() { etcd.Register(ctx, client, service, "10.0.0.1:6000") },
			"Resolver": func() { etcd.Resolver(client, service) },
		} {
			if v := panics(f); !strings.Contains(fmt.Sprint(v), fmt.Sprintf("%q", service)) {
				t.Errorf("%s of %q: %v", name, service, v)
			}
		}
	}
}

func panics(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}
