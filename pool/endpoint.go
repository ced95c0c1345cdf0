package pool

import (
	"context"
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
		ep.shared = &sharing{set: p.set, dial: ep.dial}
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

// load is how many callers an endpoint has, or is about to have.
func (ep *endpoint) load() int { return ep.inUse + ep.dialing }

// size is how many links an endpoint has, or is about to have.
func (ep *endpoint) size() int { return ep.idle + ep.inUse + ep.dialing }

// construct makes a link. puddle calls it on a goroutine that outlives a caller
// who does not want to wait.
func (ep *endpoint) construct() (*link, error) {
	set := ep.pool.set
	l := &link{ep: ep}
	if set.MaxLifetime > 0 {
		l.expires = time.Now().Add(set.MaxLifetime - jitter(set.MaxLifetime/10))
	}
	p := ep.pool
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
		s, err := ep.dial()
		if err != nil {
			return nil, err
		}
		l.transport = newExclusive(s, set.Codec)
	}
	l.since = time.Now()
	p.mu.Lock()
	p.links[l] = struct{}{}
	p.mu.Unlock()
	return l, nil
}

// dial connects. Only the end of the pool or DialTimeout ends it early.
func (ep *endpoint) dial() (*stream, error) {
	set := ep.pool.set
	ctx := ep.pool.ctx
	if set.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, set.DialTimeout)
		defer cancel()
	}
	conn, err := set.Dial(ctx, set.Network, ep.address)
	if err != nil {
		return nil, err
	}
	return &stream{Conn: conn}, nil
}
