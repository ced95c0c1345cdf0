package pool_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/pool"
)

// echoSums is a server that costs as little as one can: it takes each read for a
// request to sum(1, 2) and answers it. Allocations that are counted are those of
// the client.
func echoSums(b *testing.B) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in, out := make([]byte, 100), make([]byte, 0, 100)
				for {
					n, err := conn.Read(in)
					if err != nil {
						return
					}
					out = append(out[:0], 0x94, 1)
					out = append(out, in[2:n-7]...) // the id, in front of a3 'sum' 92 01 02
					out = append(out, 0xc0, 3)
					conn.Write(out)
				}
			}()
		}
	}()
	return l.Addr().String()
}

// BenchmarkCall shows what a call costs beside the exchange of the same bytes on
// a bare connection, in one process, without a server's work.
func BenchmarkCall(b *testing.B) {
	b.Run("client=tcp", func(b *testing.B) {
		conn, err := net.Dial("tcp", echoSums(b))
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		request, reply := []byte("\x94\x00\x01\xa3sum\x92\x01\x02"), make([]byte, 100)
		for b.Loop() {
			conn.Write(request)
			conn.Read(reply)
		}
	})
	cancellable, cancel := context.WithCancel(ctx)
	defer cancel()
	for name, o := range map[string]struct {
		ctx context.Context
		pool.Options
	}{
		"limit=none":        {ctx, pool.Options{}},
		"limit=CallTimeout": {ctx, pool.Options{CallTimeout: limit}},
		"limit=context":     {cancellable, pool.Options{}},
	} {
		b.Run("client=pool/"+name, func(b *testing.B) {
			o.Address = echoSums(b)
			p := newPool(b, o.Options)
			b.ReportAllocs()
			for b.Loop() {
				if sum, err := pool.Call[int](o.ctx, p, "sum", 1, 2); err != nil || sum != 3 {
					b.Fatal(sum, err)
				}
			}
		})
	}
}

func BenchmarkCallers(b *testing.B) {
	p := newPool(b, pool.Options{Address: echoSums(b), MaxConns: 20})
	b.ReportAllocs()
	var callers sync.WaitGroup
	for i := range 64 {
		callers.Go(func() {
			for range (b.N + i) / 64 {
				if sum, err := pool.Call[int](ctx, p, "sum", 1, 2); err != nil || sum != 3 {
					b.Error(sum, err)
					return
				}
			}
		})
	}
	callers.Wait()
}

// BenchmarkAcquire is the part of a call that is the pool's alone, with the look
// at the connection.
func BenchmarkAcquire(b *testing.B) {
	p := newPool(b, pool.Options{Address: echoSums(b)})
	b.ReportAllocs()
	for b.Loop() {
		c, err := p.Acquire(ctx)
		if err != nil {
			b.Fatal(err)
		}
		c.Release()
	}
}
