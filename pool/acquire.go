package pool

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"time"
)

// A dial is a link being made. It has a slot. When the caller who wanted it does
// not wait any longer the dial goes on, and the slot is given back at its end.
type dial struct {
	ep   *endpoint
	done chan struct{} // closed when link or err is set
	// Protected by Pool.mu until done is closed:
	link      *link
	err       error
	abandoned bool
	finished  bool
}

// acquire returns a link that the caller alone has from now on.
func (p *Pool) acquire(ctx context.Context, until time.Time) (*link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The way of most calls: a link is idle and sound.
	slot := p.slots.TryAcquire(1)
	if slot {
		if l := p.takeIdle(ctx, until); l != nil {
			return l, nil
		}
	}
	if !until.IsZero() {
		limited, cancel := context.WithDeadlineCause(ctx, until, errCallTimeout)
		defer cancel()
		ctx = limited
	}
	if !slot {
		if err := p.queue(ctx); err != nil {
			return nil, err
		}
	}
	return p.obtain(ctx)
}

// takeIdle returns an idle link if the choice falls on one, and it is sound.
func (p *Pool) takeIdle(ctx context.Context, until time.Time) *link {
	now := time.Now()
	p.mu.Lock()
	if p.closed || len(p.endpoints) == 0 {
		p.mu.Unlock()
		return nil
	}
	turn := p.turn
	c := p.chooseLocked(now)
	if c.link == nil {
		p.turn = turn // the choice is made again
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	if !p.sound(ctx, until, c.link, now) {
		p.discard(c.link)
		return nil
	}
	return c.link
}

// queue waits for a slot, behind those who came before.
func (p *Pool) queue(ctx context.Context) error {
	start := time.Now()
	p.waiting.Add(1)
	err := p.slots.Acquire(ctx, 1)
	p.waiting.Add(-1)
	p.mu.Lock()
	p.counts.waited++
	p.counts.waitTime += time.Since(start)
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("no connection became free: %w", ended(ctx))
	}
	return nil
}

// obtain finds or makes a link for the holder of a slot. If it fails the slot is
// given back.
func (p *Pool) obtain(ctx context.Context) (*link, error) {
	start := time.Now()
	for {
		if err := ctx.Err(); err != nil {
			p.slots.Release(1)
			return nil, ended(ctx)
		}
		p.mu.Lock()
		c, err := p.nextLocked(start)
		if err != nil {
			p.unlock()
			p.slots.Release(1)
			return nil, err
		}
		switch {
		case c.link != nil:
			p.unlock()
			if p.sound(ctx, time.Time{}, c.link, time.Now()) {
				return c.link, nil
			}
			p.discard(c.link)
		case c.dial != nil:
			d := p.dialLocked(c.dial)
			p.unlock()
			l, err := p.await(ctx, d)
			if l != nil {
				return l, nil
			}
			if err != nil { // the slot is the dial's now
				return nil, err
			}
		default:
			if p.changed == nil {
				p.changed = make(chan struct{})
			}
			changed := p.changed
			p.unlock()
			pause(ctx, c.wait, changed)
		}
	}
}

// nextLocked says what the holder of a slot is to do next, or why there is
// nothing more to do.
func (p *Pool) nextLocked(start time.Time) (choice, error) {
	now := time.Now()
	if p.closed {
		return choice{}, rpc.ErrShutdown
	}
	if len(p.endpoints) == 0 {
		limit := start.Add(p.set.DialTimeout)
		if p.set.DialTimeout > 0 && !now.Before(limit) {
			if p.resolveErr != nil {
				return choice{}, fmt.Errorf("no endpoint is known: %w", p.resolveErr)
			}
			return choice{}, errNoEndpoint
		}
		if p.set.DialTimeout == 0 {
			limit = time.Time{}
		}
		return choice{wait: limit}, nil
	}
	c := p.chooseLocked(now)
	if c.link != nil || c.dial != nil {
		return c, nil
	}
	// Nobody can be connected to at the moment, and it has been tried.
	limit := p.downSince.Add(p.set.DialRetry)
	if !now.Before(limit) {
		return choice{}, p.lastErr
	}
	if c.wait.After(limit) || !c.wait.After(now) {
		c.wait = limit // a dial is on its way: its end is a change
	}
	return c, nil
}

var errNoEndpoint = errors.New("no endpoint is known: the resolver has not told any")

// pause waits for a time, if there is one, a change or the end of ctx.
func pause(ctx context.Context, until time.Time, changed <-chan struct{}) {
	var timeout <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-timeout:
	case <-changed:
	case <-ctx.Done():
	}
}

// dialLocked begins to make a link, with the slot of the caller.
func (p *Pool) dialLocked(ep *endpoint) *dial {
	if p.total >= p.set.units {
		p.evictLocked(ep)
	}
	d := &dial{ep: ep, done: make(chan struct{})}
	p.dials[d] = struct{}{}
	p.total++
	ep.dialing++
	go p.runDial(d)
	return d
}

// runDial makes a link and settles its dial.
//
// puddle.Acquire would not do: it takes a link that has become idle meanwhile,
// and ends its own count of what is under way when a context ends.
func (p *Pool) runDial(d *dial) {
	ep := d.ep
	err := ep.puddle.CreateResource(context.Background())
	p.mu.Lock()
	defer p.unlock()
	var l *link
	ep.dialing--
	if err == nil {
		// The new link is idle in the puddle and not counted as such. If others have
		// come to lie above it, it is one of those that is taken, which is as good.
		ep.idle++
		p.idle++
		l = p.takeLocked(ep)
	} else {
		p.total--
	}
	if d.finished { // by Close
		if l != nil {
			p.dialedLocked(ep, nil)
			p.removeLocked(l)
		}
		return
	}
	p.dialedLocked(ep, err)
	p.finishLocked(d, l, err)
	p.forgetLocked(ep)
	p.warmUpLocked()
}

