package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"sync"
	"time"
)

// A Conn is a connection that its holder has alone, from Acquire or within Do,
// until it is released or destroyed. It is for one goroutine at a time.
//
// A Conn that has been given back keeps nobody out: its methods return an error
// then, and Release and Destroy do nothing.
type Conn struct {
	pool *Pool
	link *link

	mu sync.Mutex
	// Protected by mu:
	state   connState
	outcome error // of the last call on a good connection, for the endpoint's record
	broken  bool  // the connection is of no use any more
}

type connState int

const (
	connFree  connState = iota
	connBusy            // a call is under way
	connGiven           // released or destroyed
)

var (
	errReleased = errors.New("pool: the Conn has been released")
	errBusy     = errors.New("pool: the Conn is in use by another goroutine")
)

// Call makes a call on the connection. It is never made again by itself.
// Options.CallTimeout applies to it alone. If the connection breaks, or ctx ends
// in the middle of a call, the calls after it fail.
func (c *Conn) Call(ctx context.Context, method string, args, reply any) error {
	return c.do(ctx, method, nil, func(until time.Time) error {
		return c.link.call(ctx, until, method, args, reply)
	})
}

// Notify sends a notification on the connection.
func (c *Conn) Notify(ctx context.Context, method string, args any) error {
	return c.do(ctx, method, errNoAnswer, func(until time.Time) error {
		return c.link.notify(ctx, until, method, args)
	})
}

// do runs f. done is the outcome where it has no error.
func (c *Conn) do(ctx context.Context, method string, done error, f func(time.Time) error) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("pool: %s: %w", method, err)
	}
	if err := c.enter(); err != nil {
		return err
	}
	outcome := errNotUsed
	returned := false
	defer func() {
		if !returned { // f has panicked
			c.link.spoil()
		}
		c.leave(outcome)
	}()
	var until time.Time
	if c.pool.set.CallTimeout > 0 {
		until = time.Now().Add(c.pool.set.CallTimeout)
	}
	err = f(until)
	returned, outcome = true, done
	if err != nil {
		err = c.pool.explain(c.link, method, err)
		outcome = err
	}
	return err
}

func (c *Conn) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == connGiven && c.pool.isClosed():
		return rpc.ErrShutdown
	case c.state == connGiven:
		return errReleased
	case c.state == connBusy:
		return errBusy
	}
	c.state = connBusy
	return nil
}

// leave ends a call. If the Conn was given back in its middle, which is an
// error of the program, it is the call that ends the connection.
func (c *Conn) leave(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.broken { // or else it is known why, and this call says nothing new
		c.outcome, c.broken = err, !c.link.reusable()
	}
	if c.state == connBusy {
		c.state = connFree
		return
	}
	c.link.spoil()
	c.pool.release(c.link, c.outcome)
}

// RemoteAddr is the other end of the connection.
func (c *Conn) RemoteAddr() net.Addr { return c.link.remote() }

// Release gives the connection back. It is kept for the next caller, unless
// something on it has failed in a way that leaves its state unknown.
func (c *Conn) Release() { c.giveBack(false) }

// Destroy gives the connection back and has it closed. With Options.Shared that
// happens when the others on it are done.
func (c *Conn) Destroy() { c.giveBack(true) }

func (c *Conn) giveBack(spoiled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.state
	c.state = connGiven
	switch before {
	case connGiven:
	case connBusy:
		c.link.spoil() // ends the call, and that gives the connection back
	case connFree:
		if spoiled {
			c.link.spoil()
		}
		c.pool.release(c.link, c.outcome)
	}
}
