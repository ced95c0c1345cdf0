package codec_test

import (
	"bytes"
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

func TestAPeerThatReadsNothingIsClosedAndOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newTestServer(t)
		connect := func() *served {
			near, far := net.Pipe()
			return serveWith(t, server, codec.Options{Names: testNames}, near, far)
		}
		dead, alive := connect(), connect()
		dead.Send("94 00 01 a3'sum' 92 01 02")
		start := time.Now()
		time.Sleep(29 * time.Second)
		alive.goesOn(t)
		select {
		case <-dead.done:
			t.Error("closed before WriteTimeout")
		default:
		}
		<-dead.done
		if got := time.Since(start); got != 30*time.Second {
			t.Errorf("closed after %v", got)
		}
		dead.ExpectEnd()
		dead.log.expect(t, "peer does not read")
		alive.goesOn(t)
		alive.hangUp(t)
	})
}

// The same after the peer has finished sending: nothing else would say why.
func TestAPeerThatReadsNothingAfterAHalfCloseIsClosed(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := newBufferedPipe()
				far.stuck = true
				log := new(logBook)
				seer := newSeer()
				server := newServerOf(t, seer)
				c := forms[form](codec.Options{Names: seerNames, Logger: log.logger()}, far)
				done := make(chan struct{})
				go func() { defer close(done); server.ServeCodec(c) }()
				near.Write(codectest.Bytes("94 00 01 a1'w' 90  94 00 02 a1'p' 90"))
				near.CloseWrite()
				<-done // the write that fails ends the other call's context
				log.expect(t, "peer does not read")
			})
		})
	}
}

// What WriteResponse has accepted leaves before Close is done.
func TestCloseFlushesWhatWasAccepted(t *testing.T) {
	const n = 4000
	s := serveTCP(t, codec.Options{MaxPending: -1})
	received := make(chan int)
	go func() {
		ids := map[string]bool{}
		for {
			b, err := s.Receive()
			if err != nil {
				break
			}
			ids[string(b[:len(b)-100])] = true
		}
		received <- len(ids)
	}()
	var requests bytes.Buffer
	for i := range n {
		requests.Write(codectest.Bytes(fmt.Sprintf("94 00 cd %04x a4'echo' 91 d9 62 '%s'", i, strings.Repeat("x", 98))))
	}
	s.Conn.Write(requests.Bytes())
	s.Conn.(*net.TCPConn).CloseWrite()
	if got := <-received; got != n {
		t.Errorf("%d of %d replies arrived", got, n)
	}
	s.wait(t)
	s.log.expectEmpty(t)
}

func TestReplyMemoryOfASlowReaderIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := codec.Options{WriteTimeout: -1}.NewServerCodec(far)
		const n = 1000
		go near.Write(bytes.Repeat(codectest.Bytes("94 00 01 a1'f' 90"), n))
		for range n {
			if err := c.ReadRequestHeader(new(rpc.Request)); err != nil {
				t.Fatal(err)
			}
			if err := c.ReadRequestBody(new(struct{})); err != nil {
				t.Fatal(err)
			}
		}
		// Without net/rpc, whose lock would hide from the bubble that somebody
		// waits.
		var accepted atomic.Int32
		go func() {
			result := make([]byte, 10_000)
			for i := range n {
				if c.WriteResponse(&rpc.Response{Seq: uint64(i + 1)}, result) != nil {
					return
				}
				accepted.Add(1)
			}
		}()
		synctest.Wait()
		// One write is stuck, and 256 KB of replies wait behind it.
		if got := accepted.Load(); got < 26 || got > 53 {
			t.Errorf("%d replies of 10,000 bytes are accepted", got)
		}
		p := codectest.NewPeer(t, near)
		for range n {
			if b, err := p.Receive(); err != nil || len(b) != 10_007 {
				t.Fatal(len(b), err)
			}
		}
		c.Close()
	})
}

func TestCloseIsForAnyGoroutineAndMoreThanOnce(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			near, far := codectest.Pair(t)
			c := forms[form](codec.Options{Names: testNames}, far)
			server := newTestServer(t)
			done := make(chan struct{})
			go func() { defer close(done); server.ServeCodec(c) }()
			p := codectest.NewPeer(t, near)
			p.Send("94 00 01 a3'sum' 92 01 02")
			p.Expect("94 01 01 c0 03")
			go func() { // and while it is flooded
				for {
					if _, err := near.Write([]byte("\x94\x00\x01\xa3sum\x92\x01\x02")); err != nil {
						return
					}
				}
			}()
			go io.Copy(io.Discard, near)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { c.Close() })
			}
			wg.Wait()
			<-done
			c.Close()
			if err := c.ReadRequestHeader(new(rpc.Request)); err != io.EOF {
				t.Errorf("reading after Close: %v", err)
			}
			if err := c.WriteResponse(&rpc.Response{Seq: 1}, 1); err == nil {
				t.Error("writing after Close succeeds")
			}
		})
	}
}

// Every Close returns when the answers are out, not only the first.
func TestASecondCloseWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := codec.NewServerCodec(far)
		go near.Write(codectest.Bytes("94 00 01 a1'f' 90"))
		c.ReadRequestHeader(new(rpc.Request))
		c.ReadRequestBody(nil)
		go c.WriteResponse(&rpc.Response{Seq: 1}, nil)
		synctest.Wait()
		go c.Close()
		synctest.Wait()
		var second atomic.Bool
		go func() { c.Close(); second.Store(true) }()
		synctest.Wait()
		if second.Load() {
			t.Error("the second Close returns while the first still flushes")
		}
		codectest.NewPeer(t, near).Expect(errorReply("01", "method not found: f"))
		synctest.Wait()
		if !second.Load() {
			t.Error("the second Close does not return")
		}
	})
}

// shortConn writes a part and calls it success, against io.Writer's rules.
type shortConn struct{ net.Conn }

func (c shortConn) Write(b []byte) (int, error) { return c.Conn.Write(b[:len(b)-1]) }

func TestAShortWriteEndsTheConnection(t *testing.T) {
	near, far := net.Pipe()
	s := serveWith(t, newTestServer(t), codec.Options{Names: testNames}, near, shortConn{far})
	s.Send("94 00 01 a3'sum' 92 01 02")
	if b, err := s.Receive(); err != io.ErrUnexpectedEOF {
		t.Errorf("% x, %v", b, err)
	}
	s.wait(t)
	s.log.expect(t, "short write")
}
