package rpcutil_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

func TestMaxConnsLetsConnectionsWait(t *testing.T) {
	s := &rpcutil.Server{Handler: muxOfSum(), MaxConns: 2}
	opened := make(chan struct{}, 10)
	s.Hooks.ConnOpened = func(rpcutil.ConnInfo) { opened <- struct{}{} }
	address := listening(t, s)
	var peers []*codectest.Peer
	for range 4 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, codectest.NewPeer(t, conn))
		peers[len(peers)-1].Send("94 00 01 a3 'sum' 92 01 02")
	}
	for i, peer := range peers { // in the order of their connecting
		peer.Expect("94 01 01 c0 03")
		if n := len(opened); n > i+2 {
			t.Errorf("%d connections are open at once", n-i)
		}
		peer.Conn.Close()
	}
}

func TestMaxCallsLetsCallsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &rpcutil.Mux{}
		entered, release := make(chan struct{}, 100), make(chan struct{})
		m.Handle("wait", func() { entered <- struct{}{}; <-release })
		s := &rpcutil.Server{Handler: m, MaxCalls: 3}
		const each = 4
		var peers []*codectest.Peer
		for range 3 {
			peer := servedPeer(t, s)
			go peer.Send(strings.Repeat("94 00 01 a4 'wait' 90", each))
			peers = append(peers, peer)
		}
		for range 3 * each {
			time.Sleep(time.Second)
			if n := len(entered); n != 3 {
				t.Errorf("%d calls run", n)
			}
			<-entered
			go func() { release <- struct{}{} }()
			for len(entered) == 3 {
				time.Sleep(time.Millisecond)
			}
			synctest.Wait()
			if len(entered) < 2 {
				t.Error("a place stays empty")
			}
			if len(entered) == 2 {
				break
			}
		}
		close(release)
		for _, peer := range peers {
			for range each {
				peer.Expect("94 01 01 c0 c0")
			}
		}
	})
}

// TestMaxPendingIsOfOneConnection: what comes beyond it is not even read.
func TestMaxPendingIsOfOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := muxOfSum()
		entered, release := make(chan struct{}, 100), make(chan struct{})
		m.Handle("wait", func() { entered <- struct{}{}; <-release })
		s := &rpcutil.Server{Handler: m, Codec: codec.Options{MaxPending: 3}}
		peer, other := servedPeer(t, s), servedPeer(t, s)
		sent := make(chan struct{})
		go func() {
			for range 10 {
				peer.Send("94 00 01 a4 'wait' 90") // a pipe holds a write until it is read
			}
			close(sent)
		}()
		time.Sleep(time.Second)
		if n := len(entered); n != 3 {
			t.Errorf("%d calls run", n)
		}
		select {
		case <-sent:
			t.Error("all requests are read")
		default:
		}
		other.Send("94 00 01 a3 'sum' 92 01 02")
		other.Expect("94 01 01 c0 03")
		close(release)
		for range 10 {
			peer.Expect("94 01 01 c0 c0")
		}
	})
}

func TestIdleTimeoutClosesConnectionsWithoutCalls(t *testing.T) {
	for _, protocols := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			server, names := netRPCOfSum(t)
			if err := names.Register(server, &Waiter{release}); err != nil {
				t.Fatal(err)
			}
			s := &rpcutil.Server{Handler: server, IdleTimeout: time.Minute, Gob: protocols, Codec: codec.Options{Names: names, Logger: quiet}}
			start := time.Now()
			silent, active, busy := servedPeer(t, s), servedPeer(t, s), servedPeer(t, s)
			busy.Send("94 00 01 ab 'waiter.wait' 90")
			go func() {
				silent.ExpectEnd()
				if d := time.Since(start); d < time.Minute || d > 75*time.Second {
					t.Errorf("the silent one is closed after %v", d)
				}
			}()
			for range 10 {
				time.Sleep(50 * time.Second)
				active.Send("94 00 01 a3 'sum' 92 01 02")
				active.Expect("94 01 01 c0 03")
			}
			last := time.Now()
			active.ExpectEnd()
			if d := time.Since(last); d < time.Minute || d > 75*time.Second {
				t.Errorf("the active one is closed after %v", d)
			}
			close(release)
			busy.Expect("94 01 01 c0 c0")
			busy.ExpectEnd()
		})
	}
}

// Waiter is a service with a method that lasts.
type Waiter struct{ release chan struct{} }

func (w *Waiter) Wait(struct{}, *struct{}) error { <-w.release; return nil }

func TestNegativeLimitsAreNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &rpcutil.Server{Handler: muxOfSum(), MaxConns: -1, MaxCalls: -1, IdleTimeout: -1, Codec: codec.Options{MaxPending: -1, ReadTimeout: -1}}
		peer := servedPeer(t, s)
		time.Sleep(1000 * time.Hour)
		peer.Send("94 00 01 a3 'sum' 92 01")
		time.Sleep(1000 * time.Hour)
		peer.Send("02")
		peer.Expect("94 01 01 c0 03")
	})
}

// TestAPeerThatSendsAByteASecondIsCutOff: ReadTimeout counts for the message.
func TestAPeerThatSendsAByteASecondIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan error, 1)
		s := &rpcutil.Server{Handler: muxOfSum(), Codec: codec.Options{Logger: quiet}}
		s.Hooks.ConnClosed = func(_ rpcutil.ConnInfo, err error) { closed <- err }
		peer := servedPeer(t, s)
		start := time.Now()
		sent := 0
		for _, b := range codectest.Bytes("94 00 01 a4 'echo' 91 d9 ff '" + strings.Repeat("x", 255) + "'") {
			if _, err := peer.Conn.Write([]byte{b}); err != nil {
				break
			}
			sent++
			time.Sleep(time.Second)
		}
		if d := time.Since(start); d < time.Minute || d > 62*time.Second {
			t.Errorf("%d bytes in %v", sent, d)
		}
		if err := <-closed; err == nil || !strings.Contains(err.Error(), "ReadTimeout") {
			t.Error(err)
		}
	})
}
