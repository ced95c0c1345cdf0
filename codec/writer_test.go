package codec_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// counted serves Echo over a connection that counts the writes of both sides.
func counted(t *testing.T, o codec.Options, near, far net.Conn) (c *rpc.Client, out, back *codectest.CountingConn) {
	out, back = &codectest.CountingConn{Conn: near}, &codectest.CountingConn{Conn: far}
	server := rpc.NewServer()
	server.Register(Echo{})
	go server.ServeCodec(codec.NewServerCodec(back))
	c = o.NewClient(out)
	t.Cleanup(func() { c.Close() })
	return c, out, back
}

func TestManyCallersShareTheirWrites(t *testing.T) {
	near, far := codectest.Pair(t)
	client, out, back := counted(t, codec.Options{}, near, far)
	const callers, each = 64, 100
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range each {
				var n int
				if err := client.Call("Echo.Int", i, &n); err != nil || n != i {
					t.Errorf("%d, %v, want %d", n, err, i)
				}
			}
		})
	}
	wg.Wait()
	for side, conn := range map[string]*codectest.CountingConn{"client": out, "server": back} {
		if n := conn.Writes(); n >= callers*each {
			t.Errorf("the %s made %d writes for %d calls, want fewer", side, n, callers*each)
		}
	}
}

func TestALoneCallTakesOneWriteOnEachSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		client, out, back := counted(t, codec.Options{Pipeline: codec.Never}, near, far)
		for i := range 20 {
			var n int
			if err := client.Call("Echo.Int", i, &n); err != nil || n != i {
				t.Errorf("%d, %v, want %d", n, err, i)
			}
		}
		if out.Writes() != 20 || back.Writes() != 20 {
			t.Errorf("%d and %d writes for 20 calls", out.Writes(), back.Writes())
		}
	})
}

func TestWhatGathersBehindAWriteLeavesInOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		out := &codectest.CountingConn{Conn: near}
		c := codec.Options{Pipeline: codec.Always}.NewClientCodec(out)
		client := rpc.NewClientWithCodec(c)
		defer client.Close()
		go c.(codec.Notifier).Notify("n", nil) // stuck: nobody reads
		synctest.Wait()
		var calls []*rpc.Call
		for range 100 {
			calls = append(calls, client.Go("f", nil, nil, nil))
		}
		peer := newScript(t, far)
		peer.want("93 02 a1 'n' 90")
		for id := 1; id <= 100; id++ {
			peer.want(fmt.Sprintf("94 00 %02x a1 'f' 90", id))
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", id))
		}
		if wantDone(t, calls...); out.Writes() != 2 {
			t.Errorf("%d writes, want 2", out.Writes())
		}
	})
}

func TestNoMoreThan256KBWaitForAPeerThatReadsNothing(t *testing.T) {
	for name, send := range map[string]func(*rpc.Client, rpc.ClientCodec, []byte){
		"requests":      func(c *rpc.Client, _ rpc.ClientCodec, b []byte) { c.Go("f", b, nil, nil) },
		"notifications": func(_ *rpc.Client, c rpc.ClientCodec, b []byte) { c.(codec.Notifier).Notify("f", b) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, c, far := silentCodec(t, codec.Options{Pipeline: codec.Always, WriteTimeout: -1})
				go c.(codec.Notifier).Notify("first", nil) // in the write
				synctest.Wait()
				var accepted atomic.Int32
				go func() {
					for range 2000 {
						send(client, c, make([]byte, 1<<10))
						accepted.Add(1)
					}
				}()
				synctest.Wait()
				if n := accepted.Load(); n < 245 || n >= 256 {
					t.Errorf("%d messages of 1 KB are accepted, want nearly 256", n)
				}
				go io.Copy(io.Discard, far)
				synctest.Wait()
				if n := accepted.Load(); n != 2000 {
					t.Errorf("%d messages were accepted once the peer read, want all 2000", n)
				}
			})
		})
	}
}

func TestAMessageLargerThanTheRoomGoesWhenNothingElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, far := silentCodec(t, codec.Options{Pipeline: codec.Always})
		notify := c.(codec.Notifier).Notify
		go notify("first", nil)
		synctest.Wait()
		large := strings.Repeat("x", 1<<20)
		if err := notify("large", large); err != nil { // does not block
			t.Error(err)
		}
		var done atomic.Bool
		go func() { notify("small", nil); done.Store(true) }()
		synctest.Wait()
		if done.Load() {
			t.Error("a message was accepted behind a full megabyte")
		}
		peer := newScript(t, far)
		peer.want("93 02 a5 'first' 90")
		if got := <-peer.got; len(got) < 1<<20 {
			t.Errorf("received %d bytes, want more than 1 MiB", len(got))
		}
		peer.want("93 02 a5 'small' 90")
	})
}

