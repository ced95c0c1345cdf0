package pool

import "time"

// The shortest and the longest time between two rounds of maintenance.
const (
	leastRound = 10 * time.Millisecond
	mostRound  = 30 * time.Second
)

// maintain does what no caller does: it closes links that are idle for too long
// or too old, keeps MinIdle of them ready, and tries ejected endpoints.
func (p *Pool) maintain() {
	t := time.NewTimer(0)
	defer t.Stop()
	var sweep time.Time // when idle links are to be looked at
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-t.C:
		case <-p.wake:
		}
		now := time.Now()
		if round := p.roundTime(); round > 0 && !now.Before(sweep) {
			sweep = now.Add(round)
			p.sweep(now)
		}
		next := p.tend(now)
		if next.IsZero() || !sweep.IsZero() && sweep.Before(next) {
			next = sweep
		}
		if !next.IsZero() {
			t.Reset(time.Until(next))
		}
	}
}

func (p *Pool) wakeMaintenance() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// warmUpLocked is called where idle links become fewer, or room is made.
func (p *Pool) warmUpLocked() {
	if p.set.MinIdle > 0 && p.readyLocked() < p.set.MinIdle && p.total < p.set.units {
		p.wakeMaintenance()
	}
}

// readyLocked is how many links are idle or about to exist.
func (p *Pool) readyLocked() int { return p.idle + len(p.dials) }

// sweep closes links that have been idle for too long or are too old.
func (p *Pool) sweep(now time.Time) {
	p.mu.Lock()
	defer p.unlock()
	for _, ep := range p.all {
		p.takeIdleLocked(ep, func(l *link) bool {
			return !l.expired(now) && (p.set.MaxIdleTime == 0 || now.Sub(l.since) < p.set.MaxIdleTime)
		})
	}
}

// tend tries endpoints whose ejection is over and warms up. It returns when there
// will be more to do, zero if nothing is known of that.
func (p *Pool) tend(now time.Time) (next time.Time) {
	p.mu.Lock()
	defer p.unlock()
	next = p.warmLocked(now)
	for _, ep := range p.all {
		switch {
		case !ep.ejected || ep.trying || ep.draining:
		case !now.Before(ep.until):
			ep.trying = true
			go p.try(ep)
		case next.IsZero() || ep.until.Before(next):
			next = ep.until
		}
	}
	return next
}

// roundTime is how long links may be left alone; 0 for as long as anyone likes.
func (p *Pool) roundTime() time.Duration {
	age := p.set.MaxIdleTime
	if life := p.set.MaxLifetime; life > 0 && (age == 0 || life < age) {
		age = life
	}
	if age == 0 {
		return 0
	}
	return min(max(age/4, leastRound), mostRound)
}

// warmLocked begins to make the links that MinIdle asks for, while there is room
// and nobody waits. It returns when it is to be tried again.
func (p *Pool) warmLocked(now time.Time) (again time.Time) {
	if p.closed || len(p.endpoints) == 0 {
		return again
	}
	for p.readyLocked() < p.set.MinIdle && p.total < p.set.units {
		var ep *endpoint
		for _, e := range p.endpoints {
			if !e.ejected && e.mayDial(now) && (ep == nil || e.size() < ep.size()) {
				ep = e
			}
		}
		if ep == nil {
			return p.nextDialLocked(now, false)
		}
		if !p.trySlot() {
			return again // callers come first; the next taken link brings it up again
		}
		p.dialLocked(ep).abandoned = true
	}
	return again
}

// try connects to an ejected endpoint, and brings it back if that works. The
// connection is one of its own, beside those of the pool, and closed again: of
// these, none is held up by an endpoint that may lead nowhere.
func (p *Pool) try(ep *endpoint) {
	e, err := ep.open()
	if err == nil {
		if p.set.Ping != "" {
			err = p.answers(p.ctx, time.Time{}, e)
		}
		e.drop()
	}
	p.mu.Lock()
	defer p.unlock()
	ep.trying = false
	p.countDialLocked(ep, err)
	if err == nil {
		p.counts.closed++
	}
	switch {
	case p.closed || ep.draining || !ep.ejected: // Reset, for one
	case err == nil:
		ep.refused, ep.dialAt = 0, time.Time{}
		p.readmitLocked(ep)
	default:
		p.ejectLocked(ep, err)
	}
}

// takeIdleLocked removes the idle links of an endpoint that are not to be kept
// and returns them; they are dropped once mu is free. The others keep their
// order, which puts the one used last on top.
func (p *Pool) takeIdleLocked(ep *endpoint, keep func(*link) bool) (removed []*link) {
	var kept []*link
	for ep.idle > 0 {
		res, err := ep.puddle.TryAcquire(p.ctx)
		if err != nil {
			panic("pool: " + err.Error())
		}
		l := res.Value()
		l.res = res
		ep.idle--
		p.idle--
		ep.inUse++
		if keep(l) {
			kept = append(kept, l)
		} else {
			removed = append(removed, l)
			p.removeLocked(l)
		}
	}
	for len(kept) > 0 {
		l := kept[len(kept)-1]
		kept = kept[:len(kept)-1]
		l.res.ReleaseUnused()
		ep.inUse--
		ep.idle++
		p.idle++
	}
	return removed
}

// dropIdleLocked removes all idle links of an endpoint.
func (p *Pool) dropIdleLocked(ep *endpoint) { p.takeIdleLocked(ep, never) }

func never(*link) bool { return false }
