package pool_test

import (
	"net/rpc"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// Close takes a connection away from a caller who is about to find out whether it
// can be used. Its slot is given back once.
func TestCloseWhilePinging(t *testing.T) {
	s := newService()
	gate := s.gate("ping")
	s.mux.Handle("slow ping", func() { gate.entered <- struct{}{}; <-gate.open })
	defer close(gate.open)
	for _, queued := range []bool{false, true} {
		p := newPool(t, pool.Options{Address: s.listen(t), MaxConns: 1, Ping: "slow ping", PingAfter: -1})
		c := acquire(t, p) // a new connection needs no ping
		if !queued {
			c.Release()
		}
		done := goSum(ctx, p)
		if queued {
			eventually(t, "it waits", func() bool { return p.Stats().Waiting == 1 })
			c.Release()
		}
		receive(t, gate.entered, "the ping")
		closePool(t, p)
		if err := receive(t, done, "the end"); err != rpc.ErrShutdown {
			t.Errorf("the error is %v", err)
		}
	}
}

// The same at any moment of a call, for which the race detector is the judge.
func TestCloseUnderLoad(t *testing.T) {
	address := newService().listen(t)
	for range 50 {
		p := newPool(t, pool.Options{Address: address, MaxConns: 4})
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				for {
					if err := p.Call(ctx, "sum", codec.Args{1, 2}, nil); err != nil {
						if err != rpc.ErrShutdown {
							t.Errorf("the error is %v", err)
						}
						return
					}
				}
			})
		}
		eventually(t, "they call", func() bool { s := p.Stats(); return len(s.Endpoints) > 0 && s.Endpoints[0].Answered > 20 })
		closePool(t, p)
		callers.Wait()
	}
}
