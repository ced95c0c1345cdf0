package codec_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/rpc"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// waves are how many calls are made and answered at a time, in any order, while others
// last: enough for numbers to come round to those that do, in tables of all sizes.
var waves = []int{1, 7, 8, 64, 65, 300, 1500, 3000, 2, 700, 1, 1100, 64}

const lasting = 300

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestAnswersInAnyOrderFindTheirCalls(t *testing.T) {
	random := seeded(t)
	near, far := codectest.Pair(t)
	client := codec.Options{Pipeline: codec.Always}.NewClientConn(near)
	defer client.Close()
	peer := codectest.NewPeer(t, far)

	next := 0
	type started struct {
		*codec.ClientCall
		reply *int
		want  int
	}
	start := func(n int) (calls []started) {
		for range n {
			next++
			reply := new(int)
			call, err := client.Start(context.Background(), "f", next, reply)
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, started{call, reply, next})
		}
		return calls
	}
	var out []byte
	answer := func(calls []started, requests [][]byte) {
		random.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
		out = out[:0]
		for _, request := range requests {
			m, err := wire.Parse(request)
			if err != nil {
				t.Fatal(err)
			}
			out = append(append(append(append(out, 0x94, 1), m.ID...), 0xc0), m.Params[1:]...)
		}
		sent := make(chan struct{})
		go func() { defer close(sent); far.Write(out) }()
		for _, c := range calls {
			if err := c.Wait(); err != nil || *c.reply != c.want {
				t.Fatalf("call %d got %d, %v", c.want, *c.reply, err)
			}
		}
		<-sent
	}
	receive := func(n int) (requests [][]byte) {
		for range n {
			request, err := peer.Receive()
			if err != nil {
				t.Fatal(err)
			}
			requests = append(requests, request)
		}
		return requests
	}
	last := start(lasting)
	lastRequests := receive(lasting)
	for _, n := range waves {
		calls := start(n)
		answer(calls, receive(n))
	}
	answer(last, lastRequests)

	again := start(1)
	if _, err := far.Write(out); err != nil { // which answers nobody any more
		t.Fatal(err)
	}
	answer(again, receive(1))
}

func TestAnswersGoToTheirRequestsInAnyOrder(t *testing.T) {
	random := seeded(t)
	near, far := codectest.Pair(t)
	server := codec.Options{MaxPending: -1}.NewServerCodec(far)
	defer server.Close()
	peer := codectest.NewPeer(t, near)

	next := 0
	type request struct {
		seq uint64
		arg int
	}
	receive := func(n int) (requests []request) {
		var out []byte
		for range n {
			next++
			out = append(out, codectest.Bytes(fmt.Sprintf("94 00 ce %08x a1'f' 91 ce %08x", next, next))...)
		}
		go near.Write(out)
		for range n {
			var r rpc.Request
			var arg int
			if err := server.ReadRequestHeader(&r); err != nil {
				t.Fatal(err)
			}
			if err := server.ReadRequestBody(&arg); err != nil {
				t.Fatal(err)
			}
			requests = append(requests, request{r.Seq, arg})
		}
		return requests
	}
	answer := func(requests []request) {
		random.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
		for _, r := range requests {
			if err := server.WriteResponse(&rpc.Response{Seq: r.seq}, r.arg); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range requests {
			got, err := peer.Receive()
			m, parseErr := wire.Parse(got)
			if err != nil || parseErr != nil || m.Num != int64(r.arg) || string(m.Result) != string(result(t, r.arg)) {
				t.Fatalf("request %d is answered with % x, %v", r.arg, got, err)
			}
		}
	}
	last := receive(lasting)
	for _, n := range waves {
		answer(receive(n))
	}
	answer(last)
}

// All calls learn of the end, those in the map too.
func TestTheEndOfTheConnectionReachesAllCalls(t *testing.T) {
	const calls = 3000
	near, far := codectest.Pair(t)
	client := codec.Options{Pipeline: codec.Always}.NewClientConn(near)
	defer client.Close()
	peer := codectest.NewPeer(t, far)

	failed := make(chan error, 3*calls)
	done := make(chan *rpc.Call, 2*calls)
	exchanges := make(map[*rpc.Call]*codec.Exchange)
	for range calls {
		call, err := client.Start(context.Background(), "f", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() { failed <- call.Wait() }()
		client.RPC().Go("f", nil, nil, done)
		x := &codec.Exchange{}
		exchanges[client.RPC().Go("f", x, nil, done)] = x
	}
	for range 3 * calls {
		if _, err := peer.Receive(); err != nil {
			t.Fatal(err)
		}
	}
	far.Close()
	for range calls {
		if err := <-failed; err == nil {
			t.Fatal("a call without an answer succeeds")
		}
	}
	for range 2 * calls {
		call := <-done
		if x := exchanges[call]; call.Error == nil && (x == nil || x.Err == nil) {
			t.Fatal("a call of net/rpc without an answer succeeds")
		}
	}
}

// A peer may guess ids, and answer requests before they are written. The memory of
// calls is used again then as well.
func TestAnswersBeforeTheirRequests(t *testing.T) {
	clients := map[string]func(net.Conn) *rpc.Client{
		"codec":      func(c net.Conn) *rpc.Client { return codec.Options{Pipeline: codec.Always}.NewClient(c) },
		"ClientConn": func(c net.Conn) *rpc.Client { return codec.Options{Pipeline: codec.Always}.NewClientConn(c).RPC() },
		"duplex": func(c net.Conn) *rpc.Client {
			_, client := codec.Options{Pipeline: codec.Always}.NewDuplex(c)
			return rpc.NewClientWithCodec(client)
		},
	}
	for form, open := range clients {
		t.Run(form, func(t *testing.T) {
			const callers, calls = 8, 200
			near, far := codectest.Pair(t)
			client := open(near)
			peer := codectest.NewPeer(t, far)
			var writing sync.Mutex
			write := func(id []byte) error {
				writing.Lock()
				defer writing.Unlock()
				_, err := far.Write(append(append([]byte{0x94, 1}, id...), 0xc0, 7))
				return err
			}
			var all sync.WaitGroup
			all.Go(func() { // guesses
				for id := uint16(1); write([]byte{0xcd, byte(id >> 8), byte(id)}) == nil; id = id%(callers*calls) + 1 {
				}
			})
			all.Go(func() { // answers what it is asked, which may be done already
				for {
					request, err := peer.Receive()
					if err != nil {
						return
					}
					if m, err := wire.Parse(request); err != nil || write(m.ID) != nil {
						return
					}
				}
			})
			var callersDone sync.WaitGroup
			for range callers {
				callersDone.Go(func() {
					for range calls {
						var n int
						if err := client.Call("f", nil, &n); err != nil || n != 7 {
							t.Errorf("got %d, %v", n, err)
						}
					}
				})
			}
			callersDone.Wait()
			client.Close()
			far.Close()
			all.Wait()
		})
	}
}

// result is n as a result.
func result(t *testing.T, n int) []byte {
	values := value.Values{Limits: wire.Limits{Message: 100, Depth: 2, Elements: 10, Decoded: 100}}
	b, err := values.AppendResult(nil, []byte{1}, n)
	if err != nil {
		t.Fatal(err)
	}
	return b[4:]
}
