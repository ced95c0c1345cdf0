package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// A Caller calls its caller.
type Caller struct{ peer chan *rpc.Client }

// Down returns how often the two sides have called each other.
func (c *Caller) Down(n int, r *int) error {
	if n == 0 {
		return nil
	}
	peer := <-c.peer
	c.peer <- peer
	err := peer.Call("Caller.Down", n-1, r)
	*r++
	return err
}

// newCaller serves a Caller on a duplex and returns its client half.
func newCaller(t testing.TB, conn net.Conn, done chan<- bool) *rpc.Client {
	caller := &Caller{make(chan *rpc.Client, 1)}
	s, c := codec.NewDuplex(conn)
	client := rpc.NewClientWithCodec(c)
	caller.peer <- client
	go func() { newServerOf(t, caller).ServeCodec(s); done <- true }()
	return client
}

func TestDuplexHandlersCallTheirCaller(t *testing.T) {
	near, far := codectest.Pair(t)
	done := make(chan bool)
	a, b := newCaller(t, near, done), newCaller(t, far, done)
	inParallel(20, func(i int) {
		var n int
		if err := []*rpc.Client{a, b}[i%2].Call("Caller.Down", 10, &n); err != nil || n != 10 {
			t.Errorf("%d, %v", n, err)
		}
	})
	a.Close()
	<-done
	<-done
	if err := b.Call("Caller.Down", 1, new(int)); err == nil {
		t.Error("a call succeeds on a closed connection")
	}
	b.Close()
}

// inParallel runs f for 0 to n-1 side by side.
func inParallel(n int, f func(i int)) {
	done := make(chan bool)
	for i := range n {
		go func() { f(i); done <- true }()
	}
	for range n {
		<-done
	}
}

// A peered is a duplex of ours whose peer is in the hands of the test.
type peered struct {
	*served
	client *rpc.Client
	notify codec.Notifier
	close  [2]func() error // of the server half and the client half
}

func newPeered(t testing.TB, o codec.Options, receiver any, names nameTable, near, far net.Conn) *peered {
	t.Helper()
	p := &peered{served: &served{codectest.NewPeer(t, near), new(logBook), make(chan struct{})}}
	o.Logger = p.log.logger()
	if names != nil {
		o.Names = names
	}
	s, c := o.NewDuplex(far)
	p.client, p.notify = rpc.NewClientWithCodec(c), c.(codec.Notifier)
	p.close = [2]func() error{s.Close, p.client.Close}
	if receiver == nil {
		close(p.done)
		return p
	}
	server := newServerOf(t, receiver)
	go func() { defer close(p.done); server.ServeCodec(s) }()
	return p
}

func TestDuplexTakesResponsesInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		p := newPeered(t, codec.Options{Pipeline: codec.Always}, new(Calc), testNames, near, far)
		var one, two int
		go p.client.Call("one", nil, &one)
		p.Expect("94 00 01 a3'one' 90")
		go p.client.Call("two", nil, &two)
		p.Expect("94 00 02 a3'two' 90")
		p.goesOn(t)
		p.Send("94 01 02 c0 02  94 01 63 c0 c0  94 01 01 c0 01")
		synctest.Wait()
		if one != 1 || two != 2 {
			t.Error(one, two)
		}
		go p.notify.Notify("say", "x")
		p.Expect("93 02 a3'say' 91 a1'x'")
		p.client.Close()
		<-p.done
		p.log.expect(t, "ignored_responses=1")
	})
}

func TestDuplexAnswersBusyBeyondMaxPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &Slow{release: make(chan struct{})}
		near, far := net.Pipe()
		p := newPeered(t, codec.Options{MaxPending: 2}, slow, nameTable{"do": "Slow.Do"}, near, far)
		p.Send("94 00 01 a2'do' 90  94 00 02 a2'do' 90")
		synctest.Wait()
		p.Send("94 00 03 a2'do' 90")
		p.Expect(errorReply("03", "busy"))
		p.Send("93 02 a2'do' 90")
		synctest.Wait()
		slow.release <- struct{}{}
		p.ExpectText("\xc0\xc0")
		synctest.Wait()
		p.log.expect(t, "notification dropped", "reason=busy", "method=do")
		p.Send("94 00 04 a2'do' 90")
		close(slow.release)
		p.ExpectText("\xc0\xc0")
		p.ExpectText("\xc0\xc0")
		if got := slow.running.Load(); got != 3 {
			t.Errorf("%d have run, want 3", got)
		}
		p.client.Close()
		<-p.done
	})
}

