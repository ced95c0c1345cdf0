package rpcutil_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

func TestShutdownLetsCallsFinishAndClosesIdleConnections(t *testing.T) {
	m := muxOfSum()
	entered, release := make(chan struct{}, 10), make(chan struct{})
	m.Handle("wait", func(n int) int { entered <- struct{}{}; <-release; return n })
	s := &rpcutil.Server{Handler: m}
	address := listening(t, s)
	idle, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	idlePeer := codectest.NewPeer(t, idle)
	idlePeer.Send("94 00 01 a3 'sum' 92 01 02")
	idlePeer.Expect("94 01 01 c0 03")

	var calls sync.WaitGroup
	for w := range 2 {
		client := dialed(t, "tcp", address)
		for i := range 5 {
			calls.Go(func() {
				if got, err := rpcutil.Call[int](context.Background(), client, "wait", 10*w+i); err != nil || got != 10*w+i {
					t.Errorf("%d, %v", got, err)
				}
			})
		}
	}
	for range 10 {
		<-entered
	}
	down := make(chan error, 2)
	for range 2 { // a second Shutdown waits as the first does
		go func() { down <- s.Shutdown(context.Background()) }()
	}
	idlePeer.ExpectEnd()
	if conn, err := net.Dial("tcp", address); err == nil {
		codectest.NewPeer(t, conn).ExpectEnd()
	}
	select {
	case err := <-down:
		t.Errorf("Shutdown did not wait: %v", err)
	default:
	}
	close(release)
	calls.Wait()
	for range 2 {
		if err := <-down; err != nil {
			t.Error(err)
		}
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestShutdownLosesNoRequestThatWasRead sends requests as fast as it can while the
// server shuts down: those that have run are those that are answered.
func TestShutdownLosesNoRequestThatWasRead(t *testing.T) {
	for round := range 20 {
		var ran atomic.Int64
		m := &rpcutil.Mux{}
		enough := make(chan struct{})
		m.Handle("count", func(n int) int {
			if ran.Add(1) == int64(200*(round+1)) {
				close(enough)
			}
			if n%50 == 0 {
				time.Sleep(200 * time.Microsecond) // some are taken off the reading
			}
			return n
		})
		s := &rpcutil.Server{Handler: m, Codec: codec.Options{Logger: quiet}}
		address := listening(t, s)
		var answered atomic.Int64
		var peers sync.WaitGroup
		for range 3 {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			peer := codectest.NewPeer(t, conn)
			peers.Go(func() { // sends without reading the answers
				for i := 0; ; i++ {
					msg := []byte{0x94, 0, byte(i % 128), 0xa5, 'c', 'o', 'u', 'n', 't', 0x91, byte(i % 128)}
					if _, err := conn.Write(msg); err != nil {
						return
					}
				}
			})
			peers.Go(func() {
				for {
					if _, err := peer.Receive(); err != nil {
						if err != io.EOF {
							t.Errorf("answers end with %v", err)
						}
						conn.Close()
						return
					}
					answered.Add(1)
				}
			})
		}
		<-enough
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		peers.Wait()
		if ran.Load() != answered.Load() {
			t.Errorf("%d requests ran, %d were answered", ran.Load(), answered.Load())
		}
	}
}

func TestShutdownIsCutShortByItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := muxOfSum()
		release, ended := make(chan struct{}), make(chan struct{})
		m.Handle("wait", func() { <-release })
		m.Handle("obey", func(ctx context.Context) error { <-ctx.Done(); close(ended); return ctx.Err() })
		closed := make(chan error, 2)
		s := &rpcutil.Server{Handler: m, Codec: codec.Options{Logger: quiet}}
		s.Hooks.ConnClosed = func(_ rpcutil.ConnInfo, err error) { closed <- err }
		for _, method := range []string{"94 00 01 a4 'wait' 90", "94 00 01 a4 'obey' 90"} {
			peer := servedPeer(t, s)
			peer.Send(method)
			synctest.Wait()
			defer peer.ExpectEnd()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		<-ended // the call's context has ended
		for range 2 {
			if err := <-closed; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("closed with %v", err)
			}
		}
		close(release)
	})
}

func TestCloseCutsEverything(t *testing.T) {
	m := muxOfSum()
	entered, release := make(chan struct{}), make(chan struct{})
	m.Handle("wait", func() { close(entered); <-release })
	s := &rpcutil.Server{Handler: m, Codec: codec.Options{Logger: quiet}}
	client := dialed(t, "tcp", listening(t, s))
	called := make(chan error)
	go func() { called <- client.Call("wait", nil, nil) }()
	<-entered
	s.Close()
	if err := <-called; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	if err := s.ServeConn(far); err != rpcutil.ErrServerClosed {
		t.Error(err)
	}
	close(release)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestCloseServesNothingMore, not even calls that have been read and wait for a
// place.
func TestCloseServesNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := 0
		release := make(chan struct{})
		m := &rpcutil.Mux{}
		m.Handle("wait", func() { ran++; <-release })
		s := &rpcutil.Server{Handler: m, MaxCalls: 1}
		for range 2 {
			servedPeer(t, s).Send("94 00 01 a4 'wait' 90")
			synctest.Wait()
		}
		s.Close()
		synctest.Wait()
		close(release)
		synctest.Wait()
		if ran != 1 {
			t.Errorf("%d calls ran", ran)
		}
	})
}

// TestShutdownReachesConnectionsInEveryState shuts down while connections are about
// to say what they speak, in mid-message, waiting for a place and waiting behind
// other calls.
func TestShutdownReachesConnectionsInEveryState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &Quick{meeting: make(chan struct{})}
		server := rpc.NewServer()
		if err := server.Register(q); err != nil {
			t.Fatal(err)
		}
		s := &rpcutil.Server{Handler: server, Gob: true, MaxConns: 4, MaxCalls: 1, Codec: codec.Options{MaxPending: 1, Logger: quiet}}
		next := func(request string) *codectest.Peer {
			peer := servedPeer(t, s)
			if request != "" {
				go peer.Send(request)
			}
			synctest.Wait() // it has its place, if there is one
			return peer
		}
		next("")                                        // has said nothing
		next("94 00 01")                                // is in mid-message
		runs := next("94 00 01 aa 'Quick.Meet' 91 07")  // has the only place for a call
		waits := next("94 00 02 aa 'Quick.Meet' 91 08") // waits for it
		refused := next("")                             // waits for a place for a connection
		down := make(chan error)
		go func() { down <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		refused.ExpectEnd()
		q.meeting <- struct{}{}
		runs.Expect("94 01 01 c0 07")
		runs.ExpectEnd()
		q.meeting <- struct{}{}
		waits.Expect("94 01 02 c0 08")
		waits.ExpectEnd()
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}
