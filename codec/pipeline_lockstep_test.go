package codec_test

import (
	"fmt"
	"net"
	"net/rpc"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// The bytes are those of mprpc's client: see interop/testdata for all that were
// captured.
func TestLockStepSendsTheBytesOfMprpc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		for i, tc := range []struct {
			args any
			want string
		}{
			{nil, "90"},
			{codec.Args{1}, "91 01"},
			{struct{ X, Y int }{1, 2}, "92 01 02"},
			{codec.Args{"a", []byte("b"), nil, 1.5}, "94 a1 'a' c4 01 'b' c0 cb 3ff80000 00000000"},
		} {
			done := client.Go("sum", tc.args, nil, nil)
			peer.want(fmt.Sprintf("94 00 %02x a3 'sum' %s", i+1, tc.want))
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", i+1))
			wantDone(t, done)
		}
	})
}

func TestLockStepSendsTheNextRequestAfterTheReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		var calls []*rpc.Call
		for i := range 20 {
			calls = append(calls, client.Go("f", i, nil, nil))
		}
		for i := range 20 { // in the order in which they were made
			peer.want(fmt.Sprintf("94 00 %02x a1 'f' 91 %02x", i+1, i))
			peer.wantNone()
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", i+1))
		}
		wantDone(t, calls...)
	})
}

// serveOnePerRecv answers as mprpc's server does: it decodes one message for
// each recv, and the others of a segment wait for the next.
func serveOnePerRecv(conn net.Conn) {
	var have []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		have = append(have, buf[:n]...)
		s := wire.Scanner{Limits: wire.Limits{Message: 1 << 20, Depth: 10, Elements: 100}}
		size, err := s.Scan(have)
		if err != nil || size == 0 {
			continue
		}
		msg, err := wire.Parse(have[:size])
		if err != nil {
			return
		}
		reply := append(append([]byte{0x94, 1}, msg.ID...), 0xc0)
		if _, err := conn.Write(append(reply, msg.Params[1:]...)); err != nil {
			return
		}
		have = have[size:]
	}
}

// Regression, "mprpc: one message per recv": two requests in one segment leave
// the second unanswered until a third one comes, so a client that is shared and
// sends as it likes hangs.
func TestManyCallersShareAConnectionToAServerThatReadsOneMessagePerRecv(t *testing.T) {
	for _, mode := range []codec.Pipelining{codec.Auto, codec.Never} {
		near, far := codectest.Pair(t)
		go serveOnePerRecv(far)
		client := codec.Options{Pipeline: mode}.NewClient(near)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				for j := range 20 {
					var n int
					if err := client.Call("echo", i*20+j, &n); err != nil || n != i*20+j {
						t.Errorf("echo(%d) = %d, %v", i*20+j, n, err)
					}
				}
			})
		}
		wg.Wait()
		client.Close()
	}
}

func TestLockStepQueueIsBoundedAndCallersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		var issued atomic.Int32
		calls := make(chan *rpc.Call, 10)
		go func() { // one goroutine: a caller that waits holds net/rpc's lock
			for range 10 {
				calls <- client.Go("f", make([]byte, 100<<10), nil, nil)
				issued.Add(1)
			}
			close(calls)
		}()
		// One is in flight, two of 100 KB fit into 256 KB.
		for id, want := range []int32{3, 4, 5, 6, 7, 8, 9, 10, 10, 10} {
			synctest.Wait()
			if got := issued.Load(); got != want {
				t.Errorf("with %d answered, %d calls are accepted, want %d", id, got, want)
			}
			if got := <-peer.got; got[2] != byte(id+1) {
				t.Errorf("id %d, want %d", got[2], id+1)
			}
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", id+1))
		}
		for c := range calls {
			wantDone(t, c)
		}
	})
}

func TestARequestLargerThanTheQueueGoesWhenNothingElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		first := client.Go("f", nil, nil, nil)
		large := client.Go("f", strings.Repeat("x", 1<<20), nil, nil) // does not block
		peer.want("94 00 01 a1 'f' 90")
		peer.Send("94 01 01 c0 c0")
		if got := <-peer.got; len(got) < 1<<20 {
			t.Errorf("received %d bytes, want more than 1 MiB", len(got))
		}
		peer.Send("94 01 02 c0 c0")
		wantDone(t, first, large)
	})
}

// A caller that waits for room holds net/rpc's reqMutex, which a synctest bubble
// does not see as blocked: this one runs in real time.
func TestCallersThatWaitForRoomEndWithTheConnection(t *testing.T) {
	for name, end := range map[string]func(*rpc.Client, *script){
		"Close":  func(c *rpc.Client, _ *script) { c.Close() },
		"EOF":    func(_ *rpc.Client, s *script) { s.Conn.Close() },
		"broken": func(_ *rpc.Client, s *script) { s.Send("c1") },
		"misfit": func(_ *rpc.Client, s *script) { s.Send("94 01 01 c0 a1 'x'") },
	} {
		t.Run(name, func(t *testing.T) {
			client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
			var n int
			calls := make(chan *rpc.Call, 20)
			calls <- client.Go("f", nil, &n, nil)
			<-peer.got
			var wg sync.WaitGroup
			for range 16 { // two fit, one waits for room, the others for that one
				wg.Go(func() { calls <- client.Go("g", make([]byte, 100<<10), nil, nil) })
			}
			accepted := []*rpc.Call{<-calls, <-calls, <-calls}
			end(client, peer)
			wg.Wait()
			close(calls)
			for c := range calls {
				accepted = append(accepted, c)
			}
			for _, c := range accepted {
				if <-c.Done; c.Error == nil {
					t.Errorf("%s succeeded", c.ServiceMethod)
				}
			}
			if err := client.Call("f", nil, nil); err == nil {
				t.Error("a later call succeeded")
			}
		})
	}
}
