package soak

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/rpc"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

var silent = codec.Options{Logger: slog.New(slog.DiscardHandler)}

// A house is a place where servers follow each other. Clients ask for the address
// of the present one.
type house struct {
	t        *testing.T
	ledger   *ledger
	netRPC   bool          // an rpc.Server, with gob and JSON, instead of a Mux
	over     chan struct{} // closed when clients are to end
	now      atomic.Pointer[generation]
	ends     sync.WaitGroup
	shut     atomic.Int64 // gracefully
	cut      atomic.Int64 // by the end of Shutdown's context
	closed   atomic.Int64
	accepted atomic.Int64
}

// A generation is one server and its service.
type generation struct {
	house    *house
	server   rpcutil.Server
	addr     string
	ending   chan struct{} // closed when Serve has returned
	graceful atomic.Bool   // Shutdown has ended all by itself, or nothing has ended yet

	mu   sync.Mutex
	gate chan struct{} // replaced when it is opened; protected by mu
}

// wait waits for the gate, or the end.
func (g *generation) wait() {
	g.mu.Lock()
	gate := g.gate
	g.mu.Unlock()
	select {
	case <-gate:
	case <-g.ending:
	case <-g.house.over:
	}
}

func (g *generation) openGate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.gate)
	g.gate = make(chan struct{})
}

func (h *house) address() string { return h.now.Load().addr }

// begin starts the next server.
func (h *house) begin() {
	g := &generation{house: h, ending: make(chan struct{}), gate: make(chan struct{})}
	g.graceful.Store(true)
	s := &g.server
	s.Codec = silent
	s.Codec.MaxPending, s.MaxCalls = 8, 500 // low, so that they are reached
	s.Codec.WriteTimeout = 5 * time.Second
	s.Hooks.ConnOpened = func(rpcutil.ConnInfo) { h.accepted.Add(1) }
	service := &Service{g}
	var err error
	if h.netRPC {
		server, names := rpc.NewServer(), new(rpcutil.Names)
		err = names.Register(server, service)
		s.Handler, s.Codec.Names, s.Gob, s.JSON = server, names, true, true
	} else {
		mux := &rpcutil.Mux{Logger: silent.Logger}
		err = mux.Register(service)
		mux.Use(func(ctx context.Context, _ *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
			return next(ctx)
		})
		s.Handler = mux
	}
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	g.addr = l.Addr().String()
	h.ends.Go(func() {
		if err := s.Serve(l); err != rpcutil.ErrServerClosed {
			h.t.Errorf("Serve returned %v", err)
		}
		close(g.ending)
	})
	h.now.Store(g)
}

// end ends a server in one way or another, while the next one serves.
func (h *house) end(g *generation, r *rand.Rand) {
	how, patience := r.IntN(10), time.Duration(r.IntN(20))*time.Millisecond
	h.ends.Go(func() {
		if how == 0 {
			g.graceful.Store(false)
			g.server.Close()
			h.closed.Add(1)
			return
		}
		if how > 3 {
			patience = time.Minute
		} else {
			g.graceful.Store(false) // before the calls can be lost
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		switch err := g.server.Shutdown(ctx); {
		case err == nil:
			g.graceful.Store(true)
			h.shut.Add(1)
		case how > 3:
			h.t.Errorf("Shutdown after %s: %v", patience, err)
		default:
			h.cut.Add(1)
		}
	})
}

// live has servers follow each other until the clients have ended.
func (h *house) live(r *rand.Rand, clientsGone <-chan struct{}) {
	for {
		g := h.now.Load()
		select {
		case <-time.After(time.Duration(50+r.IntN(500)) * time.Millisecond):
		case <-clientsGone:
			h.end(g, r)
			h.ends.Wait()
			return
		}
		h.begin()
		h.end(g, r)
	}
}

func (h *house) report() string {
	return fmt.Sprintf("%d servers shut down gracefully, %d cut short, %d closed; %d connections",
		h.shut.Load(), h.cut.Load(), h.closed.Load(), h.accepted.Load())
}
