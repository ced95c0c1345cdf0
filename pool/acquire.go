package pool

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"time"
)

// acquire returns a link that the caller alone has from now on. It is to another
// endpoint than not, if there is one, where not is not nil.
func (p *Pool) acquire(ctx context.Context, until time.Time, not *endpoint) (*link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The way of most calls: a link is idle and sound.
	slot := p.trySlot()
	if slot {
		if l, err := p.takeIdle(ctx, until, not); l != nil || err != nil {
			return l, err
		}
	}
	start := time.Now()
	ctx, cancel := limited(ctx, until)
	defer cancel()
	now := start
	if !slot {
		var err error
		if now, err = p.queue(ctx, start); err != nil {
			return nil, err
		}
	}
	l, err := p.obtain(ctx, now, not)
	if err == nil {
		l.waited = l.got.Sub(start)
	}
	return l, err
}

// limited is ctx with a deadline, if there is one.
func limited(ctx context.Context, until time.Time) (context.Context, context.CancelFunc) {
	if until.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadlineCause(ctx, until, errCallTimeout)
}

// takeIdle returns an idle link if the choice falls on one, and it is sound. With
// an error the slot is no longer the caller's.
func (p *Pool) takeIdle(ctx context.Context, until time.Time, not *endpoint) (*link, error) {
	now := time.Now()
	p.mu.Lock()
	if p.closed || len(p.endpoints) == 0 {
		p.mu.Unlock()
		return nil, nil
	}
	turn := p.turn
	c := p.chooseLocked(now, not)
	if c.link == nil {
		p.turn = turn // the choice is made again
		p.mu.Unlock()
		return nil, nil
	}
	p.mu.Unlock()
	if p.sound(ctx, until, c.link, now) {
		return c.link, nil
	}
	return nil, p.discard(c.link)
}

// queue waits for a slot, from start on, behind those who came before, and returns
// the time when it has one.
func (p *Pool) queue(ctx context.Context, start time.Time) (time.Time, error) {
	p.waiting.Add(1)
	ok := p.slot(ctx)
	p.waiting.Add(-1)
	now := time.Now()
	p.waited.Add(1)
	p.waitTime.Add(int64(now.Sub(start)))
	if !ok {
		return now, fmt.Errorf("no connection became free: %w", ended(ctx))
	}
	return now, nil
}

// slot waits for a slot, and reports false if ctx has ended before.
func (p *Pool) slot(ctx context.Context) bool {
	done := ctx.Done()
	if done == nil {
		p.slots <- struct{}{} // several times as fast as a select
		return true
	}
	select {
	case p.slots <- struct{}{}:
		return true
	case <-done:
		return false
	}
}

// trySlot takes a slot if one is free, for which nobody waits then.
func (p *Pool) trySlot() bool {
	select {
	case p.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p *Pool) freeSlot() {
	select {
	case <-p.slots:
	default:
		panic("pool: a slot was given back twice")
	}
}

// obtain finds or makes a link for the holder of a slot, from start on. It notes when
// it had it, before a ping. If it fails the slot is no longer the caller's.
func (p *Pool) obtain(ctx context.Context, start time.Time, not *endpoint) (*link, error) {
	for now := start; ; now = time.Now() {
		if err := ctx.Err(); err != nil {
			p.freeSlot()
			return nil, ended(ctx)
		}
		p.mu.Lock()
		c, err := p.nextLocked(start, now, not)
		if err != nil {
			p.unlock()
			p.freeSlot()
			return nil, err
		}
		switch {
		case c.link != nil:
			p.unlock()
			if p.sound(ctx, time.Time{}, c.link, now) {
				c.link.got = now
				return c.link, nil
			}
			if err := p.discard(c.link); err != nil {
				return nil, err
			}
		case c.dial != nil:
			d := p.dialLocked(c.dial)
			p.unlock()
			l, err := p.await(ctx, d)
			if l != nil && ctx.Err() != nil { // both have ended at once
				p.release(l, errNotUsed)
				return nil, ended(ctx)
			}
			if l != nil {
				l.got = time.Now()
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
func (p *Pool) nextLocked(start, now time.Time, not *endpoint) (choice, error) {
	if p.closed {
		return choice{}, rpc.ErrShutdown
	}
	if len(p.endpoints) == 0 {
		p.nudgeResolver()
		next := now.Add(nudgeInterval) // and again, should it fail now
		limit := start.Add(p.set.DialTimeout)
		if p.set.DialTimeout > 0 && !now.Before(limit) {
			if p.resolveErr != nil {
				return choice{}, fmt.Errorf("no endpoint is known: %w", p.resolveErr)
			}
			return choice{}, errNoEndpoint
		}
		if p.set.DialTimeout > 0 && limit.Before(next) {
			next = limit
		}
		return choice{wait: next}, nil
	}
	c := p.chooseLocked(now, not)
	if c.link != nil || c.dial != nil {
		return c, nil
	}
	// Nobody can be connected to at the moment, and it has been tried: if not since a
	// connection worked, then before the list of endpoints changed.
	if p.downSince.IsZero() {
		p.downSince = now
	}
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

// timeIsUp reports whether a call was ended by its context or CallTimeout.
func timeIsUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
