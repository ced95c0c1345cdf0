package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/rpc"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// A Pool makes calls on connections that it opens, keeps, checks and closes. Any
// number of goroutines may use it. See New.
type Pool struct {
	set    *settings
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	nudge  chan struct{} // a dial has failed: Resolvers look again
	wake   chan struct{} // maintenance has something to do

	// slots holds an element for each permission to have a link or to make one that has
	// been given. Those who want one wait in their order to send, before mu is acquired;
	// it is given back at any time.
	slots   chan struct{}
	waiting atomic.Int64 // callers in the queue

	waited   atomic.Uint64 // how many were in the queue in all
	waitTime atomic.Int64  // how long together, in nanoseconds

	mu sync.Mutex
	// Protected by mu, which is acquired before the locks of the puddles. Unlock it
	// with unlock.

	endpoints []*endpoint          // those listed
	all       map[string]*endpoint // and those that drain, by address
	turn      int                  // where the search for an endpoint begins
	total     int                  // links, those being made included: never above units
	idle      int                  // those that nobody uses

	links map[*link]struct{} // all that have been made
	dials map[*dial]struct{} // all that are being made

	closed     bool
	generation int           // counts calls of Reset
	changed    chan struct{} // closed at a change that somebody waits for, or nil
	resolveErr error         // of the Resolver, while it knows of no endpoint
	downSince  time.Time     // when the first of the dials failed that all failed since
	lastErr    error         // of the dial that failed last

	counts counts

	gone  []*link  // to be dropped once mu is free
	notes []func() // to be logged then
}

