package pool

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

// A Resolver tells a pool where its endpoints are. It calls update with all
// their addresses whenever they change, and returns when ctx ends, when nothing
// will change any more (nil), or when it cannot go on: then it is called again,
// after a pause that grows with each failure, up to a minute, or to a second while
// endpoints are needed.
//
// An empty list is not taken over: the endpoints known last stay in use, since a
// directory that has lost its contents is more likely than a service without any
// server, and since an endpoint that is really gone is found out by connecting.
// An address that is listed twice counts once.
//
// The pool calls a Resolver on a goroutine of its own, from New to Close. update
// does not block and may be called from any goroutine.
type Resolver func(ctx context.Context, update func(addresses []string)) error

// Static is the Resolver for a list that does not change.
func Static(addresses ...string) Resolver {
	list := slices.Clone(addresses)
	return func(_ context.Context, update func([]string)) error {
		update(list)
		return nil
	}
}

// nudgeKey is the key of a channel in the context of a Resolver: it receives
// when an endpoint cannot be connected to, which may be because it has moved, and
// when a call waits because none is known.
type nudgeKey struct{}

// A Resolver that fails again and again is asked after pauses that grow to
// mostResolverPause, and within nudgeInterval when somebody needs it.
const (
	mostResolverPause = time.Minute
	nudgeInterval     = time.Second
)

// resolve runs the Resolver until the pool is closed or it has no more to say.
func (p *Pool) resolve(resolver Resolver) {
	ctx := context.WithValue(p.ctx, nudgeKey{}, p.nudge)
	for failures := 0; ; failures++ {
		var told atomic.Bool
		err := guarded(func() error {
			return resolver(ctx, func(list []string) { told.Store(true); p.update(list) })
		})
		switch {
		case p.ctx.Err() != nil:
			return
		case err == nil && told.Load():
			return
		case err == nil:
			err = errors.New("it returned without an address")
		}
		if told.Load() {
			failures = 0
		}
		p.resolverFailed(err)
		if pauseUnlessNudged(p.ctx, backoff(failures, firstBackoff, mostResolverPause), p.nudge) != nil {
			return
		}
	}
}

func (p *Pool) resolverFailed(err error) {
	p.set.Logger.Warn("mprpc: resolver failed", "error", err.Error())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resolveErr = err
}

// update takes over a list of addresses.
func (p *Pool) update(list []string) {
	list = slices.DeleteFunc(slices.Clone(list), func(a string) bool { return a == "" })
	p.mu.Lock()
	defer p.unlock()
	if p.closed {
		return
	}
	if len(list) == 0 {
		p.noteLocked(slog.LevelWarn, "mprpc: resolver knows no endpoint; those known last stay in use")
		return
	}
	for _, ep := range p.all {
		ep.draining = true
	}
	p.endpoints = nil
	for _, address := range list {
		ep := p.all[address]
		if ep == nil {
			ep = p.newEndpoint(address)
			ep.draining = true
			p.all[address] = ep
		}
		if ep.draining { // and not because it stands on the list twice
			ep.draining = false
			p.endpoints = append(p.endpoints, ep)
		}
	}
	for _, ep := range p.all {
		if ep.draining { // what is in use ends with its call
			ep.leaveLocked()
			p.dropIdleLocked(ep)
			p.forgetLocked(ep) // if nothing is in use
		}
	}
	p.resolveErr = nil
	select {
	case <-p.nudge: // from before the list
	default:
	}
	p.changedLocked()
	p.wakeMaintenance()
}

// backoff is the pause after so many failures in a row: it doubles from least to
// most, and a random half of it keeps clients from coming all at once.
func backoff(failures int, least, most time.Duration) time.Duration {
	d := most
	if failures < 20 {
		d = min(least<<failures, most)
	}
	return d/2 + rand.N(d/2+1)
}

// nudgeResolver tells the Resolver that what it has told may be wrong.
func (p *Pool) nudgeResolver() {
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

// pauseUnlessNudged waits, after nudgeInterval only until there is a nudge.
func pauseUnlessNudged(ctx context.Context, d time.Duration, nudge <-chan struct{}) error {
	least := min(nudgeInterval, d)
	if err := sleep(ctx, least); err != nil {
		return err
	}
	t := time.NewTimer(d - least)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-nudge:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sleep waits, unless ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
