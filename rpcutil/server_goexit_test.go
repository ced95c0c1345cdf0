package rpcutil_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/rpc"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// An endingConn ends the goroutine that reads from it when its peer has closed.
type endingConn struct{ net.Conn }

func (c endingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		runtime.Goexit()
	}
	return n, err
}

// An endingHandler ends the goroutine that logs.
type endingHandler struct{ slog.Handler }

func (endingHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (endingHandler) Handle(context.Context, slog.Record) error { runtime.Goexit(); return nil }

// A connection whose reading goroutine the program has ended is one that has ended, when
// its calls have.
func TestTheProgramEndsTheGoroutineThatReads(t *testing.T) {
	serves := map[string]func(*rpcutil.Mux, net.Conn, *slog.Logger){
		"ServeCodec": func(m *rpcutil.Mux, conn net.Conn, l *slog.Logger) {
			m.ServeCodec(codec.Options{Logger: l}.NewServerCodec(conn))
		},
		"ServeConn": func(m *rpcutil.Mux, conn net.Conn, l *slog.Logger) {
			s := rpcutil.Server{Handler: m, Codec: codec.Options{Logger: l}}
			if err := s.ServeConn(conn); err == nil || errors.Is(err, rpcutil.ErrServerClosed) {
				t.Error(err)
			}
			s.Shutdown(context.Background()) // which has nobody to wait for
		},
	}
	for name, serve := range serves {
		for where, end := range map[string]func(peer *codectest.Peer){
			"in Read":            func(p *codectest.Peer) { p.Conn.Close() },
			"in the log handler": func(p *codectest.Peer) { p.Send("c1") },
		} {
			t.Run(name+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					peer, done := codectest.NewPeer(t, near), make(chan struct{})
					m := muxOfSum()
					entered, release := make(chan struct{}), make(chan struct{})
					m.Handle("wait", func() { close(entered); <-release })
					go func() {
						serve(m, endingConn{far}, slog.New(endingHandler{}))
						close(done)
					}()
					peer.Send("94 00 01 a3 'sum' 92 01 02")
					peer.Expect("94 01 01 c0 03")
					peer.Send("94 00 02 a4 'wait' 90")
					<-entered
					time.Sleep(time.Second) // the reading goes on elsewhere
					end(peer)
					time.Sleep(time.Second)
					select {
					case <-done:
						t.Error("has not waited for the call")
					default:
					}
					close(release)
					<-done
				})
			})
		}
	}
}

// The same where it is a write that ends it, or the log record of a write that has failed,
// on whatever goroutine the call is.
func TestTheProgramEndsAGoroutineThatWrites(t *testing.T) {
	for _, requests := range []string{
		"94 00 01 a3 'sum' 92 01 02",
		"94 00 01 a4 'long' 90",
		"94 00 01 a3 'nap' 90",
		"94 00 01 a7 'longnap' 90",
		"94 00 01 a3 'nap' 90  94 00 02 a3 'nap' 90",
	} {
		for where, wrap := range map[string]func(net.Conn) net.Conn{
			"in Write":           func(c net.Conn) net.Conn { return noWriteConn{c} },
			"in the log handler": func(c net.Conn) net.Conn { return c }, // the peer does not read
		} {
			t.Run(requests+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					m := muxOfSum()
					m.Handle("nap", func() { time.Sleep(time.Second) })
					m.Handle("long", func() []byte { return make([]byte, 100<<10) })
					m.Handle("longnap", func() []byte { time.Sleep(time.Second); return make([]byte, 100<<10) })
					peer := codectest.NewPeer(t, near)
					go peer.Send(requests)
					s := rpcutil.Server{Handler: m, Codec: codec.Options{Logger: slog.New(endingHandler{})}}
					if err := s.ServeConn(wrap(far)); err == nil {
						t.Error("no error")
					}
					peer.ExpectEnd()
				})
			})
		}
	}
}

// The protocols of the standard library have encoders of their own.
func TestTheProgramEndsAGoroutineThatEncodes(t *testing.T) {
	for where, wrap := range map[string]func(net.Conn) net.Conn{
		"in Write":   func(c net.Conn) net.Conn { return noWriteConn{c} },
		"in Marshal": func(c net.Conn) net.Conn { return c },
	} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				services := rpc.NewServer()
				services.RegisterName("Exiter", exiter{})
				go near.Write([]byte(`{"method":"Exiter.Exit","params":[1],"id":1}`))
				s := rpcutil.Server{Handler: services, JSON: true, Codec: codec.Options{Logger: quiet}}
				s.ServeConn(wrap(far))
				codectest.NewPeer(t, near).ExpectEnd()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

type exiter struct{}

func (exiter) Exit(int, *exitingJSON) error { return nil }

type exitingJSON struct{}

func (exitingJSON) MarshalJSON() ([]byte, error) { runtime.Goexit(); return nil, nil }

// A noWriteConn ends the goroutine that writes to it.
type noWriteConn struct{ net.Conn }

func (c noWriteConn) Write([]byte) (int, error) { runtime.Goexit(); return 0, nil }

// And where it is a hook.
func TestAHookEndsItsGoroutine(t *testing.T) {
	for name, hooks := range map[string]rpcutil.Hooks{
		"ConnOpened":   {ConnOpened: func(rpcutil.ConnInfo) { runtime.Goexit() }},
		"ConnClosed":   {ConnClosed: func(rpcutil.ConnInfo, error) { runtime.Goexit() }},
		"CallStarted":  {CallStarted: func(rpcutil.CallInfo) { runtime.Goexit() }},
		"CallFinished": {CallFinished: func(rpcutil.CallInfo) { runtime.Goexit() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				s := rpcutil.Server{Handler: muxOfSum(), Codec: codec.Options{Logger: quiet}, Hooks: hooks}
				var peer sync.WaitGroup
				peer.Go(func() {
					near.Write(codectest.Bytes("94 00 01 a3 'sum' 92 01 02"))
					time.Sleep(time.Second)
					near.Close()
				})
				if err := s.ServeConn(far); err == nil && name != "ConnClosed" { // which is called with the peer's end
					t.Error("no error")
				}
				peer.Wait()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The same before anything is known of the peer.
func TestTheProgramEndsTheGoroutineThatBeginsToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		near.Close()
		s := rpcutil.Server{Handler: new(rpc.Server), JSON: true}
		if err := s.ServeConn(endingConn{far}); err == nil {
			t.Error("no error")
		}
	})
}
