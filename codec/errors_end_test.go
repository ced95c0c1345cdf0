package codec_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/rpc"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

func TestTheEndOfAConnectionTellsEachCallWhatBecameOfIt(t *testing.T) {
	const hangUp = `codec: connection closed by peer before answering "nope" ` +
		`(mprpc does this for an unknown method or a value that it cannot read)`
	ended := func(reason string) string { return "codec: connection ended before the answer to nope: " + reason }
	for name, tc := range map[string]struct {
		sends  string // before the peer closes
		sent   string // error of the call in flight
		queued string // error of a queued one, behind ErrNotSent
		log    string // reason in the log, "" for silence
		hangUp bool
	}{
		"EOF":                     {"", hangUp, "connection closed by peer", "", true},
		"EOF within a message":    {"94 01 01 c0", hangUp + ": unexpected EOF", "unexpected EOF", "unexpected EOF", true},
		"no MessagePack":          {"c1", ended("byte 0xc1 is not MessagePack"), "byte 0xc1 is not MessagePack", "byte 0xc1 is not MessagePack", false},
		"number":                  {"05", ended("message is an integer, not an array"), "message is an integer, not an array", "message is an integer, not an array", false},
		"text of another program": {"'HTTP/1.1 400'", ended("message is an integer, not an array"), "message is an integer, not an array", "message is an integer, not an array", false},
		"empty array":             {"90", ended("message is an empty array"), "message is an empty array", "message is an empty array", false},
		"type 3":                  {"94 03 01 c0 c0", ended("message type is not 0, 1 or 2"), "message type is not 0, 1 or 2", "message type is not 0, 1 or 2", false},
		"request without an id":   {"94 00 c0 a1 'x' 90", ended("request id is nil, not an integer"), "request id is nil, not an integer", "request id is nil, not an integer", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				client, peer := scripted(t, codec.Options{Pipeline: codec.Never, Logger: log.logger()})
				x, y := new(codec.Exchange), new(codec.Exchange)
				sent, queued := client.Go("nope", x, nil, nil), client.Go("q", y, nil, nil)
				<-peer.got
				if tc.sends != "" {
					peer.Send(tc.sends)
				}
				if tc.log == "" || tc.hangUp {
					peer.Conn.Close()
				}
				wantDone(t, sent, queued) // net/rpc has no error: the Exchange has it
				if fmt.Sprint(x.Err) != tc.sent || errors.Is(x.Err, io.ErrUnexpectedEOF) != tc.hangUp || errors.Is(x.Err, codec.ErrNotSent) {
					t.Errorf("in flight: %v\nwant       %s", x.Err, tc.sent)
				}
				if want := "codec: request was not sent: q: " + tc.queued; fmt.Sprint(y.Err) != want || !errors.Is(y.Err, codec.ErrNotSent) {
					t.Errorf("queued: %v\nwant    %s", y.Err, want)
				}
				synctest.Wait()
				if err := client.Call("late", nil, nil); err != rpc.ErrShutdown {
					t.Errorf("a later call got %v, want %v", err, rpc.ErrShutdown)
				}
				peer.wantEnd() // net/rpc does not close its codec; the codec has
				reason := ""
				if last := log.last(); last != nil {
					reason = last["reason"].(string)
				}
				if len(log.all()) > 1 || reason != tc.log {
					t.Errorf("log %v, want the reason %q alone", log.all(), tc.log)
				}
			})
		})
	}
}

// What stands in one segment behind a message that ends the connection does not
// count any more.
func TestNothingIsReadBehindABrokenMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := 0
		client, peer := scripted(t, codec.Options{Pipeline: codec.Always, OnNotify: func(*codec.Request) { heard++ }})
		n := 42
		x, y := &codec.Exchange{Reply: &n}, &codec.Exchange{Reply: &n}
		first, second := client.Go("f", x, nil, nil), client.Go("g", y, nil, nil)
		<-peer.got
		<-peer.got
		peer.Send("05" + "94 01 01 c0 07" + "94 01 02 c0 07" + "93 02 a1 'n' 90")
		wantDone(t, first, second)
		synctest.Wait()
		if x.Err == nil || y.Err == nil || n != 42 || heard != 0 {
			t.Errorf("errors %v and %v, reply %d, %d notifications", x.Err, y.Err, n, heard)
		}
	})
}

