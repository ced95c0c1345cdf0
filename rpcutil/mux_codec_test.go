package rpcutil_test

import (
	"context"
	"io"
	"net"
	"net/rpc"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// codecServed serves one end of a pipe with a Mux, and returns the codec, the other end
// and what is closed when ServeCodec has returned.
func codecServed(t *testing.T, m *rpcutil.Mux, o codec.Options) (rpc.ServerCodec, *codectest.Peer, <-chan struct{}) {
	t.Helper()
	near, far := net.Pipe()
	o.Logger = quiet
	c, done := o.NewServerCodec(far), make(chan struct{})
	go func() { m.ServeCodec(c); close(done) }()
	return c, codectest.NewPeer(t, near), done
}

// ServeCodec returns when the connection has ended, whoever ends it, and the calls have.
func TestMuxWaitsForItsCalls(t *testing.T) {
	for name, end := range map[string]func(rpc.ServerCodec, *codectest.Peer){
		"the peer closes":  func(_ rpc.ServerCodec, p *codectest.Peer) { p.Conn.Close() },
		"the codec closes": func(c rpc.ServerCodec, _ *codectest.Peer) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := muxOfSum()
				entered, release := make(chan struct{}), make(chan struct{})
				m.Handle("wait", func() { close(entered); <-release })
				c, peer, done := codecServed(t, m, codec.Options{})
				peer.Send("94 00 01 a4 'wait' 90")
				<-entered
				end(c, peer)
				time.Sleep(time.Second)
				select {
				case <-done:
					t.Error("returned although a call runs")
				default:
				}
				close(release)
				<-done
			})
		})
	}
}

// An rpc.ServerCodec around one of package codec is served as well.
func TestMuxServesAWrappedCodec(t *testing.T) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		muxOfSum().ServeCodec(struct{ rpc.ServerCodec }{codec.Options{Logger: quiet}.NewServerCodec(far)})
		close(done)
	}()
	peer := codectest.NewPeer(t, near)
	peer.Send("94 00 01 a3 'sum' 92 01 02")
	peer.Expect("94 01 01 c0 03")
	near.Close()
	<-done
}

// A method of its own connection may close the codec. Answers that wait for others to leave
// with leave before, whether it is a method on the goroutine that reads or somebody else who
// closes it.
func TestMuxAnswersBeforeItsCodecCloses(t *testing.T) {
	for name, before := range map[string][][2]string{ // requests with their answers
		"in a method": nil,
		"in a method behind others": {
			{"94 00 01 a3 'sum' 92 01 02", "94 01 01 c0 03"},
			{"94 00 02 a3 'sum' 92 03 04", "94 01 02 c0 07"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				closing := make(chan rpc.ServerCodec, 1)
				m := muxOfSum()
				m.Handle("close", func() { (<-closing).Close() })
				c, peer, done := codecServed(t, m, codec.Options{})
				closing <- c
				requests := ""
				for _, exchange := range before {
					requests += exchange[0]
				}
				go peer.Send(requests + "94 00 03 a5 'close' 90") // all in one segment
				for _, exchange := range before {
					peer.Expect(exchange[1])
				}
				peer.ExpectEnd()
				<-done
			})
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := muxOfSum()
			entered, release := make(chan struct{}), make(chan struct{})
			m.Handle("wait", func() { close(entered); <-release })
			c, peer, done := codecServed(t, m, codec.Options{})
			go peer.Send("94 00 01 a3 'sum' 92 01 02  94 00 02 a4 'wait' 90")
			<-entered // and no time passes, so that the goroutine of the method has the reading
			go c.Close()
			peer.Expect("94 01 01 c0 03")
			peer.ExpectEnd()
			close(release)
			<-done
		})
	})
}

