package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/puddle/v2"
)

// An endpoint is one address with its connections. Its puddle holds them; who
// gets which is decided by the pool, which looks at all endpoints. All fields
// but the first four are protected by Pool.mu.
type endpoint struct {
	pool    *Pool
	address string
	puddle  *puddle.Pool[*link]
	shared  *sharing // where connections are shared

	draining bool // not listed any more
	trying   bool // it is being tried

	dialCtx     context.Context // of connections being made
	cancelDials func()
	idle        int // connections in the puddle that nobody uses
	inUse       int // those that a caller has
	dialing     int // those being made

	health // whether it works

	calls, failures     uint64 // calls that ended with an answer, and without
	dials, dialFailures uint64
}

func (p *Pool) newEndpoint(address string) *endpoint {
	ep := &endpoint{pool: p, address: address}
	ep.dialCtx, ep.cancelDials = context.WithCancel(p.ctx)
	if p.set.Shared > 1 {
		ep.shared = &sharing{ep: ep}
	}
	var err error
	ep.puddle, err = puddle.NewPool(&puddle.Config[*link]{
		Constructor: func(context.Context) (*link, error) { return ep.construct() },
		Destructor:  func(l *link) { l.drop() },
		MaxSize:     int32(p.set.units),
	})
	if err != nil {
		panic(err) // MaxSize is positive
	}
	return ep
}

// leaveLocked has nobody go on with what exists of an endpoint but for calls under
// way: connections being made are given up, and links that are made from now on are
// on new ones.
func (ep *endpoint) leaveLocked() {
	ep.cancelDials()
	ep.dialCtx, ep.cancelDials = context.WithCancel(ep.pool.ctx)
	if ep.shared != nil {
		ep.shared.retireAll()
	}
}

// load is how many callers an endpoint has, or is about to have.
func (ep *endpoint) load() int { return ep.inUse + ep.dialing }

// size is how many links an endpoint has, or is about to have.
func (ep *endpoint) size() int { return ep.idle + ep.inUse + ep.dialing }

// construct makes a link, for puddle. It returns a link with Pool.mu held, which
// runDial unlocks: puddle makes the link available in between, and nobody else must
// take it before it is counted.
func (ep *endpoint) construct() (*link, error) {
	p := ep.pool
	l := &link{ep: ep}
	if life := p.set.MaxLifetime; life > 0 {
		l.expires = time.Now().Add(life - jitter(life/10))
	}
	p.mu.Lock()
	l.generation = p.generation
	p.mu.Unlock()
	if ep.shared != nil {
		c, err := ep.shared.join(l.expires)
		if err != nil {
			return nil, err
		}
		l.transport, l.expires = c, c.expires
	} else {
		e, err := ep.open()
		if err != nil {
			return nil, err
		}
		l.transport = e
	}
	p.mu.Lock()
	l.since = time.Now()
	p.links[l] = struct{}{}
	return l, nil
}

// open makes an exclusive connection.
func (ep *endpoint) open() (*exclusive, error) {
	ctx, cancel := ep.dialContext()
	defer cancel()
	s, err := ep.dial(ctx)
	if err != nil {
		return nil, err
	}
	e := newExclusive(s, ep.pool.set.Codec)
	err = ep.greet(ctx, e)
	if err == nil && !e.reusable() {
		err = ep.named(errLeft)
	}
	if err != nil {
		e.drop()
		return nil, err
	}
	return e, nil
}

// dialContext limits the making of a connection. Only the end of the pool,
// leaveLocked or DialTimeout ends it early.
func (ep *endpoint) dialContext() (context.Context, context.CancelFunc) {
	p := ep.pool
	p.mu.Lock()
	ctx := ep.dialCtx
	p.mu.Unlock()
	if p.set.DialTimeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, p.set.DialTimeout)
}

// dial connects.
func (ep *endpoint) dial(ctx context.Context) (*stream, error) {
	set := ep.pool.set
	var conn net.Conn
	err := guarded(func() (err error) {
		conn, err = set.Dial(ctx, set.Network, ep.address)
		return err
	})
	if err != nil {
		return nil, ep.named(err)
	}
	return &stream{Conn: conn}, nil
}

// named adds the endpoint to an error that does not name it already.
func (ep *endpoint) named(err error) error {
	if strings.Contains(err.Error(), ep.address) {
		return err
	}
	return fmt.Errorf("connecting to %s: %w", ep.address, err)
}

// greet runs AfterConnect on a new connection. What the peer reports there stays in
// the text: a *codec.Error is the answer to the call that somebody makes.
func (ep *endpoint) greet(ctx context.Context, t transport) error {
	hook := ep.pool.set.AfterConnect
	if hook == nil {
		return nil
	}
	c := &Conn{pool: ep.pool, link: &link{transport: t, ep: ep}, outcome: errNotUsed}
	err := guarded(func() error { return hook(ctx, c) })
	c.Release() // there is nothing to give back, but nobody can use it from now on
	switch {
	case reported(err):
		return ep.named(fmt.Errorf("AfterConnect: %v", err))
	case err == nil && timeIsUp(c.outcome):
		err = errLeft
	}
	if err != nil {
		return ep.named(fmt.Errorf("AfterConnect: %w", err))
	}
	return nil
}

var errLeft = errors.New("AfterConnect has left the connection in a state in which nobody can use it")

// guarded runs code of the program on a goroutine of the pool. A panic is an error,
// and so is runtime.Goexit, which testing's FailNow calls: a pool can go on with what
// it has, and must not wait for what never comes.
func guarded(f func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("the goroutine has been ended")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
			done <- err
		}()
		err = f()
	}()
	return <-done
}
