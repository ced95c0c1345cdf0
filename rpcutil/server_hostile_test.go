package rpcutil_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// TestServerSurvivesItsMethods calls what a method had better not do, with a good
// call after each.
func TestServerSurvivesItsMethods(t *testing.T) {
	m := muxOfSum()
	m.Handle("panic", func() { panic("SECRET") })
	m.Handle("exit", func() { runtime.Goexit() })
	m.Handle("chan", func() any { return make(chan int) })
	m.Handle("text", func() string { return "\xff" })
	m.Handle("deep", func() any {
		var v any
		for range 1000 {
			v = []any{v}
		}
		return v
	})
	m.Handle("huge", func() []byte { return make([]byte, 17<<20) })
	m.Handle("nothing", func() error { return errors.New("") })
	client := dialed(t, "tcp", listening(t, &rpcutil.Server{Handler: m, Codec: codec.Options{Logger: quiet}}))
	for method, want := range map[string]string{
		"panic": "internal error", "exit": "internal error", "chan": "chan: result cannot be sent",
		"text": "text: result cannot be sent", "deep": "MaxDepth", "huge": "MaxMessage", "nothing": "without text", "nope": "method not found",
	} {
		if err := client.Call(method, nil, nil); !strings.Contains(errText(err), want) {
			t.Errorf("%s: %v", method, err)
		}
		if got, err := rpcutil.Call[int](context.Background(), client, "sum", 1, 2); got != 3 || err != nil {
			t.Errorf("after %s: %d, %v", method, got, err)
		}
	}
}

// TestAMethodCallsItsCaller over a connection of its own, through the server that
// is serving it.
func TestAMethodCallsItsCaller(t *testing.T) {
	m := muxOfSum()
	var client *rpcutil.Client
	m.Handle("down", func(ctx context.Context, n int) (int, error) {
		if n == 0 {
			return 0, nil
		}
		got, err := rpcutil.Call[int](ctx, client, "down", n-1)
		return got + 1, err
	})
	client = dialed(t, "tcp", listening(t, &rpcutil.Server{Handler: m}))
	if got, err := rpcutil.Call[int](context.Background(), client, "down", 200); got != 200 || err != nil {
		t.Error(got, err)
	}
}

// TestAPeerThatDoesNotReadIsNotReadFromForLong: its answers wait in bounded memory,
// others are served meanwhile, and after WriteTimeout it is cut off.
func TestAPeerThatDoesNotReadIsNotReadFromForLong(t *testing.T) {
	var ran atomic.Int64
	m := muxOfSum()
	m.Handle("blob", func() []byte { ran.Add(1); return make([]byte, 32<<10) })
	s := &rpcutil.Server{Handler: m, Codec: codec.Options{WriteTimeout: 2 * time.Second, MaxPending: 20, Logger: quiet}}
	closed := make(chan error, 1)
	s.Hooks.ConnClosed = func(_ rpcutil.ConnInfo, err error) {
		if err != nil {
			closed <- err
		}
	}
	address := listening(t, s)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := make(chan int)
	go func() {
		requests, n := []byte(strings.Repeat("\x94\x00\x01\xa4blob\x90", 100)), 0
		for {
			if _, err := conn.Write(requests); err != nil {
				break
			}
			n += 100
		}
		sent <- n
	}()
	client := dialed(t, "tcp", address)
	var reason error
	for reason == nil {
		sums(t, client)
		select {
		case reason = <-closed:
		default:
		}
	}
	if !strings.Contains(reason.Error(), "does not read") {
		t.Error(reason)
	}
	// What fits into the buffers of the connection, and what waits.
	if n, n2 := <-sent, ran.Load(); n2 > int64(n)/2 || n2 > 1000 {
		t.Errorf("%d of %d requests ran", n2, n)
	}
}

