package soak

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/rpc"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// An end is one side of a duplex: it serves, and calls its caller.
type end struct {
	mux    rpcutil.Mux
	client *rpcutil.Client
}

func newEnd(s *soak, conn net.Conn, served *sync.WaitGroup, on *generation) *end {
	e := new(end)
	e.mux.Logger = silent.Logger
	server, client := silent.NewDuplex(conn)
	e.client = rpcutil.NewClientWithCodec(client, rpcutil.ClientOptions{})
	// Bounce calls the side that has called it, on the same connection, until
	// depth is used up.
	e.mux.Handle("bounce", func(id uint64, depth int) (uint64, error) {
		s.ledger.run(id, on)
		if depth == 0 {
			return id, nil
		}
		inner := s.ledger.open("bounce", pending)
		err := e.bounce(s, inner, depth-1)
		if err != nil {
			return 0, fmt.Errorf("job %d fails: %w", id, err)
		}
		return id, nil
	})
	served.Go(func() { e.mux.ServeCodec(server) })
	return e
}

// bounce calls the other side.
func (e *end) bounce(s *soak, id uint64, depth int) error {
	var got uint64
	err := e.client.Call("bounce", codec.Args{id, depth}, &got)
	kind := "fail" // so that an error of a call within is one that is expected
	judge(s.ledger, id, kind, Answer{ID: got}, err, errors.Is(err, rpc.ErrShutdown))
	return err
}

// duplex is a session in which both sides call each other, and one of them may
// hang up.
func (s *soak) duplex(r *rand.Rand) {
	near, far := net.Pipe()
	var served, calling sync.WaitGroup
	on := &generation{} // of a connection that nobody ends gracefully
	ends := []*end{newEnd(s, near, &served, on), newEnd(s, far, &served, on)}
	for range 1 + r.IntN(5) {
		calls, depth := 1+r.IntN(20), r.IntN(4)
		e := ends[r.IntN(2)]
		calling.Go(func() {
			for range calls {
				if s.isOver() || e.bounce(s, s.ledger.open("bounce", pending), depth) != nil {
					return
				}
			}
		})
	}
	if r.IntN(3) == 0 {
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
		ends[r.IntN(2)].client.Close()
	}
	calling.Wait()
	for _, e := range ends {
		e.client.Close()
	}
	served.Wait()
}
