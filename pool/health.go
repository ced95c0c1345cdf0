package pool

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// health is what a pool knows of an endpoint's state. It is protected by Pool.mu.
//
// Two things follow from failures. A dial that fails delays the next one, for
// all callers together, and only one is made at a time until one works. And
// where there are other endpoints, EjectAfter failures in a row, be it of dials
// or of calls, eject an endpoint: it gets no calls until a connection that the
// pool makes on its own, after a while, has worked. See try.
type health struct {
	row     int       // failures since the last answer
	refused int       // dials that failed since the last that worked
	dialAt  time.Time // no dial before this time

	ejected bool
	until   time.Time // when it is tried again
	level   int       // how often it was ejected since the last answer
}

// ready reports whether an endpoint can take a caller now.
func (ep *endpoint) ready(now time.Time) bool { return ep.idle > 0 || ep.mayDial(now) }

func (ep *endpoint) mayDial(now time.Time) bool {
	return ep.refused == 0 || ep.dialing == 0 && !now.Before(ep.dialAt)
}

// answeredLocked notes that an endpoint works.
func (p *Pool) answeredLocked(ep *endpoint) {
	ep.calls++
	ep.row, ep.level = 0, 0
	if !p.downSince.IsZero() {
		p.downSince = time.Now() // connecting fails, and yet it is worth waiting
	}
	if ep.ejected {
		p.readmitLocked(ep)
	}
}

// failedLocked notes a failure, and ejects the endpoint if it was one too many.
func (p *Pool) failedLocked(ep *endpoint, why error) {
	ep.row++
	if p.set.eject && !ep.ejected && !ep.draining && len(p.endpoints) > 1 && ep.row >= p.set.EjectAfter {
		p.ejectLocked(ep, why)
	}
}

// ejectLocked takes an endpoint out of use. Its idle links are dropped: what has
// happened to them is not known.
func (p *Pool) ejectLocked(ep *endpoint, why error) {
	pause := min(firstEjection<<min(ep.level, 10), mostEjection)
	pause += jitter(pause / 4)
	ep.ejected, ep.until = true, time.Now().Add(pause)
	ep.level++
	p.noteLocked(slog.LevelWarn, "mprpc: endpoint ejected",
		"address", ep.address, "failures", ep.row, "for", pause.String(), "error", why.Error())
	ep.leaveLocked()
	p.dropIdleLocked(ep)
	p.wakeMaintenance()
}

// readmitLocked brings an endpoint back. The next failure in a row ejects it
// again, for longer; an answer makes it as good as any other.
func (p *Pool) readmitLocked(ep *endpoint) {
	ep.ejected, ep.until = false, time.Time{}
	ep.row = p.set.EjectAfter - 1
	p.noteLocked(slog.LevelInfo, "mprpc: endpoint is used again", "address", ep.address)
	p.changedLocked()
	p.wakeMaintenance() // which may want to warm up
}

// countDialLocked counts a dial.
func (p *Pool) countDialLocked(ep *endpoint, err error) {
	ep.dials++
	p.counts.dials++
	if err != nil {
		ep.dialFailures++
		p.counts.dialFailures++
	}
}

// dialedLocked notes how a dial ended.
func (p *Pool) dialedLocked(ep *endpoint, err error) {
	p.countDialLocked(ep, err)
	now := time.Now()
	if err == nil {
		ep.refused, ep.dialAt = 0, time.Time{}
		p.downSince = time.Time{}
		p.changedLocked()
		return
	}
	p.changedLocked()
	if errors.Is(err, context.Canceled) { // by leaveLocked
		return
	}
	if shared, ok := err.(*sharedFailure); ok {
		if shared.noted {
			return
		}
		shared.noted = true
	}
	ep.dialAt = now.Add(backoff(ep.refused, firstBackoff, mostBackoff))
	p.lastErr = err
	if p.downSince.IsZero() || ep.refused == 0 { // it has worked until now
		p.downSince = now
	}
	ep.refused++
	p.nudgeResolver()
	p.failedLocked(ep, err)
}

// nextDialLocked is the earliest time after now at which an endpoint, be it ejected
// if that is asked for, may be dialled again; zero where no time is known.
func (p *Pool) nextDialLocked(now time.Time, ejected bool) time.Time {
	var next time.Time
	for _, ep := range p.endpoints {
		if (ejected || !ep.ejected) && ep.dialing == 0 && ep.dialAt.After(now) && (next.IsZero() || ep.dialAt.Before(next)) {
			next = ep.dialAt
		}
	}
	return next
}

// jitter is a random duration of at most d.
func jitter(d time.Duration) time.Duration { return rand.N(d + 1) }