func TestThereIsRoomAsSoonAsWhatWaitsIsBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, far := silentCodec(t, codec.Options{Pipeline: codec.Always})
		fill(t, c)
		var done atomic.Bool
		go func() { c.(codec.Notifier).Notify("late", nil); done.Store(true) }()
		synctest.Wait()
		if done.Load() {
			t.Error("a message was accepted without room")
		}
		peer := codectest.NewPeer(t, far)
		peer.Expect("93 02 a4 'fill' 90") // and then it reads no more
		synctest.Wait()
		if !done.Load() {
			t.Error("a message still waits although nothing waits before it")
		}
	})
}

func TestTheReaderGoesOnWhileTheWriterIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan string, 10)
		client, c, far := silentCodec(t, codec.Options{
			Pipeline: codec.Always,
			OnNotify: func(r *codec.Request) { heard <- r.Method },
		})
		reader := codectest.NewPeer(t, far)
		var calls []*rpc.Call
		for id := 1; id <= 2; id++ {
			go reader.Expect(fmt.Sprintf("94 00 %02x a1 'f' 90", id))
			calls = append(calls, client.Go("f", nil, nil, nil))
			synctest.Wait()
		}
		fill(t, c)
		stuck := make(chan error)
		go func() { stuck <- client.Call("g", nil, nil) }()
		synctest.Wait()
		reader.Send("94 01 02 c0 c0 93 02 a1 'n' 90 94 01 01 c0 c0")
		if wantDone(t, calls...); <-heard != "n" {
			t.Error("heard another notification")
		}
		far.Close()
		if err := <-stuck; !errors.Is(err, codec.ErrNotSent) {
			t.Errorf("the call that waited for room got %v, want ErrNotSent", err)
		}
	})
}

// Hello releases the queue from the reading goroutine, which must not wait.
func TestHelloReleasesAFullQueueWithoutStoppingTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _, far := silentCodec(t, codec.Options{})
		peer := codectest.NewPeer(t, far)
		go peer.Expect(asksF)
		calls := []*rpc.Call{client.Go("f", nil, nil, nil)}
		for range 2 {
			calls = append(calls, client.Go("f", make([]byte, 120<<10), nil, nil))
		}
		synctest.Wait()
		peer.Send(greeting)
		peer.Send("94 01 01 c0 c0") // while nobody reads what Hello released
		wantDone(t, calls[0])
		for id := 2; id <= 3; id++ {
			if got, err := peer.Receive(); err != nil || got[2] != byte(id) {
				t.Errorf("received %.10q, %v, want the request %d", got, err, id)
			}
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", id))
		}
		wantDone(t, calls[1:]...)
	})
}

// What lock step lets go of has been accepted, also where answers to the peer's
// own requests have taken the room.
func TestAQueuedRequestLeavesAlthoughTheWriterIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _, far := silentCodec(t, codec.Options{Pipeline: codec.Never})
		peer := codectest.NewPeer(t, far)
		go peer.Expect("94 00 01 a1 'f' 90")
		first := client.Go("f", nil, nil, nil)
		second := client.Go("g", make([]byte, 200<<10), nil, nil)
		synctest.Wait()
		for range 4000 { // 108 KB of answers, which nobody reads
			peer.Send("94 00 05 a3 'sum' 90")
		}
		peer.Send("94 01 01 c0 c0")
		wantDone(t, first)
		for {
			got, err := peer.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if got[1] == 0 {
				break
			}
		}
		peer.Send("94 01 02 c0 c0")
		wantDone(t, second)
	})
}

func TestAPeerThatReadsSlowlyButSteadilyIsNotCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := codec.Options{WriteTimeout: 30 * time.Second}.NewClientCodec(near)
		const size = 1 << 20
		sent := make(chan error, 1)
		go func() { sent <- c.(codec.Notifier).Notify("n", make([]byte, size)) }()
		got, piece := 0, make([]byte, 128<<10)
		for got < size { // 128 KiB in 10 s: the whole message takes longer than WriteTimeout
			time.Sleep(10 * time.Second)
			n, err := io.ReadFull(far, piece[:min(len(piece), size-got)])
			got += n
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
		}
		go io.Copy(io.Discard, far)
		if err := <-sent; err != nil {
			t.Error(err)
		}
		c.Close()
	})
}
