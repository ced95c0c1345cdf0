package pool

import (
	"context"
	"net/rpc"
)

// A Client has the methods of rpc.Client, for programs that are written to them.
// Each call goes over a connection of the pool.
type Client struct{ pool *Pool }

// Client returns the pool in the form of an rpc.Client. Without a context what
// limits its calls is Options.CallTimeout.
func (p *Pool) Client() *Client { return &Client{p} }

// Call is Pool.Call without a context.
func (c *Client) Call(serviceMethod string, args any, reply any) error {
	return c.pool.Call(context.Background(), serviceMethod, args, reply)
}

// Go makes a call on a goroutine of its own, as rpc.Client.Go does on its
// connection. Unlike there args are read until the call is done.
func (c *Client) Go(serviceMethod string, args any, reply any, done chan *rpc.Call) *rpc.Call {
	if done == nil {
		done = make(chan *rpc.Call, 1)
	} else if cap(done) == 0 {
		panic("pool: the done channel of Go has no buffer")
	}
	call := &rpc.Call{ServiceMethod: serviceMethod, Args: args, Reply: reply, Done: done}
	go func() {
		call.Error = c.Call(serviceMethod, args, reply)
		select {
		case done <- call:
		default: // the channel is too small, as it may be with net/rpc
		}
	}()
	return call
}

// Close closes the pool.
func (c *Client) Close() error { return c.pool.Close() }
