package codec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/rpc"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// clientConn is a ClientConn and its peer over an in-memory connection.
func clientConn(t *testing.T, o codec.Options) (*codec.ClientConn, *codectest.Peer) {
	near, far := net.Pipe()
	o.Logger = slog.New(slog.DiscardHandler)
	conn := o.NewClientConn(near)
	t.Cleanup(func() { conn.Close() })
	return conn, codectest.NewPeer(t, far)
}

func TestClientConnSendsInTheOrderOfStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := clientConn(t, codec.Options{Pipeline: codec.Always})
		var replies [10]int
		var calls []*codec.ClientCall
		for i := range replies {
			args := []int{i} // encoded before Start returns
			go func() {
				if i == 0 {
					peer.Expect(fmt.Sprintf("94 00 01 a1 'm' 91 91 %02x", i)) // alone, it is written at once
				}
			}()
			call, err := conn.Start(t.Context(), "m", args, &replies[i])
			if err != nil {
				t.Fatal(err)
			}
			args[0] = -1
			calls = append(calls, call)
			synctest.Wait()
		}
		for i := 1; i < len(replies); i++ {
			peer.Expect(fmt.Sprintf("94 00 %02x a1 'm' 91 91 %02x", i+1, i))
		}
		for i := len(replies); i > 0; i-- { // answered from the last to the first
			peer.Send(fmt.Sprintf("94 01 %02x c0 %02x", i, i))
		}
		for i, call := range calls {
			if err := call.Wait(); err != nil || replies[i] != i+1 {
				t.Error(replies[i], err)
			}
		}
	})
}

func TestClientConnCallsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := clientConn(t, codec.Options{Pipeline: codec.Never, LockStepGrace: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go peer.Expect("94 00 01 a4 'slow' 90")
		results := make(chan error)
		reply := 7
		go func() { results <- conn.Call(ctx, "slow", nil, &reply) }()
		synctest.Wait()
		// These wait in the queue, and as it is full, the last one for room.
		for range 3 {
			go func() { results <- conn.Call(ctx, "queued", make([]byte, 200<<10), nil) }()
		}
		start := time.Now()
		for range 4 {
			if err := <-results; !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("after %v", d)
		}
		if err := conn.Call(ctx, "late", nil, nil); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, codec.ErrNotSent) {
			t.Error(err)
		}
		peer.Send("94 01 01 c0 05") // nobody wants it
		go func() {
			peer.Expect("94 00 05 a4 'next' 90") // nothing in between
			peer.Send("94 01 05 c0 06")
		}()
		if err := conn.Call(t.Context(), "next", nil, &reply); err != nil || reply != 6 {
			t.Error(reply, err)
		}
	})
}

