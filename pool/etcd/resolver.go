package etcd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/go-mprpc/mprpc/pool"
)

// Resolver tells a pool the servers that are registered for service, and their
// changes. The servers known last stay in use while etcd cannot be reached. It
// may be used by several pools.
//
// It panics if service is empty or has a slash in it.
func (o Options) Resolver(client *clientv3.Client, service string) pool.Resolver {
	o = o.withDefaults()
	folder := o.folder(service)
	return func(ctx context.Context, update func([]string)) error {
		w := watcher{
			set: o, client: client, folder: folder, update: update,
			listed: map[string]string{}, missing: map[string]absence{},
		}
		return w.run(ctx)
	}
}

// A watcher is one run of a Resolver, on one goroutine.
type watcher struct {
	set    Options
	client *clientv3.Client
	folder string
	update func([]string)

	listed  map[string]string  // addresses by key, as etcd has them
	missing map[string]absence // those that vanished without a word, by key
}

// An absence is a server that is no longer in a complete list.
type absence struct {
	address string
	until   time.Time // and is kept in use to that time
}

// run reads and watches the list until ctx ends. An error before the first list
// is the pool's, which has nothing to offer to its callers yet and tells them.
func (w *watcher) run(ctx context.Context) error {
	for first, failures := true, 0; ; failures++ {
		revision, err := w.load(ctx)
		if err == nil {
			first = false
			begun := time.Now()
			err = w.watch(ctx, revision+1)
			if time.Since(begun) > mostPause && failures > 0 {
				w.set.Logger.Info("mprpc: the list in etcd can be read again", "folder", w.folder)
				failures = 0
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case w.client.Ctx().Err() != nil:
			return errors.New("etcd: the client is closed")
		case err == nil:
			failures = -1
			continue
		case first:
			w.client.ActiveConnection().ResetConnectBackoff() // the pool's pauses are enough
			return fmt.Errorf("etcd: %s cannot be read: %w", w.folder, err)
		case failures == 0:
			w.set.Logger.Warn("mprpc: reading from etcd has failed, the servers known last stay in use",
				"folder", w.folder, "error", err.Error())
		}
		pause(ctx, w.client, failures)
	}
}

// load reads the complete list and returns the revision it is of.
func (w *watcher) load(ctx context.Context) (revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	found, err := w.client.Get(ctx, w.folder, clientv3.WithPrefix())
	if err != nil {
		return 0, err
	}
	before := w.listed
	w.listed = make(map[string]string, len(found.Kvs))
	for _, kv := range found.Kvs {
		w.put(kv)
	}
	now := time.Now()
	for key, address := range before {
		if _, ok := w.listed[key]; !ok {
			w.missing[key] = absence{address, now.Add(w.set.TTL)}
		}
	}
	maps.DeleteFunc(w.missing, func(_ string, a absence) bool { return !now.Before(a.until) })
	w.tell()
	return found.Header.Revision, nil
}

// watch applies changes until it is time for a complete list, which is no error,
// or until the watch ends: that it has been compacted is one of the reasons.
func (w *watcher) watch(ctx context.Context, revision int64) error {
	resync := w.set.Resync - rand.N(w.set.Resync/4+1)
	if len(w.missing) > 0 {
		resync = min(resync, w.set.TTL)
	}
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), resync)
	defer cancel()
	for answer := range w.client.Watch(ctx, w.folder, clientv3.WithPrefix(), clientv3.WithRev(revision)) {
		if err := answer.Err(); err != nil && ctx.Err() == nil {
			return err
		}
		for _, event := range answer.Events {
			if event.Type == clientv3.EventTypePut {
				w.put(event.Kv)
			} else {
				delete(w.listed, string(event.Kv.Key))
				delete(w.missing, string(event.Kv.Key))
			}
		}
		if len(answer.Events) > 0 {
			w.tell()
		}
	}
	if ctx.Err() == nil {
		return errors.New("the watch has ended")
	}
	return nil
}

func (w *watcher) put(kv *mvccpb.KeyValue) {
	w.listed[string(kv.Key)] = string(kv.Value)
	delete(w.missing, string(kv.Key))
}

// tell gives the pool all addresses. Their order is that of the keys, so that a
// log of them can be compared.
func (w *watcher) tell() {
	all := maps.Clone(w.listed)
	for key, a := range w.missing {
		all[key] = a.address
	}
	var addresses []string
	for _, key := range slices.Sorted(maps.Keys(all)) {
		addresses = append(addresses, all[key])
	}
	w.update(addresses)
}

// isGone reports whether etcd does not know a lease.
func isGone(err error) bool { return errors.Is(err, rpctypes.ErrLeaseNotFound) }