// The codec's MaxPending limits the calls of its connection; with 1 they run one after the
// other, without a limit each of many runs.
func TestMuxServesNoMoreThanMaxPending(t *testing.T) {
	for _, test := range []struct{ limit, running int }{{3, 3}, {1, 1}, {-1, 1200}} {
		synctest.Test(t, func(t *testing.T) {
			m := muxOfSum()
			entered, release := make(chan struct{}, 1200), make(chan struct{})
			m.Handle("wait", func() { entered <- struct{}{}; <-release })
			_, peer, done := codecServed(t, m, codec.Options{MaxPending: test.limit})
			go func() {
				for range 1200 {
					peer.Send("94 00 01 a4 'wait' 90")
				}
			}()
			time.Sleep(time.Minute)
			if n := len(entered); n != test.running {
				t.Errorf("MaxPending %d: %d calls run", test.limit, n)
			}
			close(release)
			for range 1200 {
				peer.Expect("94 01 01 c0 c0")
			}
			peer.Conn.Close()
			<-done
		})
	}
}

// The context of a call that runs ends with the connection, on whatever goroutine the
// call runs.
func TestMuxContextsEndWithTheCodec(t *testing.T) {
	for name, wait := range map[string]time.Duration{"the call has the reading": 0, "the reading goes on": time.Second} {
		for end, by := range map[string]func(rpc.ServerCodec, *codectest.Peer){
			"closed": func(c rpc.ServerCodec, _ *codectest.Peer) { c.Close() },
			"failed": func(_ rpc.ServerCodec, p *codectest.Peer) { p.Send("c1") }, // as soon as somebody reads
			"aborted": func(c rpc.ServerCodec, _ *codectest.Peer) {
				codec.ServerConnOf(c).Abort(io.ErrNoProgress)
			},
		} {
			t.Run(name+", "+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := muxOfSum()
					entered := make(chan struct{})
					m.Handle("wait", func(ctx context.Context) { close(entered); <-ctx.Done() })
					c, peer, done := codecServed(t, m, codec.Options{})
					go peer.Send("94 00 01 a4 'wait' 90")
					<-entered
					time.Sleep(wait)
					go by(c, peer)
					<-done
				})
			})
		}
	}
}

// What ServeRequest has left is for ServeCodec.
func TestMuxServesOneRequestAndThenTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := codectest.NewPeer(t, near)
		c := codec.Options{Logger: quiet}.NewServerCodec(far)
		go peer.Send("94 00 01 a3 'sum' 92 01 02  94 00 02 a3 'sum' 92 03 04  94 00 03 a3 'sum' 92 05 06")
		m := muxOfSum()
		go func() {
			if err := m.ServeRequest(c); err != nil {
				t.Error(err)
			}
			m.ServeCodec(c)
		}()
		peer.Expect("94 01 01 c0 03")
		peer.Expect("94 01 02 c0 07")
		peer.Expect("94 01 03 c0 0b")
		near.Close()
	})
}

// A peer that does not read its answers holds up neither Close nor ServeCodec.
func TestMuxClosesAlthoughThePeerDoesNotRead(t *testing.T) {
	for name, requests := range map[string]string{
		"gathered": "94 00 01 a3 'sum' 92 01 02  94 00 02 a4 'wait' 90",
		"short":    "94 00 01 a3 'sum' 92 01 02",
		"long":     "94 00 01 a4 'long' 90",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := muxOfSum()
				m.Handle("long", func() []byte { return make([]byte, 1<<20) })
				entered := make(chan struct{}, 1)
				m.Handle("wait", func(ctx context.Context) { entered <- struct{}{}; <-ctx.Done() })
				c, peer, done := codecServed(t, m, codec.Options{WriteTimeout: 5 * time.Second})
				peer.Send(requests)
				if name == "gathered" {
					<-entered // and no time passes: the answer before it has not been written
				} else {
					time.Sleep(time.Second) // somebody writes
				}
				started := time.Now()
				c.Close()
				<-done
				if d := time.Since(started); d > 5*time.Second {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}
