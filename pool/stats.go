package pool

import (
	"cmp"
	"slices"
	"time"
)

// Stats is what a pool holds at one moment, and what it has done so far. Total
// is always Idle + InUse + Dialing, and so it is at each endpoint, whose numbers
// add up to those of the pool.
//
// With Options.Shared what is counted are places on connections, of which each
// has as many as that.
type Stats struct {
	// MaxConns is the limit of Total.
	MaxConns int
	// Total is how many connections there are, those being made included.
	Total int
	// Idle connections wait for a caller, InUse ones have one, Dialing ones are
	// being made.
	Idle, InUse, Dialing int
	// Waiting is how many callers queue because MaxConns connections are in use.
	Waiting int

	// Waited is how many callers have queued and do so no more, and WaitTime for how
	// long in all.
	Waited   uint64
	WaitTime time.Duration
	// Dials is how many connections were tried to make, those on which ejected
	// endpoints are tried included; DialFailures how many of them were not made.
	Dials, DialFailures uint64
	// Closed is how many connections were made and are no more.
	Closed uint64
	// Unsound is how many of those were found dead, used up or with something
	// unread on them when they were about to be used.
	Unsound uint64
	// Retries is how many calls were made a second time.
	Retries uint64

	// Endpoints has the numbers of each endpoint, by address. Those that are no
	// longer listed are in it until their last call is over.
	Endpoints []EndpointStats
}

// EndpointStats is what a pool has and knows of an endpoint.
type EndpointStats struct {
	Address string
	// Up is false while the endpoint is ejected or the last attempt to connect to
	// it has failed.
	Up bool
	// EjectedUntil is when an ejected endpoint is tried again; zero if it is not.
	EjectedUntil time.Time
	// Draining is true when the endpoint is no longer listed.
	Draining bool

	Total, Idle, InUse, Dialing int
	// Answered is how many calls had an answer; Failures how many had none, because
	// of the connection or of the time.
	Answered, Failures uint64
	// Dials and DialFailures are those to this endpoint.
	Dials, DialFailures uint64
}

// counts are the numbers that only grow; they are protected by Pool.mu.
type counts struct {
	dials, dialFailures uint64
	closed, unsound     uint64
	retries             uint64
}

// Stats returns a snapshot.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{
		MaxConns:     p.set.units,
		Total:        p.total,
		Waiting:      int(p.waiting.Load()),
		Waited:       p.waited.Load(),
		WaitTime:     time.Duration(p.waitTime.Load()),
		Dials:        p.counts.dials,
		DialFailures: p.counts.dialFailures,
		Closed:       p.counts.closed,
		Unsound:      p.counts.unsound,
		Retries:      p.counts.retries,
	}
	for _, ep := range p.all {
		s.Idle += ep.idle
		s.InUse += ep.inUse
		s.Dialing += ep.dialing
		s.Endpoints = append(s.Endpoints, EndpointStats{
			Address:      ep.address,
			Up:           !ep.ejected && ep.refused == 0,
			EjectedUntil: ep.until,
			Draining:     ep.draining,
			Total:        ep.size(),
			Idle:         ep.idle,
			InUse:        ep.inUse,
			Dialing:      ep.dialing,
			Answered:     ep.calls,
			Failures:     ep.failures,
			Dials:        ep.dials,
			DialFailures: ep.dialFailures,
		})
	}
	slices.SortFunc(s.Endpoints, func(a, b EndpointStats) int { return cmp.Compare(a.Address, b.Address) })
	return s
}