// finishLocked settles a dial. If nobody waits for it its link becomes idle.
func (p *Pool) finishLocked(d *dial, l *link, err error) {
	d.finished, d.link, d.err = true, l, err
	delete(p.dials, d)
	close(d.done)
	switch {
	case d.abandoned && l != nil:
		p.returnLocked(l, true)
		p.slots.Release(1)
	case d.abandoned:
		p.slots.Release(1)
	}
}

// await waits for a dial. It returns neither link nor error if the dial failed;
// with an error the slot is no longer the caller's.
func (p *Pool) await(ctx context.Context, d *dial) (*link, error) {
	select {
	case <-d.done:
		return d.link, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	if d.finished {
		l := d.link
		p.unlock()
		return l, nil // if it has failed, the caller sees next that ctx has ended
	}
	d.abandoned = true
	p.unlock()
	return nil, fmt.Errorf("connecting to %s: %w", d.ep.address, ended(ctx))
}

// sound reports whether an idle link can be used: it has not expired, and the
// peer is there and has sent nothing.
func (p *Pool) sound(ctx context.Context, until time.Time, l *link, now time.Time) bool {
	if l.expired(now) {
		return false
	}
	idle := l.res.IdleDuration()
	if p.set.MaxIdleTime > 0 && idle >= p.set.MaxIdleTime {
		return false
	}
	return l.alive() && (p.set.Ping == "" || idle < p.set.PingAfter || p.ping(ctx, until, l))
}

// ping makes a call whose answer does not matter. If there is none in time, the
// other idle connections to the endpoint are not trusted either.
func (p *Pool) ping(ctx context.Context, until time.Time, l *link) bool {
	if p.set.DialTimeout > 0 {
		if limit := time.Now().Add(p.set.DialTimeout); until.IsZero() || limit.Before(until) {
			until = limit
		}
	}
	err := l.call(ctx, until, p.set.Ping, nil, nil)
	if err == nil || reported(err) {
		return l.reusable()
	}
	if ctx.Err() == nil {
		p.mu.Lock()
		defer p.unlock()
		l.ep.failures++
		p.failedLocked(l.ep, err)
		p.dropIdleLocked(l.ep)
	}
	return false
}

// takeLocked takes an idle link of an endpoint, if there is one.
func (p *Pool) takeLocked(ep *endpoint) *link {
	if ep.idle == 0 {
		return nil
	}
	res, err := ep.puddle.TryAcquire(context.Background())
	if err != nil {
		panic("pool: a puddle without the idle connection that was counted: " + err.Error())
	}
	ep.idle--
	p.idle--
	ep.inUse++
	l := res.Value()
	l.res, l.taken = res, true
	p.warmUpLocked()
	return l
}

// errNotUsed is the outcome where there was no call.
var errNotUsed = errors.New("not used")

// release gives back a link and its slot, with the outcome of the call. It
// reports whether the connection broke.
func (p *Pool) release(l *link, err error) (broke bool) {
	good := l.reusable()
	used := err != errNotUsed
	answered := used && (err == nil || reported(err))
	broke = used && !answered && !good
	p.mu.Lock()
	defer p.unlock()
	if !l.taken { // Close has been here
		return false
	}
	switch {
	case answered:
		p.answeredLocked(l.ep)
	case broke && !errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// That a caller has lost interest is not the endpoint's fault; that its time
		// has passed is.
		l.ep.failures++
		p.failedLocked(l.ep, err)
	}
	p.returnLocked(l, good)
	p.forgetLocked(l.ep)
	p.slots.Release(1)
	return broke
}

// returnLocked makes a link idle, or removes it.
func (p *Pool) returnLocked(l *link, good bool) {
	ep := l.ep
	if !good || ep.draining || ep.ejected || l.generation != p.generation || l.expired(time.Now()) {
		p.removeLocked(l)
		return
	}
	l.taken = false
	l.res.Release()
	ep.inUse--
	ep.idle++
	p.idle++
	p.changedLocked() // for those who cannot connect
}

// removeLocked takes a link that is in use out of the pool for good. Hijack does
// so at once; puddle's Destroy would leave it to another goroutine, and the counts
// would not add up meanwhile.
func (p *Pool) removeLocked(l *link) {
	l.taken = false
	l.res.Hijack()
	delete(p.links, l)
	l.ep.inUse--
	p.total--
	p.counts.closed++
	p.gone = append(p.gone, l)
	p.warmUpLocked()
}

// discard removes a link; the caller keeps the slot.
func (p *Pool) discard(l *link) {
	p.mu.Lock()
	defer p.unlock()
	if l.taken {
		p.counts.unsound++
		p.removeLocked(l)
		p.forgetLocked(l.ep)
	}
}

// forgetLocked forgets an endpoint that has drained.
func (p *Pool) forgetLocked(ep *endpoint) {
	if ep.draining && ep.size() == 0 {
		delete(p.all, ep.address)
	}
}

// timeIsUp reports whether a call was ended by its context or CallTimeout.
func timeIsUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