// TestThousandsOfConnectionsComeAndGo: some call, some vanish in mid-message, some
// in mid-answer, some send what is no message, some nothing; nothing is left.
func TestThousandsOfConnectionsComeAndGo(t *testing.T) {
	before := descriptors(t)
	goroutines := runtime.NumGoroutine()
	m := muxOfSum()
	m.Handle("blob", func(n int) []byte { return make([]byte, n) })
	s := &rpcutil.Server{Handler: m, MaxConns: 100, Codec: codec.Options{Logger: quiet}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.Serve(l) }()
	var peers sync.WaitGroup
	for w := range 20 {
		peers.Go(func() {
			for i := range 100 {
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				switch (i + w) % 5 {
				case 0:
					conn.Write([]byte("\x94\x00\x01\xa3sum\x92\x01\x02"))
					b := make([]byte, 5)
					if _, err := io.ReadFull(conn, b); err != nil || string(b) != "\x94\x01\x01\xc0\x03" {
						t.Errorf("%q, %v", b, err)
					}
				case 1:
					conn.Write([]byte("\x94\x00\x01\xa3su"))
				case 2:
					conn.Write([]byte("\x94\x00\x01\xa4blob\x91\xce\x00\x10\x00\x00"))
					conn.Read(make([]byte, 1))
				case 3:
					conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
				}
				conn.Close()
			}
		})
	}
	peers.Wait()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	<-ended
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		fds, n := descriptors(t), runtime.NumGoroutine()
		if fds <= before && n <= goroutines {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("%d descriptors and %d goroutines, %d and %d before", fds, n, before, goroutines)
			break
		}
	}
}

// TestThousandsOfConnectionsAtOnce are open and idle, while calls go on.
func TestThousandsOfConnectionsAtOnce(t *testing.T) {
	const many = 2000
	address := listening(t, &rpcutil.Server{Handler: muxOfSum()})
	client := dialed(t, "tcp", address)
	var peers []*codectest.Peer
	for i := range many {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err) // two descriptors each, in this process
		}
		peers = append(peers, codectest.NewPeer(t, conn))
		if i%500 == 0 {
			sums(t, client)
		}
	}
	for _, peer := range peers {
		peer.Send("94 00 01 a3 'sum' 92 01 02")
	}
	for _, peer := range peers {
		peer.Expect("94 01 01 c0 03")
	}
	sums(t, client)
}

// descriptors counts the open files of the process, where the system tells.
func descriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Log("descriptors are not counted:", err)
	}
	return len(list)
}

// TestShutdownInTheMiddleOfTrouble has all of it at once: methods that panic, end
// their goroutine and block, peers that send and do not read, that are in the middle
// of a message or have gone.
func TestShutdownInTheMiddleOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := muxOfSum()
		release := make(chan struct{})
		m.Handle("panic", func() { panic("SECRET") })
		m.Handle("exit", func() { runtime.Goexit() })
		m.Handle("wait", func() { <-release })
		m.Handle("blob", func() []byte { return make([]byte, 1<<20) })
		s := &rpcutil.Server{Handler: m, MaxCalls: 4, Codec: codec.Options{WriteTimeout: time.Minute, Logger: quiet}}
		send := func(peer *codectest.Peer, text string) { go peer.Conn.Write(codectest.Bytes(text)) }
		waits := servedPeer(t, s)
		send(waits, "94 00 01 a4 'wait' 90 94 00 02 a5 'panic' 90 94 00 03 a4 'exit' 90")
		send(servedPeer(t, s), "94 00 01 a4 'blob' 90 94 00 02 a4 'wait' 90") // and does not read
		send(servedPeer(t, s), "94 00 01 a4 'bl")
		gone := servedPeer(t, s)
		send(gone, "94 00 01 a4 'wait' 90")
		synctest.Wait()
		gone.Conn.Close()
		time.Sleep(time.Second)
		down := make(chan error)
		go func() { down <- s.Shutdown(t.Context()) }()
		time.Sleep(time.Second)
		close(release)
		for range 3 {
			if _, err := waits.Receive(); err != nil {
				t.Error(err)
			}
		}
		waits.ExpectEnd()
		if err := <-down; err != nil { // when the peer that does not read is cut off
			t.Error(err)
		}
	})
}
