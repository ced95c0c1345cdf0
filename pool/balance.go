package pool

import (
	"slices"
	"time"
)

// A choice is what a caller is to do next.
type choice struct {
	link *link     // use this link, or else
	dial *endpoint // connect to this endpoint, or else
	wait time.Time // look again at this time, or when something has changed
}

// chooseLocked decides where a caller goes. The endpoint with the fewest callers
// takes the next, in turn where several have as few, so that a slow one gets
// less: its callers stay longer. Ejected endpoints are left out unless all are.
//
// A slot is held, so fewer than units links are taken or being made; if no more
// may be made, one is therefore idle. To make another one elsewhere would cost
// that one. It is only done for an endpoint that has not its fair share of links,
// and not where there are more endpoints than links, or they would be made anew
// for each call.
//
// Who has just seen an endpoint fail goes to another one, if there is one that
// can be used: the failed one has few callers now, and may look alive while its
// process dies.
func (p *Pool) chooseLocked(now time.Time, not *endpoint) choice {
	ep := p.leastLocked(now, not, (*endpoint).ready)
	if ep == nil {
		return choice{wait: p.nextDialLocked(now, p.allEjectedLocked())}
	}
	if ep.idle == 0 && p.total >= p.set.units && p.victimLocked(ep) == nil {
		if other := p.leastLocked(now, not, hasIdle); other != nil && (other != not || ep == not) {
			ep = other
		}
	}
	if l := p.takeLocked(ep); l != nil {
		return choice{link: l}
	}
	return choice{dial: ep}
}

// leastLocked returns the endpoint with the fewest callers among those that fit:
// one that is not ejected and not that named, or else the latter. Where all are
// ejected, all fit.
func (p *Pool) leastLocked(now time.Time, not *endpoint, fits func(*endpoint, time.Time) bool) *endpoint {
	n := len(p.endpoints)
	if n == 1 && fits(p.endpoints[0], now) {
		return p.endpoints[0]
	}
	for choosy := 2; choosy >= 0; choosy-- {
		if choosy == 2 && not == nil {
			continue
		}
		if choosy == 0 && !p.allEjectedLocked() {
			return nil
		}
		var best *endpoint
		at := 0
		for i := range n {
			k := (p.turn + i) % n
			ep := p.endpoints[k]
			if (choosy < 1 || !ep.ejected) && (choosy < 2 || ep != not) && fits(ep, now) && (best == nil || ep.load() < best.load()) {
				best, at = ep, k
			}
		}
		if best != nil {
			p.turn = at + 1
			return best
		}
	}
	return nil
}

func (p *Pool) allEjectedLocked() bool {
	return !slices.ContainsFunc(p.endpoints, func(ep *endpoint) bool { return !ep.ejected })
}

func hasIdle(ep *endpoint, _ time.Time) bool { return ep.idle > 0 }

// fairLocked is how many links each endpoint in use should at least be able to
// have.
func (p *Pool) fairLocked() int {
	n := 0
	for _, ep := range p.endpoints {
		if !ep.ejected {
			n++
		}
	}
	return p.set.units / max(n, 1)
}

// victimLocked returns an endpoint that has an idle link to spare for another
// one: it is of no use there, or there are more than a fair share of them while
// the other has less.
func (p *Pool) victimLocked(forWhom *endpoint) *endpoint {
	fair := p.fairLocked()
	var victim *endpoint
	for _, ep := range p.all {
		switch {
		case ep.idle == 0 || ep == forWhom:
		case ep.draining || ep.ejected:
			return ep
		case forWhom.size() < fair && ep.size() > fair && (victim == nil || ep.size() > victim.size()):
			victim = ep
		}
	}
	return victim
}

// evictLocked removes an idle link to make room for one at another endpoint.
func (p *Pool) evictLocked(forWhom *endpoint) {
	victim := p.victimLocked(forWhom)
	if victim == nil { // what is idle is where the caller has just failed
		for _, ep := range p.all {
			if ep.idle > 0 && (victim == nil || ep.size() > victim.size()) {
				victim = ep
			}
		}
	}
	if victim != nil {
		p.removeLocked(p.takeLocked(victim))
	}
}
