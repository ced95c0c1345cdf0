package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/rpc"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// errImpatient is what the callers of these tests give up with.
var errImpatient = errors.New("impatient")

// giveUp gives an Exchange up and checks that it was in time.
func giveUp(t testing.TB, x *codec.Exchange) {
	t.Helper()
	if !x.GiveUp(errImpatient) || x.Err != errImpatient {
		t.Errorf("giving up was too late or Err is wrong: %v", x.Err)
	}
	if x.GiveUp(context.Canceled) || x.Err != errImpatient {
		t.Errorf("giving up again was in time; Err %v", x.Err)
	}
}

func TestGivenUpBeforeTheCallIsNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		x := new(codec.Exchange)
		giveUp(t, x)
		if err := client.Call("f", x, nil); err != errImpatient {
			t.Errorf("the call got %v, want %v", err, errImpatient)
		}
		next := client.Go("g", nil, nil, nil)
		peer.want("94 00 01 a1 'g' 90")
		peer.Send("94 01 01 c0 c0")
		wantDone(t, next)
	})
}

func TestGivenUpInTheQueueIsNeverSent(t *testing.T) {
	for _, mode := range []codec.Pipelining{codec.Never, codec.Auto} {
		synctest.Test(t, func(t *testing.T) {
			client, peer := scripted(t, codec.Options{Pipeline: mode})
			first := client.Go("a", nil, nil, nil)
			xs := []*codec.Exchange{{}, {}, {}}
			var calls []*rpc.Call
			for i, x := range xs {
				calls = append(calls, client.Go(fmt.Sprint(i), x, nil, nil))
			}
			<-peer.got
			giveUp(t, xs[0])
			giveUp(t, xs[1])
			if mode == codec.Auto {
				peer.Send(greeting)
			} else {
				peer.Send("94 01 01 c0 c0")
			}
			peer.want("94 00 04 a1 '2' 90")
			wantDone(t, calls[:2]...) // net/rpc forgets them although nobody answers
			// Their ids are free and were never on the wire.
			peer.Send("94 01 02 c0 05")
			peer.Send("94 01 04 c0 c0")
			wantDone(t, calls[2])
			if mode == codec.Auto {
				peer.Send("94 01 01 c0 c0")
			}
			if wantDone(t, first); xs[2].Err != nil {
				t.Error(xs[2].Err)
			}
		})
	}
}

func TestALateReplyToACallGivenUpIsDropped(t *testing.T) {
	for _, reply := range []string{"c0 05", "a1 'x' c0"} {
		for _, mode := range []codec.Pipelining{codec.Never, codec.Always} {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				client, peer := scripted(t, codec.Options{Pipeline: mode, Logger: log.logger()})
				n := 42
				x := &codec.Exchange{Reply: &n}
				late, next := client.Go("f", x, nil, nil), client.Go("g", nil, nil, nil)
				<-peer.got
				giveUp(t, x)
				time.Sleep(9 * time.Second) // less than the default grace
				peer.Send("94 01 01" + reply)
				if wantDone(t, late); n != 42 || x.Err != errImpatient {
					t.Errorf("reply %d, Err %v, want both untouched", n, x.Err)
				}
				peer.answer("c0 c0")
				wantDone(t, next)
				time.Sleep(time.Hour)
				client.Close()
				if len(log.all()) != 0 {
					t.Errorf("log %v, want silence", log.all())
				}
			})
		}
	}
}

func TestLockStepEndsWhenACallGivenUpIsNotAnsweredInTime(t *testing.T) {
	for name, tc := range map[string]struct {
		options codec.Options
		ends    time.Duration // 0: never
	}{
		"default":          {codec.Options{Pipeline: codec.Never}, 10 * time.Second},
		"one minute":       {codec.Options{Pipeline: codec.Auto, LockStepGrace: time.Minute}, time.Minute},
		"none":             {codec.Options{Pipeline: codec.Never, LockStepGrace: -1}, 0},
		"no lock step":     {codec.Options{Pipeline: codec.Always}, 0},
		"auto, not opened": {codec.Options{}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				tc.options.Logger = log.logger()
				client, peer := scripted(t, tc.options)
				x, y := new(codec.Exchange), new(codec.Exchange)
				client.Go("f", x, nil, nil)
				queued := client.Go("g", y, nil, nil)
				<-peer.got
				time.Sleep(time.Hour) // the grace begins with GiveUp
				giveUp(t, x)
				begin := time.Now()
				if tc.ends == 0 {
					time.Sleep(24 * time.Hour)
					synctest.Wait()
					client.Close()
					if <-queued.Done; y.Err != rpc.ErrShutdown {
						t.Errorf("the queued call got %v, want it to wait until Close", y.Err)
					}
					return
				}
				<-queued.Done
				if took := time.Since(begin); took != tc.ends {
					t.Errorf("ended after %v, want %v", took, tc.ends)
				}
				if !errors.Is(y.Err, codec.ErrNotSent) || !contains(y.Err, "LockStepGrace") {
					t.Errorf("the queued call got %v, want ErrNotSent and the reason", y.Err)
				}
				if got := fmt.Sprint(log.last()["reason"]); !contains(errors.New(got), "LockStepGrace") {
					t.Errorf("log %v, want the reason", log.all())
				}
				peer.wantEnd()
			})
		})
	}
}

func TestHelloEndsTheGraceOfACallGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		x := new(codec.Exchange)
		client.Go("f", x, nil, nil)
		next := client.Go("g", nil, nil, nil)
		peer.want(asksF)
		giveUp(t, x)
		peer.Send(greeting)
		peer.want("94 00 02 a1 'g' 90")
		time.Sleep(time.Hour)
		peer.Send("94 01 02 c0 c0")
		wantDone(t, next)
	})
}