func TestAResetIsAHangUp(t *testing.T) {
	near, far := codectest.Pair(t)
	var log ledger
	client := codec.Options{Pipeline: codec.Never, Logger: log.logger()}.NewClient(near)
	defer client.Close()
	peer := newScript(t, far)
	x := new(codec.Exchange)
	done := client.Go("nope", x, nil, nil)
	<-peer.got
	far.(*net.TCPConn).SetLinger(0)
	far.Close()
	wantDone(t, done)
	if !errors.Is(x.Err, io.ErrUnexpectedEOF) || !errors.Is(x.Err, syscall.ECONNRESET) || !contains(x.Err, `before answering "nope"`) {
		t.Errorf("error %v, want io.ErrUnexpectedEOF that names the method", x.Err)
	}
	if last := log.last(); last == nil || !strings.Contains(last["reason"].(string), "reset") || last["remote"] != far.LocalAddr().String() {
		t.Errorf("log %v, want the reason and the peer's address", log.all())
	}
}

func TestPlainCallsShareAnErrorThatNamesTheOneInFlightOrTheOldest(t *testing.T) {
	for name, tc := range map[string]struct {
		mode   codec.Pipelining
		blamed string
		answer bool // the first call
	}{
		"lock step, first":   {codec.Never, "a", false},
		"lock step, second":  {codec.Never, "b", true},
		"pipelined":          {codec.Always, "a", false},
		"pipelined, later":   {codec.Always, "b", true},
		"auto":               {codec.Auto, "a", false},
		"auto, first is out": {codec.Auto, "b", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, peer := scripted(t, codec.Options{Pipeline: tc.mode})
				a, b, c := client.Go("a", nil, nil, nil), client.Go("b", nil, nil, nil), client.Go("c", nil, nil, nil)
				<-peer.got
				calls := []*rpc.Call{a, b, c}
				if tc.answer {
					peer.Send("94 01 01 c0 c0")
					wantDone(t, a)
					calls = calls[1:]
				}
				synctest.Wait()
				peer.Conn.Close()
				for _, call := range calls {
					<-call.Done
					if !errors.Is(call.Error, io.ErrUnexpectedEOF) || !contains(call.Error, fmt.Sprintf("before answering %q", tc.blamed)) {
						t.Errorf("%s got %v, want one that names %s", call.ServiceMethod, call.Error, tc.blamed)
					}
				}
			})
		})
	}
}

// A plain call and one through an Exchange, in one client: each has its error.
func TestAQueuedPlainCallIsNotBlamedForAnExchangeInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		x := new(codec.Exchange)
		sent, queued := client.Go("sent", x, nil, nil), client.Go("queued", nil, nil, nil)
		<-peer.got
		peer.Conn.Close()
		wantDone(t, sent)
		if <-queued.Done; !errors.Is(queued.Error, codec.ErrNotSent) || !contains(x.Err, "sent") || errors.Is(x.Err, codec.ErrNotSent) {
			t.Errorf("queued: %v, sent: %v", queued.Error, x.Err)
		}
	})
}

func TestAResultThatDoesNotFitEndsAPlainClientWithAnErrorThatSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		client, peer := scripted(t, codec.Options{Pipeline: codec.Always, Logger: log.logger()})
		var a, b int
		first, second := client.Go("f", nil, &a, nil), client.Go("g", nil, &b, nil)
		<-peer.got
		<-peer.got
		peer.Send("94 01 01 c0 a1 'x'")
		for _, c := range []*rpc.Call{first, second} {
			if <-c.Done; !contains(c.Error, "result does not fit *int, and net/rpc ends the connection for that; codec.Exchange does not: text does not fit int") {
				t.Errorf("%s got %v", c.ServiceMethod, c.Error)
			}
		}
		if !strings.HasPrefix(first.Error.Error(), "reading body ") {
			t.Errorf("the call got %v, want net/rpc's prefix", first.Error)
		}
		peer.wantEnd()
		synctest.Wait()
		if reason := fmt.Sprint(log.last()["reason"]); !strings.Contains(reason, "result does not fit") {
			t.Errorf("log %v, want the reason", log.all())
		}
	})
}

