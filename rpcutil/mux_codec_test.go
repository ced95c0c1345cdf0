package rpcutil_test

import (
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

// The codec's MaxPending limits the calls of its connection.
func TestMuxServesNoMoreThanMaxPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := muxOfSum()
		entered, release := make(chan struct{}, 100), make(chan struct{})
		m.Handle("wait", func() { entered <- struct{}{}; <-release })
		_, peer, done := codecServed(t, m, codec.Options{MaxPending: 3})
		go func() {
			for range 10 {
				peer.Send("94 00 01 a4 'wait' 90")
			}
		}()
		time.Sleep(time.Second)
		if n := len(entered); n != 3 {
			t.Errorf("%d calls run", n)
		}
		close(release)
		for range 10 {
			peer.Expect("94 01 01 c0 c0")
		}
		peer.Conn.Close()
		<-done
	})
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

// A method of its own connection may close the codec.
func TestMuxMethodClosesItsCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c rpc.ServerCodec
		ready := make(chan struct{})
		m := muxOfSum()
		m.Handle("close", func() { <-ready; c.Close() })
		c2, peer, done := codecServed(t, m, codec.Options{})
		c = c2
		close(ready)
		peer.Send("94 00 01 a5 'close' 90")
		peer.ExpectEnd()
		<-done
	})
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