// TestClientConnCallsAreUsedAgainOnlyWhenTheyAreDone makes many calls that end in
// every way at once.
func TestClientConnCallsAreUsedAgainOnlyWhenTheyAreDone(t *testing.T) {
	near, far := codectest.Pair(t)
	server := rpc.NewServer()
	server.RegisterName("S", new(Summer))
	served := make(chan struct{})
	go func() {
		server.ServeCodec(codec.NewServerCodec(far))
		close(served)
	}()
	conn := codec.Options{}.NewClientConn(near)
	var callers sync.WaitGroup
	for w := range 16 {
		callers.Go(func() {
			for i := range 500 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%3 == 0 {
					go cancel()
				}
				var sum int
				err := conn.Call(ctx, "S.Sum", codec.Args{i, w}, &sum)
				if !errors.Is(err, context.Canceled) && (err != nil || sum != i+w) {
					t.Errorf("%d + %d = %d, %v", i, w, sum, err)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	conn.Close()
	<-served
}

func TestClientConnErrorsSayWhatBecameOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := clientConn(t, codec.Options{})
		both := make(chan struct{}) // calls are under way
		go func() {
			peer.Receive()
			peer.Send("94 01 01 92 07 a3 'bad' c0")
			peer.Receive()
			peer.Send("94 01 02 c0 a1 'x'")
			peer.Receive()
			<-both
			peer.Conn.Close()
		}()
		var e *codec.Error
		if err := conn.Call(t.Context(), "m", nil, nil); !errors.As(err, &e) || e.Code != 7 || e.Message != "bad" {
			t.Error(err)
		}
		if err := conn.Call(t.Context(), "m", nil, new(int)); err == nil || !strings.Contains(err.Error(), "does not fit int") {
			t.Error(err)
		}
		if err := conn.Call(t.Context(), "m", make(chan int), nil); err == nil {
			t.Error("a channel can be sent")
		}
		results := make(chan error)
		for range 2 {
			go func() { results <- conn.Call(t.Context(), "m", nil, nil) }()
		}
		synctest.Wait()
		close(both)
		hungUp, notSent := 0, 0
		for range 2 {
			switch err := <-results; {
			case errors.Is(err, io.ErrUnexpectedEOF):
				hungUp++
			case errors.Is(err, codec.ErrNotSent):
				notSent++
			default:
				t.Error(err)
			}
		}
		if hungUp != 1 || notSent != 1 {
			t.Errorf("%d in flight, %d not sent", hungUp, notSent)
		}
		if err := conn.Call(t.Context(), "m", nil, nil); err != rpc.ErrShutdown {
			t.Error(err)
		}
		if err := conn.Notify(context.Background(), "n", nil); err == nil {
			t.Error("a connection that has ended takes a notification")
		}
	})
}

// TestWhoIsSentFirstAsks: the call in flight may wait for those that are queued, so
// it must be the one that asks, although another was registered before.
func TestWhoIsSentFirstAsks(t *testing.T) {
	for range 200 {
		near, far := codectest.Pair(t)
		server := rpc.NewServer()
		server.RegisterName("R", &Rendezvous{make(chan int)})
		served := make(chan struct{})
		go func() {
			server.ServeCodec(codec.NewServerCodec(far))
			close(served)
		}()
		conn := codec.Options{}.NewClientConn(near)
		var calls sync.WaitGroup
		for i := range 4 {
			calls.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				var err error
				if i%2 == 0 {
					err = conn.Call(ctx, "R.Release", i, nil)
				} else {
					err = conn.Call(ctx, "R.Wait", nil, new(int))
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		conn.Close()
		<-served
	}
}

// TestClientConnSharesItsConnectionWithNetRPC, and calls of both kinds end with it.
func TestClientConnSharesItsConnectionWithNetRPC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := clientConn(t, codec.Options{Pipeline: codec.Always})
		client := conn.RPC()
		if client != conn.RPC() {
			t.Error("there is more than one rpc.Client")
		}
		go func() {
			for range 4 {
				msg, err := peer.Receive()
				if err != nil {
					t.Error(err)
					return
				}
				peer.Send(fmt.Sprintf("94 01 %02x c0 %02x", msg[2], msg[2]))
			}
		}()
		for i := range 2 {
			var a, b int
			if err := client.Call("m", nil, &a); err != nil || a != 2*i+1 {
				t.Error(a, err)
			}
			if err := conn.Call(t.Context(), "m", &codec.Exchange{}, &b); err != nil || b != 2*i+2 {
				t.Error(b, err)
			}
		}
		results := make(chan error)
		go func() { results <- client.Call("m", nil, nil) }()
		go func() { results <- conn.Call(t.Context(), "m", nil, nil) }()
		peer.Receive()
		peer.Receive()
		peer.Conn.Close()
		for range 2 {
			if err := <-results; err == nil || !strings.Contains(err.Error(), "closed by peer before answering") {
				t.Error(err)
			}
		}
	})
}

func TestClientConnOfADuplex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		serve, call := codec.NewDuplex(near)
		server := rpc.NewServer()
		server.RegisterName("S", new(Summer))
		served := make(chan struct{})
		go func() {
			server.ServeCodec(serve)
			close(served)
		}()
		conn, peer := codec.ClientConnOf(call), codectest.NewPeer(t, far)
		go func() {
			msg, _ := peer.Receive() // the request, which asks for pipelining
			peer.Send("94 00 05 a5 'S.Sum' 92 01 02")
			peer.Expect("94 01 05 c0 03")
			peer.Send(fmt.Sprintf("94 01 %02x c0 07", msg[2]))
			msg, _ = peer.Receive()
			peer.Send(fmt.Sprintf("94 01 %02x c0 08", msg[2]))
		}()
		var reply int
		if err := conn.Call(t.Context(), "m", nil, &reply); err != nil || reply != 7 {
			t.Error(reply, err)
		}
		if err := conn.RPC().Call("m", nil, &reply); err != nil || reply != 8 {
			t.Error(reply, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go peer.Receive()
		if err := conn.Call(ctx, "m", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		conn.Close()
		<-served
		defer func() {
			if recover() == nil {
				t.Error("a codec of another package is taken")
			}
		}()
		codec.ClientConnOf(nil)
	})
}

// TestClientConnGivesUpInTheQueue: a call that is given up there is never sent, and
// an rpc.Client on the same connection hears of its own ones.
func TestClientConnGivesUpInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := clientConn(t, codec.Options{Pipeline: codec.Never})
		go peer.Expect("94 00 01 a5 'first' 90")
		first, err := conn.Start(t.Context(), "first", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error)
		go func() { results <- conn.Call(ctx, "queued", nil, nil) }()
		x := &codec.Exchange{}
		go func() { results <- conn.RPC().Call("queued", x, nil) }()
		synctest.Wait()
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		x.GiveUp(context.Canceled)
		if err := <-results; err != nil || x.Err != context.Canceled {
			t.Error(err, x.Err)
		}
		peer.Send("94 01 01 c0 c0")
		if err := first.Wait(); err != nil {
			t.Error(err)
		}
		peer.Conn.SetReadDeadline(time.Now().Add(time.Second))
		if msg, err := peer.Receive(); err == nil {
			t.Errorf("% x was sent", msg)
		}
	})
}