// A brokenConn fails its writes after some.
type brokenConn struct {
	net.Conn
	left  int  // writes that work
	short bool // a failed write reports no error, but too few bytes
}

var errBroken = errors.New("wire cut")

func (c *brokenConn) Write(b []byte) (int, error) {
	if c.left--; c.left >= 0 {
		return c.Conn.Write(b)
	}
	if c.short {
		return len(b) - 1, nil
	}
	return 0, errBroken
}

func TestAFailedOrShortWriteEndsTheConnection(t *testing.T) {
	for _, tc := range []struct {
		short bool
		want  error
	}{{false, errBroken}, {true, io.ErrShortWrite}} {
		for _, left := range []int{0, 1} {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				near, far := net.Pipe()
				peer := newScript(t, far)
				o := codec.Options{Pipeline: codec.Always, Logger: log.logger()}
				client := o.NewClient(&brokenConn{near, left, tc.short})
				defer client.Close()
				first, second := new(codec.Exchange), new(codec.Exchange)
				a := client.Go("f", first, nil, nil)
				synctest.Wait()
				client.Go("g", second, nil, nil)
				<-a.Done
				if !errors.Is(first.Err, tc.want) && !errors.Is(a.Error, tc.want) {
					t.Errorf("the call got %v and %v, want %v", a.Error, first.Err, tc.want)
				}
				for range left {
					<-peer.got
				}
				peer.wantEnd()
				if got := fmt.Sprint(log.last()["reason"]); got != tc.want.Error() {
					t.Errorf("log %v, want the reason %v", log.all(), tc.want)
				}
			})
		}
	}
}

func TestAWriteToAPeerThatHasGoneIsAHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := codec.Options{Logger: slog.New(slog.DiscardHandler)}.NewClientCodec(near)
		far.Close() // and nobody reads: the write is the first to see it
		// Some of it may have left, so this is not the place to report it.
		if err := c.WriteRequest(&rpc.Request{ServiceMethod: "nope"}, nil); err != nil {
			t.Error(err)
		}
		err := c.WriteRequest(&rpc.Request{ServiceMethod: "late", Seq: 1}, nil)
		if !errors.Is(err, codec.ErrNotSent) {
			t.Errorf("error %v, want ErrNotSent", err)
		}
		err = c.ReadResponseHeader(new(rpc.Response))
		if !errors.Is(err, io.ErrUnexpectedEOF) || !contains(err, `before answering "nope"`) {
			t.Errorf("error %v, want a hang-up that names the method", err)
		}
	})
}

// lateErrorConn writes everything and then says that it failed.
type lateErrorConn struct{ net.Conn }

func (c lateErrorConn) Write(b []byte) (int, error) {
	n, _ := c.Conn.Write(b)
	return n, errors.New("late")
}

// An error from net/rpc means that the request was not sent, so a request that
// may have left must not get one: its caller would make the call again.
func TestAFailedWriteOfARequestThatMayHaveLeftIsToldThroughTheExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := newScript(t, far)
		client := codec.Options{Pipeline: codec.Never, Logger: slog.New(slog.DiscardHandler)}.NewClient(lateErrorConn{near})
		defer client.Close()
		x := &codec.Exchange{Args: 1}
		if err := client.Call("pay", x, nil); err != nil {
			t.Errorf("net/rpc reports %v, as if nothing had left", err)
		}
		if x.Err == nil || errors.Is(x.Err, codec.ErrNotSent) || !contains(x.Err, "before the answer to pay") {
			t.Errorf("error %v", x.Err)
		}
		peer.want("94 00 01 a3 'pay' 91 01")
	})
}
