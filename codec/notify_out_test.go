package codec_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

func TestNotifySendsANotification(t *testing.T) {
	for _, mode := range []codec.Pipelining{codec.Auto, codec.Never, codec.Always} {
		synctest.Test(t, func(t *testing.T) {
			_, c, peer := scriptedCodec(t, codec.Options{Pipeline: mode, Names: shout{}})
			if err := c.(codec.Notifier).Notify("sum", codec.Args{1, 2}); err != nil {
				t.Error(err)
			}
			peer.want("93 02 a3 'SUM' 92 01 02") // it never asks: nobody could answer
		})
	}
}

func TestANotificationTakesItsTurnInLockStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, c, peer := scriptedCodec(t, codec.Options{Pipeline: codec.Never})
		notify := c.(codec.Notifier).Notify
		first := client.Go("a", nil, nil, nil)
		notify("n", 1)
		second := client.Go("b", nil, nil, nil)
		notify("n", 2)
		notify("n", 3)
		third := client.Go("c", nil, nil, nil)
		peer.want("94 00 01 a1 'a' 90")
		peer.wantNone()
		peer.Send("94 01 01 c0 c0")
		peer.want("93 02 a1 'n' 91 01")
		peer.want("94 00 02 a1 'b' 90")
		peer.wantNone()
		peer.Send("94 01 02 c0 c0")
		peer.want("93 02 a1 'n' 91 02")
		peer.want("93 02 a1 'n' 91 03")
		peer.want("94 00 03 a1 'c' 90")
		peer.Send("94 01 03 c0 c0")
		wantDone(t, first, second, third)
	})
}

func TestNotifyWaitsForRoomInTheQueueAndEndsWithTheConnection(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(*rpc.Client, *script)
		want error // nil: it was sent
	}{
		"room":  {func(_ *rpc.Client, s *script) { s.Send("94 01 01 c0 c0") }, nil},
		"Close": {func(c *rpc.Client, _ *script) { c.Close() }, rpc.ErrShutdown},
		"EOF":   {func(_ *rpc.Client, s *script) { s.Conn.Close() }, codec.ErrNotSent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, c, peer := scriptedCodec(t, codec.Options{Pipeline: codec.Never})
				notify := c.(codec.Notifier).Notify
				client.Go("a", nil, nil, nil)
				<-peer.got
				notify("n", make([]byte, 250<<10))
				var returned atomic.Bool
				result := make(chan error, 1)
				go func() { result <- notify("n", make([]byte, 50<<10)); returned.Store(true) }()
				synctest.Wait()
				if returned.Load() {
					t.Error("it did not wait")
				}
				tc.end(client, peer)
				if err := <-result; !errors.Is(err, tc.want) {
					t.Errorf("error %v, want %v", err, tc.want)
				}
			})
		})
	}
}

func TestNotifyWaitsForRoomInTheWriterAndEndsWithTheConnection(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(*rpc.Client, io.Closer)
		want error
	}{
		"Close": {func(c *rpc.Client, _ io.Closer) { c.Close() }, rpc.ErrShutdown},
		"EOF":   {func(_ *rpc.Client, far io.Closer) { far.Close() }, codec.ErrNotSent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, c, far := silentCodec(t, codec.Options{})
				fill(t, c)
				result := make(chan error, 1)
				go func() { result <- c.(codec.Notifier).Notify("n", nil) }()
				synctest.Wait()
				tc.end(client, far)
				if err := <-result; !errors.Is(err, tc.want) {
					t.Errorf("error %v, want %v", err, tc.want)
				}
			})
		})
	}
}

func TestNotifyReportsItsOwnFailedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, far := silentCodec(t, codec.Options{})
		result := make(chan error, 1)
		go func() { result <- c.(codec.Notifier).Notify("n", nil) }()
		synctest.Wait()
		far.Close()
		if err := <-result; err == nil || errors.Is(err, codec.ErrNotSent) {
			t.Errorf("error %v, want one that does not say that nothing was sent", err)
		}
		if err := c.(codec.Notifier).Notify("n", nil); !errors.Is(err, codec.ErrNotSent) {
			t.Errorf("after the end: error %v, want ErrNotSent", err)
		}
	})
}

// Notify has accepted them, and nobody would learn that they were dropped.
func TestCloseSendsNotificationsThatWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, c, peer := scriptedCodec(t, codec.Options{Pipeline: codec.Never})
		stuck := client.Go("a", nil, nil, nil)
		queued := client.Go("b", nil, nil, nil)
		c.(codec.Notifier).Notify("n", 1)
		peer.want("94 00 01 a1 'a' 90")
		peer.wantNone()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		peer.want("93 02 a1 'n' 91 01")
		peer.wantEnd()
		for _, call := range []*rpc.Call{stuck, queued} {
			if <-call.Done; call.Error != rpc.ErrShutdown {
				t.Errorf("error %v, want ErrShutdown", call.Error)
			}
		}
	})
}

func TestNotifyTakesTheArgumentsOfAnExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, peer := scriptedCodec(t, codec.Options{})
		if err := c.(codec.Notifier).Notify("n", &codec.Exchange{Args: codec.Args{1, 2}, Reply: new(int)}); err != nil {
			t.Error(err)
		}
		peer.want("93 02 a1 'n' 92 01 02")
	})
}

func TestSeveralClosesSendQueuedNotificationsOnce(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			client, c, peer := scriptedCodec(t, codec.Options{Pipeline: codec.Never})
			client.Go("a", nil, nil, nil)
			peer.want("94 00 01 a1 'a' 90")
			c.(codec.Notifier).Notify("n", 1)
			for range 3 {
				go c.Close()
			}
			peer.want("93 02 a1 'n' 91 01")
			peer.wantEnd()
		})
	}
}

// The end of a context ends the wait for room, in the writer and in the queue of lock
// step, and leaves the connection as it is.
func TestNotifyOfAClientConnWaitsUntilItsContextEnds(t *testing.T) {
	for _, mode := range []codec.Pipelining{codec.Always, codec.Never} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			conn := codec.Options{Pipeline: mode}.NewClientConn(near)
			peer := codectest.NewPeer(t, far)
			go conn.Call(t.Context(), "a", nil, nil)
			synctest.Wait()
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				if err := conn.Notify(ctx, "n", make([]byte, 200<<10)); err != nil && (!errors.Is(err, codec.ErrNotSent) || !errors.Is(err, context.DeadlineExceeded)) {
					t.Error(err)
				} else if ctx.Err() != nil && err == nil {
					t.Error("it waited and was accepted")
				}
				cancel()
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := conn.Notify(ctx, "n", nil); !errors.Is(err, codec.ErrNotSent) || !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			peer.Expect("94 00 01 a1 'a' 90")
			conn.Close()
			far.Close()
		})
	}
}
