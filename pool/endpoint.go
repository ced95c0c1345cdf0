package pool

import (
	"context"
	"errors"
	"fmt"
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
	idle     int  // connections in the puddle that nobody uses
	inUse    int  // those that a caller has
	dialing  int  // those being made

	health // whether it works

	calls, failures     uint64 // calls that ended with an answer, and without
	dials, dialFailures uint64
}

func (p *Pool) newEndpoint(address string) *endpoint {
	ep := &endpoint{pool: p, address: address}
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

// retire has all links that are made from now on be on new connections.
func (ep *endpoint) retire() {
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
	ctx, cancel := ep.pool.dialContext()
	defer cancel()
	s, err := ep.dial(ctx)
	if err != nil {
		return nil, err
	}
	e := newExclusive(s, ep.pool.set.Codec)
	err = ep.greet(ctx, e)
	if err == nil && !e.reusable() {
		err = errors.New("AfterConnect has left a call without an answer")
	}
	if err != nil {
		e.drop()
		return nil, err
	}
	return e, nil
}

// dialContext limits the making of a connection. Only the end of the pool or
// DialTimeout ends it early.
func (p *Pool) dialContext() (context.Context, context.CancelFunc) {
	if p.set.DialTimeout == 0 {
		return p.ctx, func() {}
	}
	return context.WithTimeout(p.ctx, p.set.DialTimeout)
}

// dial connects.
func (ep *endpoint) dial(ctx context.Context) (*stream, error) {
	set := ep.pool.set
	conn, err := set.Dial(ctx, set.Network, ep.address)
	if err != nil {
		return nil, err
	}
	return &stream{Conn: conn}, nil
}

// greet runs AfterConnect on a new connection.
func (ep *endpoint) greet(ctx context.Context, t transport) error {
	hook := ep.pool.set.AfterConnect
	if hook == nil {
		return nil
	}
	c := &Conn{pool: ep.pool, link: &link{transport: t, ep: ep}}
	err := hook(ctx, c)
	c.Release() // there is nothing to give back, but nobody can use it from now on
	if err != nil {
		return fmt.Errorf("AfterConnect: %w", err)
	}
	return nil
}
