package pool

import (
	"context"
	"errors"
	"net/rpc"
	"time"

	"github.com/jackc/puddle/v2"
)

// A link is a connection, or a part of a shared one, as the pool counts it.
type link struct {
	transport
	ep  *endpoint
	res *puddle.Resource[*link]

	generation int       // of the pool when it was made
	expires    time.Time // zero if never

	// since is when it was made, pinged or given back after a call last. It belongs to
	// whoever has the link, and to Pool.mu while nobody has it. puddle counts too, but
	// must not be asked where Close may take the link away at the same time.
	since time.Time
	taken bool // a caller has it; protected by Pool.mu

	// waited is how long the caller who has it waited for it, until got. They are
	// that caller's.
	waited time.Duration
	got    time.Time
}

// queuedLonger reports whether a call ran out of time that it had mostly spent in
// waiting for the link.
func (l *link) queuedLonger(err error) bool {
	return l.waited > 0 && errors.Is(err, context.DeadlineExceeded) && time.Since(l.got) < l.waited
}

// expired reports whether a link is too old to be used.
func (l *link) expired(now time.Time) bool {
	return !l.expires.IsZero() && !now.Before(l.expires)
}

// sound reports whether an idle link can be used: it has not expired, and the
// peer is there and has sent nothing, unless that is still to be looked at.
func (p *Pool) sound(ctx context.Context, until time.Time, l *link, now time.Time) bool {
	if l.expired(now) {
		return false
	}
	idle := now.Sub(l.since)
	if p.set.MaxIdleTime > 0 && idle >= p.set.MaxIdleTime {
		return false
	}
	return l.ready() && (p.set.Ping == "" || idle < p.set.PingAfter || l.looked() && p.ping(ctx, until, l))
}

// ping pings an idle connection. If it does not answer in time, the other idle
// connections to the endpoint are not trusted either.
func (p *Pool) ping(ctx context.Context, until time.Time, l *link) bool {
	err := p.answers(ctx, until, l.transport)
	if err == nil {
		l.since = time.Now()
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

// answers makes the call of Options.Ping, whose answer does not matter.
func (p *Pool) answers(ctx context.Context, until time.Time, t transport) error {
	if p.set.DialTimeout > 0 {
		if limit := time.Now().Add(p.set.DialTimeout); until.IsZero() || limit.Before(until) {
			until = limit
		}
	}
	if err := t.call(ctx, until, p.set.Ping, nil, nil); !reported(err) {
		return err
	}
	return nil
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
	l.res, l.taken, l.waited = res, true, 0
	p.warmUpLocked()
	return l
}

// Outcomes that are no errors: there was no call, or one that nobody answers, which
// says nothing of the endpoint.
var (
	errNotUsed  = errors.New("not used")
	errNoAnswer = errors.New("no answer is due")
)

// isAnswer reports whether an outcome is an answer of the endpoint.
func isAnswer(err error) bool {
	if err == nil {
		return true
	}
	var bad *misfit
	return reported(err) || errors.As(err, &bad)
}

// A misfit is the error of a call whose answer has come, and is not what the caller
// can take.
type misfit struct{ error }

func (m *misfit) Unwrap() error { return m.error }

// release gives back a link and its slot, with the outcome of the call. It
// reports whether the connection broke.
func (p *Pool) release(l *link, err error) (broke bool) {
	good := l.reusable()
	used := err != errNotUsed
	silent := err == errNoAnswer
	answered := used && isAnswer(err)
	broke = used && !silent && !answered && !good
	now := time.Now()
	p.mu.Lock()
	defer p.unlock()
	if !l.taken { // Close has been here
		return false
	}
	switch {
	case answered:
		p.answeredLocked(l.ep)
	case errors.Is(err, context.Canceled), errors.Is(err, errAborted), l.queuedLonger(err):
		// That a caller has lost interest is not the endpoint's fault, nor that its time
		// has passed if most of it went by elsewhere.
	case broke, errors.Is(err, context.DeadlineExceeded):
		l.ep.failures++
		p.failedLocked(l.ep, err)
	}
	if used {
		l.since = now
	}
	p.returnLocked(l, good, now)
	p.freeSlot()
	return broke
}

// returnLocked makes a link idle, or removes it.
func (p *Pool) returnLocked(l *link, good bool, now time.Time) {
	ep := l.ep
	if !good || ep.draining || ep.ejected || l.generation != p.generation || l.expired(now) {
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
	p.forgetLocked(l.ep)
	p.warmUpLocked()
}

// discard removes a link; the caller keeps the slot. It returns rpc.ErrShutdown
// where Close has taken both the link and the slot away.
func (p *Pool) discard(l *link) error {
	p.mu.Lock()
	defer p.unlock()
	if !l.taken {
		return rpc.ErrShutdown
	}
	p.counts.unsound++
	p.removeLocked(l)
	return nil
}

// replace is discard, and obtains another link in its place.
func (p *Pool) replace(ctx context.Context, until time.Time, l *link, not *endpoint) (*link, error) {
	if err := p.discard(l); err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx, until)
	defer cancel()
	start := time.Now()
	n, err := p.obtain(ctx, start, not)
	if err == nil {
		n.waited = l.waited + n.got.Sub(start)
	}
	return n, err
}

// forgetLocked forgets an endpoint that has drained. It is called wherever the
// last link may have gone.
func (p *Pool) forgetLocked(ep *endpoint) {
	if ep.draining && ep.size() == 0 && p.all[ep.address] == ep {
		ep.cancelDials() // there are none, but Pool.ctx remembers whom it may have to end
		delete(p.all, ep.address)
	}
}
