package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/pool"
)

const callers = 64

// startServers starts mprpc servers. If one does not start it closes the others.
func startServers(ctx context.Context, env *python.Env, n int) ([]*python.Process, error) {
	servers := make([]*python.Process, n)
	var group errgroup.Group
	for i := range servers {
		group.Go(func() (err error) {
			servers[i], err = env.Server(ctx, python.ServerOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		closeServers(servers)
		return nil, err
	}
	return servers, nil
}

func closeServers(servers []*python.Process) {
	for _, s := range servers {
		if s != nil {
			s.Close()
		}
	}
}

// pooled is the third example of mprpc's manual, with more callers than
// connections.
func pooled(ctx context.Context, r *report, address string) {
	p := pool.New(pool.Options{Address: address, MaxConns: 20})
	defer p.Close()

	sum, err := pool.Call[int](ctx, p, "sum", 1, 2)
	r.step(`pool.Call[int](ctx, p, "sum", 1, 2)`, outcome(sum, err), "int 3")

	err = p.Do(ctx, func(c *pool.Conn) error {
		return c.Call(ctx, "sum", codec.Args{3, 4}, &sum)
	})
	r.step(`p.Do(ctx, func(c) { c.Call(ctx, "sum", ...) })`, outcome(sum, err), "int 7")

	seen, err := crowd(ctx, p, "where")
	got := fmt.Sprintf("640 right, %d connections at the server", len(seen))
	if err != nil {
		got = outcome(nil, err)
	}
	r.step("64 goroutines, MaxConns: 20, 640 sums", got, "640 right, 20 connections at the server")

	sum, err = pool.Call[int](ctx, p, "nope")
	r.step("an unknown method: mprpc closes", outcome(sum, err),
		"error: pool: nope at "+address+`: codec: connection closed by peer before answering "nope"*`)
	sum, err = pool.Call[int](ctx, p, "sum", 5, 6)
	r.step("the next one works: the pool has others", outcome(sum, err), "int 11")
}

// spread shows calls over several servers, and the death of one of them.
func spread(ctx context.Context, r *report, servers []*python.Process) {
	var addresses []string
	for _, s := range servers {
		addresses = append(addresses, s.Addr())
	}
	p := pool.New(pool.Options{
		Resolver: pool.Static(addresses...),
		MaxConns: callers,
		Logger:   slog.New(slog.DiscardHandler), // it tells of the server that dies
	})
	defer p.Close()

	seen, err := crowd(ctx, p, "pid")
	least, most := math.MaxInt, 0
	for _, n := range seen {
		least, most = min(least, n), max(most, n)
	}
	got := fmt.Sprintf("640 right, %d to %d callers at each of %d", least, most, len(seen))
	if err != nil {
		got = outcome(nil, err)
	}
	r.step("64 goroutines at once, three servers, 640 sums", got, "640 right, 21 to 22 callers at each of 3")

	if err := servers[len(servers)-1].Kill(); err != nil {
		r.step("kill one of them", err.Error(), "killed")
	}
	client := p.Client() // has rpc.Client's methods
	defer context.AfterFunc(ctx, func() { client.Close() })()
	r.step("one of them is killed: p.Client(), 640 sums", together(client), "640 right")
}

// crowd has 64 goroutines take a connection each and make ten sums on it. The
// first of them wait until all connections are taken, so that how many there are,
// and where, is no question of speed. It returns how many goroutines had which
// answer to who.
func crowd(ctx context.Context, p *pool.Pool, who string) (map[string]int, error) {
	var mu sync.Mutex
	seen := map[string]int{}
	var taken atomic.Int64
	full := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	sums := func(i int, c *pool.Conn) error {
		if int(taken.Add(1)) == p.Stats().MaxConns {
			close(full)
		}
		select {
		case <-full:
		case <-ctx.Done():
			return ctx.Err()
		}
		var answer any
		if err := c.Call(ctx, who, nil, &answer); err != nil {
			return err
		}
		mu.Lock()
		seen[fmt.Sprint(answer)]++
		mu.Unlock()
		for j := range 10 {
			var sum int
			if err := c.Call(ctx, "sum", codec.Args{i, j}, &sum); err != nil {
				return err
			}
			if sum != i+j {
				return errors.New("wrong sum")
			}
		}
		return nil
	}
	for i := range callers {
		group.Go(func() error {
			return p.Do(ctx, func(c *pool.Conn) error { return sums(i, c) })
		})
	}
	return seen, group.Wait()
}
