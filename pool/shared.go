package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"slices"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// A sharing gives out the places on the shared connections of an endpoint. To
// the rest of the pool a place is what an exclusive connection is elsewhere.
type sharing struct {
	ep *endpoint

	mu sync.Mutex
	// Protected by mu, and so are places and retired of the connections:
	conns []*sharedConn // that have not ended and are not retired
}

// A sharedConn carries the calls of several places.
type sharedConn struct {
	owner   *sharing
	expires time.Time

	ready  chan struct{} // closed when it is connected, or err says why not
	err    error
	stream *stream
	conn   *codec.ClientConn

	places  int  // given out, idle ones included
	retired bool // nobody gets a place any more
}

// A place is the transport of one call at a time on a shared connection.
type place struct{ *sharedConn }

// join gives out a place, on a connection that has one free or on a new one. All
// who come while that is being made wait for it.
func (s *sharing) join(expires time.Time) (place, error) {
	s.mu.Lock()
	i := slices.IndexFunc(s.conns, func(c *sharedConn) bool { return c.places < s.ep.pool.set.Shared && c.usable() })
	if i >= 0 {
		c := s.conns[i]
		c.places++
		s.mu.Unlock()
		<-c.ready
		return place{c}, c.err
	}
	c := &sharedConn{owner: s, expires: expires, ready: make(chan struct{}), places: 1}
	s.conns = append(s.conns, c)
	s.mu.Unlock()
	defer close(c.ready)
	if err := c.open(); err != nil {
		c.err = &sharedFailure{error: err}
		s.remove(c)
	}
	return place{c}, c.err
}

// open makes the connection.
func (c *sharedConn) open() (err error) {
	ep := c.owner.ep
	ctx, cancel := ep.dialContext()
	defer cancel()
	if c.stream, err = ep.dial(ctx); err != nil {
		return err
	}
	c.conn = ep.pool.set.Codec.NewClientConn(c.stream)
	err = ep.greet(ctx, place{c})
	if err == nil && c.over() {
		err = ep.named(errLeft)
	}
	if err != nil {
		c.stream.abort()
		c.conn.Close()
	}
	return err
}

// A sharedFailure is why a connection could not be made, for all who wait for it:
// it is one failure of the endpoint.
type sharedFailure struct {
	error
	noted bool // for the endpoint's health; protected by Pool.mu
}

func (f *sharedFailure) Unwrap() error { return f.error }

// usable reports whether a connection, perhaps still being made, can take
// another place. The owner's mu is held.
func (c *sharedConn) usable() bool {
	select {
	case <-c.ready:
		return !c.retired && !c.over() && (c.expires.IsZero() || time.Now().Before(c.expires))
	default:
		return true
	}
}

func (s *sharing) remove(c *sharedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.conns, c); i >= 0 {
		s.conns = slices.Delete(s.conns, i, i+1)
	}
}

func (c place) call(ctx context.Context, until time.Time, method string, args, reply any) error {
	ctx, cancel := limited(ctx, until)
	defer cancel()
	before := c.stream.reads.Load()
	call, err := c.conn.Start(ctx, method, args, reply)
	if err == rpc.ErrShutdown {
		return fmt.Errorf("%w: the connection has just ended", codec.ErrNotSent)
	}
	if err == nil {
		err = call.Wait()
		if err != nil && ctx.Err() == nil && !reported(err) && !c.over() {
			return &misfit{err} // nothing else ends a call alone
		}
	}
	return c.outcome(ctx, err, before)
}

// outcome says what an error means. If time is up and nothing at all has arrived
// since the connection had been read so often, it may lead nowhere: the next call
// gets another one. What others have under way on it goes on.
func (c place) outcome(ctx context.Context, err error, reads uint64) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	notSent := errors.Is(err, codec.ErrNotSent)
	err = ended(ctx)
	if errors.Is(err, context.DeadlineExceeded) && c.stream.reads.Load() == reads {
		c.spoil()
	}
	if notSent {
		return fmt.Errorf("%w: %w", codec.ErrNotSent, err)
	}
	return err
}

// notify may have to wait behind a write that does not end, and gives up with its
// context.
func (c place) notify(ctx context.Context, until time.Time, method string, args any) error {
	ctx, cancel := limited(ctx, until)
	defer cancel()
	before := c.stream.reads.Load()
	return c.outcome(ctx, c.conn.Notify(ctx, method, args), before)
}

// reusable needs no look at the connection: a goroutine reads it all the time.
func (c place) reusable() bool {
	c.owner.mu.Lock()
	defer c.owner.mu.Unlock()
	return !c.retired && !c.over()
}

// over reports whether no more answers come.
func (c *sharedConn) over() bool { return c.stream.aborted.Load() || c.conn.Ended() }

func (c place) ready() bool { return c.reusable() }

func (c place) looked() bool { return true }

// drop gives the place up; the last one closes the connection.
func (c place) drop() {
	if c.leave() {
		c.stream.abort()
		c.conn.Close()
	}
}

func (c place) close() {
	if c.leave() {
		c.conn.Close()
	}
}

// leave gives the place up and reports whether it was the last.
func (c place) leave() bool {
	c.owner.mu.Lock()
	c.places--
	last := c.places == 0
	c.retired = c.retired || last
	c.owner.mu.Unlock()
	if last {
		c.owner.remove(c.sharedConn)
	}
	return last
}

// spoil lets the calls of others end and keeps everyone else away.
func (c place) spoil() {
	c.owner.mu.Lock()
	c.retired = true
	c.owner.mu.Unlock()
	c.owner.remove(c.sharedConn)
}

// retireAll keeps everyone away from the connections that there are, and from those
// being made but for who waits for them.
func (s *sharing) retireAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.retired = true
	}
	s.conns = nil
}

func (c place) abort() { c.stream.abort() }

func (c place) remote() net.Addr { return c.stream.RemoteAddr() }
