package interop_test

import (
	"context"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// What docs/pool.md shows stands here; TestDocsAreCompiled compares.

func pooledSum(ctx context.Context, p *pool.Pool) (int, error) { // p := pool.New(pool.Options{Address: "127.0.0.1:6000"})
	return pool.Call[int](ctx, p, "sum", 1, 2)
}

func pooledSums(ctx context.Context, p *pool.Pool) (total int, err error) {
	err = p.Do(ctx, func(c *pool.Conn) error {
		for i := range 3 {
			if err := c.Call(ctx, "sum", codec.Args{total, i}, &total); err != nil {
				return err
			}
		}
		return nil
	})
	return total, err
}

func fleet() *pool.Pool {
	return pool.New(pool.Options{
		Resolver:   pool.Static("10.0.0.1:6000", "10.0.0.2:6000", "10.0.0.3:6000"),
		Idempotent: func(method string) bool { return method == "sum" },
	})
}

func fleetByName() *pool.Pool {
	return pool.New(pool.Options{Resolver: pool.DNS{}.SRV("mprpc", "tcp", "example.org")})
}
