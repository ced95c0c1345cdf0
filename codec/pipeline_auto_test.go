package codec_test

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

const (
	asksF    = "94 00 01 db 00000001 'f' 90" // the first request of an Auto client
	greeting = "94 01 c0 c0 c0"
)

func TestAutoAsksOnceAndOpensWithHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		client, peer := scripted(t, codec.Options{Logger: log.logger()})
		var calls []*rpc.Call
		send := func() { calls = append(calls, client.Go("f", nil, nil, nil)) }
		send()
		send()
		send()
		peer.want(asksF)
		peer.wantNone()
		peer.Send(greeting)
		peer.want("94 00 02 a1 'f' 90") // the queued ones leave at once,
		peer.want("94 00 03 a1 'f' 90")
		send() // and so do those that come now
		peer.want("94 00 04 a1 'f' 90")
		for id := 4; id > 0; id-- {
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", id))
		}
		wantDone(t, calls...)
		client.Close()
		if len(log.all()) != 0 {
			t.Errorf("log %v, want silence: an answer to the question counts as nobody's", log.all())
		}
	})
}

func TestAutoAsksInStr32(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		client.Go("sum", codec.Args{1, 2}, nil, nil)
		peer.want("94 00 01 db 00 00 00 03 'sum' 92 01 02")
	})
}

func TestAutoStaysInLockStepWithoutHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		first, second, third := client.Go("f", nil, nil, nil), client.Go("f", nil, nil, nil), client.Go("f", nil, nil, nil)
		peer.want(asksF)
		peer.Send("94 01 01 c0 c0")
		peer.want("94 00 02 a1 'f' 90")
		peer.wantNone()
		peer.Send("94 01 02 c0 c0")
		peer.want("94 00 03 a1 'f' 90")
		peer.Send("94 01 03 c0 c0")
		wantDone(t, first, second, third)
	})
}

func TestHelloThatWasNotAskedForIsIgnoredAndCounted(t *testing.T) {
	for name, tc := range map[string]struct {
		mode   codec.Pipelining
		before bool // Hello comes before the first request
		hellos int
		want   any
	}{
		"Never":            {codec.Never, false, 1, int64(1)},
		"Always":           {codec.Always, false, 1, int64(1)},
		"Auto, too early":  {codec.Auto, true, 1, int64(1)},
		"Auto, once":       {codec.Auto, false, 1, nil},
		"Auto, twice":      {codec.Auto, false, 2, int64(1)},
		"Auto, ten times":  {codec.Auto, false, 10, int64(9)},
		"Auto, early, two": {codec.Auto, true, 2, int64(2)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				client, peer := scripted(t, codec.Options{Pipeline: tc.mode, Logger: log.logger()})
				greet := func() {
					for range tc.hellos {
						peer.Send(greeting)
					}
				}
				if tc.before {
					greet()
				}
				synctest.Wait()
				first, second := client.Go("f", nil, nil, nil), client.Go("f", nil, nil, nil)
				<-peer.got
				if !tc.before {
					greet()
				}
				synctest.Wait()
				isOpen := len(peer.got) > 0
				if want := tc.mode == codec.Always || tc.want == nil || tc.mode == codec.Auto && !tc.before; isOpen != want {
					t.Errorf("open: %v, want %v", isOpen, want)
				}
				peer.Send("94 01 01 c0 c0")
				<-peer.got
				peer.Send("94 01 02 c0 c0")
				wantDone(t, first, second)
				client.Close()
				if got := log.last()["ignored_responses"]; got != tc.want {
					t.Errorf("ignored_responses = %v, want %v", got, tc.want)
				}
			})
		})
	}
}

func TestARequestThatCannotBeEncodedLeavesTheQuestionToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		if err := client.Call("f", "\xff", nil); err == nil {
			t.Error("text that is not UTF-8 was accepted")
		}
		first, second := client.Go("f", nil, nil, nil), client.Go("f", nil, nil, nil)
		peer.want("94 00 02 db 00000001 'f' 90")
		peer.Send(greeting)
		peer.want("94 00 03 a1 'f' 90")
		peer.Send("94 01 02 c0 c0")
		peer.Send("94 01 03 c0 c0")
		wantDone(t, first, second)
	})
}

func TestARequestGivenUpBeforeItLeavesLeavesTheQuestionToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, c, peer := silentCodec(t, codec.Options{})
		fill(t, c)
		x := new(codec.Exchange)
		result := make(chan error)
		go func() { result <- client.Call("f", x, nil) }()
		synctest.Wait()
		if !x.GiveUp(context.Canceled) {
			t.Error("too late to give up")
		}
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("the call got %v, want %v", err, context.Canceled)
		}
		script := newScript(t, peer)
		next := client.Go("f", nil, nil, nil)
		for got := range script.got {
			if got[1] == 0 {
				if want := string(codectest.Bytes("94 00 02 db 00000001 'f' 90")); string(got) != want {
					t.Errorf("received %q, want %q", got, want)
				}
				break
			}
		}
		script.Send("94 01 02 c0 c0")
		wantDone(t, next)
	})
}

// Rendezvous has a method that answers only once another call has come.
type Rendezvous struct{ c chan int }

func (r *Rendezvous) Wait(_ struct{}, n *int) error        { *n = <-r.c; return nil }
func (r *Rendezvous) Release(n int, reply *struct{}) error { r.c <- n; return nil }

func TestAFirstCallMayWaitForTheSecondWithAServerOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := rpc.NewServer()
		server.Register(&Rendezvous{make(chan int)})
		client, far := connected(t, codec.Options{})
		go server.ServeCodec(codec.NewServerCodec(far))
		var n int
		first := client.Go("Rendezvous.Wait", struct{}{}, &n, nil)
		second := client.Go("Rendezvous.Release", 5, new(struct{}), nil)
		if wantDone(t, first, second); n != 5 {
			t.Errorf("%d, want 5", n)
		}
		client.Close()
	})
}

func TestAlwaysSendsEveryRequestAtOnceInItsShortestForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Always})
		var calls []*rpc.Call
		for id := 1; id <= 5; id++ {
			calls = append(calls, client.Go("f", nil, nil, nil))
		}
		for id := 1; id <= 5; id++ {
			peer.want(fmt.Sprintf("94 00 %02x a1 'f' 90", id))
		}
		for _, id := range []int{3, 1, 5, 2, 4} {
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", id))
		}
		wantDone(t, calls...)
	})
}
