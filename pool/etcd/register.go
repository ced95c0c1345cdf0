package etcd

import (
	"context"
	"fmt"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// A Registration keeps a server listed in etcd until it is withdrawn. Its methods
// may be called from any goroutine.
type Registration struct {
	set     Options
	client  *clientv3.Client
	key     string
	address string

	cancel context.CancelFunc // ends keep
	kept   chan struct{}      // closed when keep has returned

	withdraw sync.Once
	err      error // of Withdraw

	// lease is keep's own until it has returned.
	lease clientv3.LeaseID
}

// Register lists address, to which others connect, as a server of service. It
// returns when that is in etcd, or with an error when ctx ends before (then it may
// still be listed until the TTL has passed); what etcd refuses, for want of
// permission for example, is tried until then too. From there on ctx has no
// meaning: the server stays listed, whatever happens to etcd,
// until Withdraw is called or client is closed.
//
// It panics if service is empty or has a slash in it.
func (o Options) Register(ctx context.Context, client *clientv3.Client, service, address string) (*Registration, error) {
	o = o.withDefaults()
	r := &Registration{set: o, client: client, key: o.folder(service) + address, address: address, kept: make(chan struct{})}
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	if err := r.list(ctx); err != nil {
		return nil, fmt.Errorf("etcd: %s is not registered: %w", r.key, err)
	}
	ctx, r.cancel = context.WithCancel(client.Ctx())
	go r.keep(ctx)
	return r, nil
}

// Withdraw removes the server from etcd. It does not wait for pools to read that,
// see the package documentation, and returns when etcd has done it or ctx ends;
// after an error the server is listed until its lease ends, and nothing renews
// that. Only the first Withdraw does anything, the others return its error.
func (r *Registration) Withdraw(ctx context.Context) error {
	r.withdraw.Do(func() {
		r.cancel()
		<-r.kept
		if err := r.client.Ctx().Err(); err != nil { // it would try for seconds to use what is closed
			r.err = fmt.Errorf("etcd: %s is not withdrawn, the client is closed: %w", r.key, err)
			return
		}
		// The lease, not the key: that may be on the lease of another process by now,
		// which serves at the same address in our place.
		if _, err := r.client.Revoke(ctx, r.lease); err != nil && !isGone(err) {
			r.err = fmt.Errorf("etcd: %s is not withdrawn: %w", r.key, err)
		}
	})
	return r.err
}

// keep renews the lease, and registers again each time it is lost, until ctx
// ends.
func (r *Registration) keep(ctx context.Context) {
	defer close(r.kept)
	for failures := 0; ; failures++ {
		begun := time.Now()
		r.renew(ctx)
		if time.Since(begun) > r.set.TTL {
			failures = 0
		}
		pause(ctx, r.client, failures)
		if ctx.Err() != nil {
			return
		}
		r.set.Logger.Warn("mprpc: lease in etcd is lost, registering again", "key", r.key)
		if r.list(ctx) != nil {
			return
		}
		r.set.Logger.Info("mprpc: registered in etcd again", "key", r.key)
	}
}

// renew renews the lease until that is lost, or ctx ends. The client does it
// three times in the TTL, connects again by itself, and closes the channel when
// etcd does not know the lease or could not be reached for as long as it lasts.
func (r *Registration) renew(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	renewals, err := r.client.KeepAlive(ctx, r.lease)
	if err != nil {
		return
	}
	for range renewals {
		if isGone(r.check(ctx)) {
			return
		}
	}
}

// check puts the key back if it is not there. One that is there on another lease
// belongs to another process at the same address; it is left alone, or the two
// would take turns. It is looked for first, since a transaction that may write is
// written to etcd's disk whether it does or not.
func (r *Registration) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	found, err := r.client.Get(ctx, r.key, clientv3.WithCountOnly())
	if err != nil || found.Count > 0 {
		return err
	}
	_, err = r.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(r.key), "=", 0)).
		Then(clientv3.OpPut(r.key, r.address, clientv3.WithLease(r.lease))).
		Commit()
	return err
}

// list puts the key into etcd on a new lease, as often as it takes. The error is
// the last one before ctx ended.
func (r *Registration) list(ctx context.Context) (err error) {
	for failures := 0; ; failures++ {
		if failed := r.listOnce(ctx); failed == nil {
			return nil
		} else if err == nil || ctx.Err() == nil { // or else it says only that
			err = failed
		}
		if failures == 0 {
			r.set.Logger.Warn("mprpc: registering in etcd has failed, will try again", "key", r.key, "error", err.Error())
		}
		pause(ctx, r.client, failures)
		if ctx.Err() != nil {
			return fmt.Errorf("%w (%w)", ctx.Err(), err)
		}
	}
}

func (r *Registration) listOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	lease, err := r.client.Grant(ctx, int64((r.set.TTL+time.Second-1)/time.Second))
	if err != nil {
		return err
	}
	r.lease = lease.ID
	_, err = r.client.Put(ctx, r.key, r.address, clientv3.WithLease(lease.ID))
	return err
}