// A duplex never waits for its writer: a peer that goes on sending what cannot
// even be refused has no claim to go on.
func TestDuplexEndsAPeerThatSendsAndDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		slow := &Slow{release: make(chan struct{})}
		p := newPeered(t, codec.Options{MaxPending: 1}, slow, nameTable{"do": "Slow.Do"}, near, far)
		p.Send("94 00 01 a2'do' 90")
		synctest.Wait()
		chunk := codectest.Bytes(strings.Repeat("94 00 02 a2'do' 90", 1000))
		sent := 0
		for ; sent < 1000; sent++ {
			if _, err := near.Write(chunk); err != nil {
				break
			}
		}
		// Replies of 9 bytes: 256 KiB wait, and as much may be in the write that they
		// wait behind, depending on when it began.
		if sent < 20 || sent > 60 {
			t.Errorf("%d requests were read", sent*1000)
		}
		synctest.Wait()
		p.log.expect(t, "peer sends requests and does not read the answers")
		close(slow.release)
		<-p.done
		p.client.Close()
	})
}

func TestDuplexNotificationsGoToOnNotifyOrElseToMethods(t *testing.T) {
	for _, own := range []bool{true, false} {
		t.Run(fmt.Sprint("OnNotify ", own), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				seer := newSeer()
				var got []string
				var o codec.Options
				if own {
					o.OnNotify = func(r *codec.Request) { got = append(got, r.Method) }
				}
				p := newPeered(t, o, seer, seerNames, near, far)
				p.Send("93 02 a1'p' 90  93 02 a1'z' 90  94 00 01 a1'p' 90")
				p.Expect("94 01 01 c0 c0")
				synctest.Wait()
				seen := len(seer.seen)
				if own && (fmt.Sprint(got) != "[p z]" || seen != 1) || !own && (got != nil || seen != 2) {
					t.Errorf("OnNotify got %v, methods %d calls", got, seen)
				}
				p.client.Close()
				<-p.done
			})
		})
	}
}

// What waits for net/rpc is bounded in bytes, methods included.
func TestDuplexQueueIsBoundedInBytes(t *testing.T) {
	for name, request := range map[string]string{
		"parameters": "94 00 %02x a1'd' 91 da 0190'" + strings.Repeat("x", 400) + "'",
		"method":     "94 00 %02x da 0190'" + strings.Repeat("x", 400) + "' 90",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				p := newPeered(t, codec.Options{MaxMessage: 1000}, nil, nil, near, far) // nobody serves
				for i := range 3 {
					p.Send(fmt.Sprintf(request, i))
				}
				p.Expect(errorReply("02", "busy"))
				p.client.Close()
			})
		})
	}
}

// One message is always taken, as long as it may be.
func TestDuplexQueueTakesOneMessageOfAnyLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		p := newPeered(t, codec.Options{MaxMessage: 100}, new(Calc), testNames, near, far)
		p.Send("94 00 01 a4'echo' 91 d9 59'" + strings.Repeat("x", 89) + "'") // 100 bytes
		p.Expect("94 01 01 c0 d9 59'" + strings.Repeat("x", 89) + "'")
		p.client.Close()
		<-p.done
	})
}

// Neither is one refused whose name is longer in UTF-8 than it was on the wire.
func TestDuplexQueueTakesAMethodThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		longer := func(b []byte) ([]byte, error) { return bytes.Repeat(b, 2), nil }
		p := newPeered(t, codec.Options{MaxMessage: 100, DecodeText: longer}, new(Calc), testNames, near, far)
		p.Send("94 00 01 d9 50'" + strings.Repeat("x", 80) + "' 90")
		p.ExpectText("method not found")
		p.client.Close()
		<-p.done
	})
}

// The limits of a plain server and a plain client hold for a duplex.
func TestDuplexRefusesAMessageBeyondALimit(t *testing.T) {
	near, far := codectest.Pair(t)
	near.SetDeadline(time.Now().Add(patience))
	p := newPeered(t, codec.Options{MaxMessage: 100}, new(Calc), testNames, near, far)
	failed := make(chan error)
	x := &codec.Exchange{Reply: new(int)}
	go func() { failed <- errors.Join(p.client.Call("one", x, nil), x.Err) }()
	p.Expect("94 00 01 db 00000003'one' 90")
	p.Send("94 00 07 a4'echo' 91 c6 00000100")
	p.Expect(errorReply("07", "message exceeds MaxMessage (100)"))
	p.ExpectEnd()
	near.Close()
	var text string
	if err := <-failed; err != nil {
		text = err.Error()
	}
	if want := "codec: connection ended before the answer to one: message exceeds MaxMessage (100)"; text != want {
		t.Errorf("%s\nwant %s", text, want)
	}
	p.wait(t)
	p.log.expect(t, "message exceeds MaxMessage (100)")
	p.client.Close()
}

func TestDuplexOfAPeerThatBreaksTheProtocol(t *testing.T) {
	for bad, reason := range map[string]string{"c1": "byte 0xc1", "05": "not an array", "94 00 c0 a3'sum' 90": "request id is nil", "94 00": io.ErrUnexpectedEOF.Error()} {
		near, far := codectest.Pair(t)
		p := newPeered(t, codec.Options{}, new(Calc), testNames, near, far)
		p.goesOn(t)
		p.Send(bad)
		near.(*net.TCPConn).CloseWrite()
		p.ExpectEnd()
		p.wait(t)
		p.log.expect(t, reason)
		p.client.Close()
	}
}