func TestGivenUpWhileTheQueueIsFullIsNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		first := client.Go("a", nil, nil, nil)
		second := client.Go("b", make([]byte, 250<<10), nil, nil)
		x := &codec.Exchange{Args: make([]byte, 50<<10)}
		var returned atomic.Bool
		result := make(chan error, 1)
		go func() {
			result <- client.Call("c", x, nil)
			returned.Store(true)
		}()
		synctest.Wait()
		if returned.Load() {
			t.Error("the call did not wait for room")
		}
		giveUp(t, x)
		if err := <-result; err != errImpatient {
			t.Errorf("the call got %v, want %v", err, errImpatient)
		}
		peer.answer("c0 c0")
		peer.answer("c0 c0")
		wantDone(t, first, second)
		peer.wantNone()
	})
}

func TestGivenUpWhileTheWriterIsFullIsNeverSent(t *testing.T) {
	for _, mode := range []codec.Pipelining{codec.Never, codec.Auto, codec.Always} {
		synctest.Test(t, func(t *testing.T) {
			client, c, far := silentCodec(t, codec.Options{Pipeline: mode})
			fill(t, c)
			x := new(codec.Exchange)
			result := make(chan error, 1)
			go func() { result <- client.Call("c", x, nil) }()
			synctest.Wait()
			giveUp(t, x)
			if err := <-result; err != errImpatient {
				t.Errorf("the call got %v, want %v", err, errImpatient)
			}
			// Nothing is blocked by it, also in lock step.
			peer := newScript(t, far)
			next := client.Go("d", nil, nil, nil)
			for got := range peer.got {
				if got[1] == 0 {
					if got[2] != 2 {
						t.Errorf("received %q, want the request with id 2", got)
					}
					break
				}
			}
			peer.Send("94 01 02 c0 c0")
			wantDone(t, next)
		})
	}
}

func TestGivenUpIsNotOverwrittenByTheEndOfTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		x, y := new(codec.Exchange), new(codec.Exchange)
		sent, queued := client.Go("f", x, nil, nil), client.Go("g", y, nil, nil)
		<-peer.got
		giveUp(t, x)
		giveUp(t, y)
		peer.Conn.Close()
		if wantDone(t, sent, queued); x.Err != errImpatient || y.Err != errImpatient {
			t.Errorf("Err %v and %v, want %v", x.Err, y.Err, errImpatient)
		}
	})
}

func TestGivingUpWithoutAnErrorIsACancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		early := new(codec.Exchange)
		if !early.GiveUp(nil) {
			t.Error("too late")
		}
		if err := call(client, "never", early); err != context.Canceled {
			t.Errorf("error %v, want context.Canceled", err)
		}
		peer.wantNone()
	})
}

func TestACallGivenUpInTheQueueMakesRoom(t *testing.T) {
	client, peer := scripted(t, codec.Options{Pipeline: codec.Never, LockStepGrace: -1})
	first := client.Go("slow", nil, nil, nil)
	<-peer.got
	large := &codec.Exchange{Args: make([]byte, 200<<10)}
	client.Go("large", large, nil, nil)
	if !large.GiveUp(nil) {
		t.Fatal("too late")
	}
	// Not in a bubble: this would wait behind net/rpc's lock for room.
	next := client.Go("next", make([]byte, 100<<10), nil, nil)
	peer.Send("94 01 01 c0 c0")
	if got := <-peer.got; !bytes.Contains(got, []byte("next")) {
		t.Errorf("peer received %.20q", got)
	}
	peer.Send("94 01 03 c0 c0")
	wantDone(t, first, next)
}

// A long request to a peer that does not read must not hold its caller, and
// with it net/rpc's lock, until WriteTimeout.
func TestALongRequestDoesNotHoldItsCaller(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	client := codec.Options{WriteTimeout: -1, Logger: slog.New(slog.DiscardHandler)}.NewClient(near)
	x := &codec.Exchange{Args: make([]byte, 200<<10)}
	call := client.Go("m", x, nil, nil) // would not return
	if !x.GiveUp(context.Canceled) {
		t.Error("too late")
	}
	far.Close()
	<-call.Done
	client.Close()
}

// Nor one made with a context that may end. A caller without one may be held up, as
// net/rpc's are, but no longer than the connection lasts.
func TestALongRequestHoldsOnlyThePatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := make([]byte, 200<<10)
		ctx, cancel := context.WithCancel(t.Context())
		conn, _ := clientConn(t, codec.Options{WriteTimeout: time.Minute})
		call, err := conn.Start(ctx, "m", long, nil) // would not return
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := call.Wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("the call got %v, want %v", err, context.Canceled)
		}

		for name, end := range map[string]func(*rpc.Client, net.Conn){
			"WriteTimeout": func(*rpc.Client, net.Conn) { time.Sleep(time.Minute) },
			"Close":        func(c *rpc.Client, _ net.Conn) { c.Close() },
			"the peer":     func(_ *rpc.Client, far net.Conn) { far.Close() },
		} {
			client, far := connected(t, codec.Options{WriteTimeout: time.Minute})
			held := make(chan *rpc.Call)
			go func() { held <- client.Go("m", long, nil, nil) }()
			synctest.Wait()
			end(client, far)
			if err := (<-(<-held).Done).Error; err == nil {
				t.Errorf("%s: the call of a request that did not leave has no error", name)
			}
		}
	})
}
