package codec_test

import (
	"fmt"
	"net"
	"net/rpc"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/codec/wire"
)

func TestAfterCloseCallsFailWithErrShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		client, c, peer := scriptedCodec(t, codec.Options{Pipeline: codec.Never, Logger: log.logger()})
		x, y := new(codec.Exchange), new(codec.Exchange)
		sent, queued, plain := client.Go("f", x, nil, nil), client.Go("g", y, nil, nil), client.Go("h", nil, nil, nil)
		<-peer.got
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		wantDone(t, sent, queued)
		<-plain.Done
		for _, err := range []error{
			x.Err, y.Err, plain.Error,
			client.Call("f", nil, nil),
			c.WriteRequest(&rpc.Request{ServiceMethod: "f"}, nil),
			c.(codec.Notifier).Notify("f", nil),
			client.Close(), // net/rpc's own answer to a second Close
		} {
			if err != rpc.ErrShutdown {
				t.Errorf("error %v, want %v", err, rpc.ErrShutdown)
			}
		}
		for range 2 {
			if err := c.Close(); err != nil {
				t.Errorf("the codec's Close again: %v", err)
			}
		}
		peer.wantEnd()
		if len(log.all()) != 0 {
			t.Errorf("log %v, want silence", log.all())
		}
	})
}

func TestCloseAfterTheEndIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		client, c, peer := scriptedCodec(t, codec.Options{Logger: log.logger()})
		peer.Conn.Close()
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		client.Close()
		if len(log.all()) != 0 {
			t.Errorf("log %v, want silence: nobody waited for anything", log.all())
		}
	})
}

func TestCloseSendsWhatWasAcceptedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 4000
		_, c, far := silentCodec(t, codec.Options{})
		arrived := make(chan int)
		go func() { // a slow reader
			limits := wire.Limits{Message: 1 << 20, Depth: 10, Elements: 100}
			reader := wire.NewReader(far, limits)
			for i := 0; ; i++ {
				time.Sleep(time.Millisecond)
				if got, err := reader.Next(); err != nil {
					arrived <- i
					return
				} else if want := string(codectest.Bytes(fmt.Sprintf("93 02 a1 'n' 91 cd %04x", i+256))); string(got) != want {
					t.Errorf("message %d is %q, want %q", i, got, want)
				}
			}
		}()
		for i := range n {
			if err := c.(codec.Notifier).Notify("n", i+256); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
		if got := <-arrived; got != n {
			t.Errorf("%d of %d arrived", got, n)
		}
	})
}

func TestCloseWaitsNoLongerThanWriteTimeout(t *testing.T) {
	for name, tc := range map[string]struct{ timeout, want time.Duration }{
		"default":      {0, 30 * time.Second},
		"five seconds": {5 * time.Second, 5 * time.Second},
		"none":         {-1, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c, _ := silentCodec(t, codec.Options{WriteTimeout: tc.timeout})
				go c.(codec.Notifier).Notify("n", nil)
				synctest.Wait()
				begin := time.Now()
				if err := c.Close(); err == nil {
					t.Error("Close does not say that what was accepted did not leave")
				}
				if took := time.Since(begin); took != tc.want {
					t.Errorf("Close took %v, want %v", took, tc.want)
				}
			})
		})
	}
}

func TestCloseRefusesWhatComesWhileItFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, far := silentCodec(t, codec.Options{Pipeline: codec.Always})
		go c.(codec.Notifier).Notify("n", nil)
		synctest.Wait()
		var closed atomic.Bool
		go func() { c.Close(); closed.Store(true) }()
		synctest.Wait()
		for _, err := range []error{
			c.(codec.Notifier).Notify("late", nil),
			c.WriteRequest(&rpc.Request{ServiceMethod: "late"}, nil),
		} {
			if err != rpc.ErrShutdown {
				t.Errorf("error %v, want %v", err, rpc.ErrShutdown)
			}
		}
		if closed.Load() {
			t.Error("Close did not wait for the write")
		}
		peer := newScript(t, far)
		peer.want("93 02 a1 'n' 90")
		peer.wantEnd()
	})
}

// A closeCounter counts how often it is closed, as descriptors must be once.
type closeCounter struct {
	net.Conn
	closed atomic.Int32
}

func (c *closeCounter) Close() error { c.closed.Add(1); return c.Conn.Close() }

// net/rpc never closes the codec of a client whose reading has failed.
func TestAConnectionIsClosedOnceHoweverItEnds(t *testing.T) {
	for name, end := range map[string]func(*rpc.Client, *script){
		"EOF":         func(_ *rpc.Client, s *script) { s.Conn.Close() },
		"broken":      func(_ *rpc.Client, s *script) { s.Send("c1") },
		"closed here": func(c *rpc.Client, _ *script) { c.Close() },
		"misfit":      func(_ *rpc.Client, s *script) { s.Send("94 01 01 c0 a1 'x'") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				conn := &closeCounter{Conn: near}
				client := codec.Options{Logger: (&ledger{}).logger()}.NewClient(conn)
				peer := newScript(t, far)
				done := client.Go("f", nil, new(int), nil)
				<-peer.got
				end(client, peer)
				<-done.Done
				synctest.Wait()
				if got := conn.closed.Load(); got != 1 {
					t.Errorf("closed %d times by the codec itself, want once", got)
				}
				client.Close()
				if got := conn.closed.Load(); got != 1 {
					t.Errorf("closed %d times after Close, want once", got)
				}
			})
		})
	}
}

func TestDialReportsThatThereIsNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	client, err := codec.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer := newScript(t, <-accepted)
	done := client.Go("f", nil, nil, nil)
	peer.answer("c0 c0")
	wantDone(t, done)
	client.Close()
	l.Close()
	if _, err := codec.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("connected to a closed port")
	}
}

// A program may end when Close returns, so a second Close waits for the first.
func TestEveryCloseReturnsWhenWhatWasAcceptedHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, _ := silentCodec(t, codec.Options{})
		go c.(codec.Notifier).Notify("n", nil)
		synctest.Wait()
		begin := time.Now()
		go c.Close()
		synctest.Wait()
		c.Close()
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("the second Close took %v, want 30s", took)
		}
	})
}