// New returns a pool. Nothing is connected before the first call, unless MinIdle
// is set. It panics if the options have neither an Address nor a Resolver, or
// both, or if the codec's options make no sense.
func New(o Options) *Pool {
	set := o.settings()
	set.Codec.NewClientCodec(nowhere{}).Close() // panics now, where each connection would
	p := &Pool{
		set:   set,
		slots: make(chan struct{}, set.units), // which takes no memory for elements
		nudge: make(chan struct{}, 1),
		wake:  make(chan struct{}, 1),
		all:   map[string]*endpoint{},
		links: map[*link]struct{}{},
		dials: map[*dial]struct{}{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	go p.resolve(set.Resolver)
	go p.maintain()
	return p
}

// nowhere is a connection that nothing is done on.
type nowhere struct{}

func (nowhere) Read([]byte) (int, error)    { return 0, rpc.ErrShutdown }
func (nowhere) Write(b []byte) (int, error) { return 0, rpc.ErrShutdown }
func (nowhere) Close() error                { return nil }

// Call calls a method and waits for its result. The rules for args and reply are
// those of package codec: codec.Args for several parameters, a struct for its
// fields, anything else for one; a nil reply drops the result.
//
// The error is a *codec.Error, found with errors.As, for what the peer reported.
// It wraps context.Canceled or context.DeadlineExceeded when ctx or CallTimeout
// has ended the call, and is rpc.ErrShutdown once the pool is closed. The package
// documentation says which failed calls are made again.
func (p *Pool) Call(ctx context.Context, method string, args, reply any) error {
	return p.call(ctx, method, nil, func(t transport, until time.Time) error {
		return t.call(ctx, until, method, args, reply)
	})
}

// Notify sends a notification: a call that nobody answers. It returns when the
// message has been handed to the system, or to a shared connection. mprpc closes
// the connection on a notification.
func (p *Pool) Notify(ctx context.Context, method string, args any) error {
	return p.call(ctx, method, errNoAnswer, func(t transport, until time.Time) error {
		return t.notify(ctx, until, method, args)
	})
}

// call runs f on a link, and once more where that is allowed. done is the outcome
// for the endpoint's record where f has no error.
func (p *Pool) call(ctx context.Context, method string, done error, f func(transport, time.Time) error) error {
	var until time.Time
	if p.set.CallTimeout > 0 {
		until = time.Now().Add(p.set.CallTimeout)
	}
	l, broke, err := p.attempt(ctx, until, nil, done, f)
	if err == nil || !broke || timeIsUp(err) || !p.mayRepeat(method, err) {
		return p.explain(l, method, err)
	}

	p.mu.Lock()
	p.counts.retries++
	p.unlock()
	first, sent := p.explain(l, method, err), !errors.Is(err, codec.ErrNotSent)
	l, _, err = p.attempt(ctx, until, l.ep, done, f)
	answer := l != nil && reported(err)
	if err = p.explain(l, method, err); err != nil && sent && !answer && err != rpc.ErrShutdown {
		return &secondError{first, err}
	}
	return err
}

// attempt acquires a link and runs f on it; the link is nil if there is none.
func (p *Pool) attempt(ctx context.Context, until time.Time, not *endpoint, done error, f func(transport, time.Time) error) (l *link, broke bool, err error) {
	l, err = p.acquire(ctx, until, not)
	for err == nil {
		if broke, err = p.use(l, until, done, f); err != errUnsound {
			return l, broke, err
		}
		l, err = p.replace(ctx, until, l, not)
	}
	return nil, false, err
}

// use runs f on a link and gives the link back, after a panic too: the program's
// own code, such as its codec.Names, runs in a call, and somebody may recover. A link
// that was idle and turns out to be unsound it keeps, for replace.
func (p *Pool) use(l *link, until time.Time, done error, f func(transport, time.Time) error) (broke bool, err error) {
	returned := false
	defer func() {
		if !returned {
			l.spoil()
			p.release(l, errNotUsed)
		}
	}()
	err = f(l.transport, until)
	returned = true
	switch {
	case err == nil:
		return p.release(l, done), nil
	case err == errUnsound:
		return false, err
	}
	return p.release(l, err), err
}

// A secondError is the error of the second attempt at a call whose first attempt
// may have run: whatever became of the second, the call may have been sent.
type secondError struct{ first, second error }

func (e *secondError) Error() string { return e.first.Error() + "; and again: " + e.second.Error() }

func (e *secondError) Is(target error) bool {
	return target != codec.ErrNotSent && errors.Is(e.second, target)
}

func (e *secondError) As(target any) bool { return errors.As(e.second, target) }

func (e *secondError) Unwrap() error { return e.first }

// mayRepeat reports whether a call whose connection broke may be made again: it
// never left, or its method may run twice.
func (p *Pool) mayRepeat(method string, err error) bool {
	return errors.Is(err, codec.ErrNotSent) || p.set.idempotent(method)
}

// explain says where a call failed, except for what is to be compared with ==
// and for the peer's own errors.
func (p *Pool) explain(l *link, method string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, rpc.ErrShutdown) {
		if p.isClosed() {
			return rpc.ErrShutdown
		}
		err = errAborted
	}
	switch {
	case l == nil:
		return fmt.Errorf("pool: %s: %w: %w", method, codec.ErrNotSent, err)
	case reported(err):
		return err
	}
	return fmt.Errorf("pool: %s at %s: %w", method, l.ep.address, err)
}

// errAborted is the error of a call whose connection was closed under it, by
// Destroy on another goroutine or because it was stuck for somebody else.
var errAborted = errors.New("the connection was closed on this side")

// Do calls f with a connection that nobody else uses until f returns, and
// returns f's error.
func (p *Pool) Do(ctx context.Context, f func(*Conn) error) error {
	c, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return f(c)
}

// Acquire returns a connection that nobody else uses (with Options.Shared: that
// is not used by more callers than that) until it is released or destroyed.
func (p *Pool) Acquire(ctx context.Context) (*Conn, error) {
	l, err := p.acquire(ctx, time.Time{}, nil)
	for err == nil && !l.looked() {
		l, err = p.replace(ctx, time.Time{}, l, nil)
	}
	if err != nil {
		if errors.Is(err, rpc.ErrShutdown) {
			return nil, rpc.ErrShutdown
		}
		return nil, fmt.Errorf("pool: %w", err)
	}
	l.waited = 0 // no call has waited
	return &Conn{pool: p, link: l, outcome: errNotUsed}, nil
}

// Reset closes all connections: idle ones at once, the others when they are
// released. No call that begins later uses one of them. Reset also forgets what is
// known of the endpoints' health.
func (p *Pool) Reset() {
	p.mu.Lock()
	defer p.unlock()
	p.generation++
	p.downSince = time.Time{}
	for _, ep := range p.all {
		ep.leaveLocked()
		p.dropIdleLocked(ep)
		ep.health = health{}
	}
	p.changedLocked()
	p.wakeMaintenance()
}

// Close closes all connections. Calls that are under way or wait fail with
// rpc.ErrShutdown; a Conn that is out is destroyed, and releasing it later does
// nothing. What was accepted by Notify on connections that are idle still leaves,
// within codec.Options.WriteTimeout. Only the first Close does anything.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.cancel()
	var idle, out []*link
	for _, ep := range p.all {
		idle = append(idle, p.takeIdleLocked(ep, never)...)
	}
	for l := range p.links {
		if l.taken {
			out = append(out, l)
			p.removeLocked(l)
		}
	}
	p.gone = nil
	for d := range p.dials {
		p.finishLocked(d, nil, rpc.ErrShutdown)
	}
	p.changedLocked()
	p.unlock()
	// Slots that their holders will not give back any more, so that those who wait
	// for one get it, and learn that the pool is closed.
	for _, l := range out {
		l.abort()
		p.freeSlot()
	}
	var closing sync.WaitGroup
	for _, l := range idle {
		closing.Go(l.close)
	}
	for _, l := range out {
		closing.Go(l.drop)
	}
	closing.Wait()
	return nil
}

// unlock unlocks mu and does what has gathered for when it is free.
func (p *Pool) unlock() {
	gone, notes := p.gone, p.notes
	p.gone, p.notes = nil, nil
	p.mu.Unlock()
	for _, l := range gone {
		l.drop()
	}
	for _, note := range notes {
		note()
	}
}

// noteLocked logs something once mu is free: a handler may be slow, or use the
// pool.
func (p *Pool) noteLocked(level slog.Level, text string, args ...any) {
	p.notes = append(p.notes, func() { p.set.Logger.Log(context.Background(), level, text, args...) })
}

func (p *Pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// changedLocked wakes those who wait for something to change.
func (p *Pool) changedLocked() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// Call calls a method with the given parameters and returns its result as a T:
//
//	sum, err := pool.Call[int](ctx, p, "sum", 1, 2)
func Call[T any](ctx context.Context, p *Pool, method string, args ...any) (T, error) {
	var reply T
	if err := p.Call(ctx, method, codec.Args(args), &reply); err != nil {
		var zero T
		return zero, err
	}
	return reply, nil
}
