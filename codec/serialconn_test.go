package codec_test

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/rpc"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

func serial(t *testing.T, o codec.Options) (*codec.SerialConn, *codectest.Peer, net.Conn) {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	near, far := codectest.Pair(t)
	c := o.NewSerialConn(near)
	t.Cleanup(func() { c.Close() })
	return c, codectest.NewPeer(t, far), far
}

// begun makes a call on another goroutine.
func begun(c *codec.SerialConn, method string, args, reply any) func() (bool, error) {
	type outcome struct {
		answered bool
		err      error
	}
	done := make(chan outcome, 1)
	go func() {
		answered, err := c.Call(method, args, reply)
		done <- outcome{answered, err}
	}()
	return func() (bool, error) { o := <-done; return o.answered, o.err }
}

func TestSerialConn(t *testing.T) {
	heard := make(chan string, 1)
	c, peer, _ := serial(t, codec.Options{OnNotify: func(r *codec.Request) { heard <- r.Method }})
	var sum int
	if err := c.Notify("log", "x"); err != nil {
		t.Fatal(err)
	}
	peer.Expect("93 02 a3'log' 91 a1'x'")
	for _, call := range []struct {
		id, args, answer string
		want             func(error) bool
	}{
		{"01", "92 01 02", "94 01 01 c0 03", func(err error) bool { return err == nil && sum == 3 }},
		{"02", "92 01 02", "94 01 02 a4'what' c0", func(err error) bool {
			var e *codec.Error
			return errors.As(err, &e) && e.Message == "what"
		}},
		{"03", "92 01 02", "94 01 03 c0 a1'x'", func(err error) bool { return err != nil && strings.Contains(err.Error(), "result") }},
		{"04", "92 01 02", "93 02 a4'note' 90 94 01 04 c0 05", func(err error) bool { return err == nil && sum == 5 }},
		{"05", "92 01 02", "93 01 05 c0", func(err error) bool { return err != nil && strings.Contains(err.Error(), "elements") }},
	} {
		wait := begun(c, "sum", codec.Args{1, 2}, &sum)
		peer.Expect("94 00 " + call.id + " a3'sum' " + call.args)
		peer.Send(call.answer)
		if answered, err := wait(); !answered || !call.want(err) {
			t.Errorf("call %s: %d, %v, %v", call.id, sum, answered, err)
		}
		if !c.Idle() {
			t.Errorf("call %s: the connection is not as it was", call.id)
		}
	}
	if m := <-heard; m != "note" {
		t.Error(m)
	}
	if answered, err := c.Call("sum", make(chan int), nil); answered || err == nil || errors.Is(err, codec.ErrNotSent) || !c.Idle() {
		t.Error(answered, err)
	}
	wait := begun(c, "sum", codec.Args{1, 2}, nil)
	peer.Expect("94 00 07 a3'sum' 92 01 02")
	peer.Send("94 00 2a a4'what' 90")
	peer.ExpectText("method not found: what")
	peer.Send("94 01 07 c0 c0")
	if answered, err := wait(); !answered || err != nil || !c.Idle() {
		t.Error(answered, err)
	}
}

// A connection on which the peer says more than it was asked is not good for others.
func TestSerialConnIsNotIdle(t *testing.T) {
	for name, answer := range map[string]string{
		"a response to nobody": "94 01 63 c0 c0 94 01 01 c0 c0",
		"bytes behind":         "94 01 01 c0 c0 94",
	} {
		c, peer, _ := serial(t, codec.Options{})
		wait := begun(c, "sum", codec.Args{1, 2}, nil)
		peer.Expect("94 00 01 a3'sum' 92 01 02")
		peer.Send(answer)
		if answered, err := wait(); !answered || err != nil || c.Idle() {
			t.Errorf("%s: %v, %v, %v", name, answered, err, c.Idle())
		}
	}
}

// Ids are the positive numbers of a C int, as mprpc has them.
func TestSerialConnIDs(t *testing.T) {
	c, peer, _ := serial(t, codec.Options{})
	codec.SetSerialID(c, math.MaxInt32-1)
	for _, id := range []string{"ce 7fffffff", "01"} {
		wait := begun(c, "sum", nil, nil)
		peer.Expect("94 00 " + id + " a3'sum' 90")
		peer.Send("94 01 " + id + " c0 c0")
		if answered, err := wait(); !answered || err != nil {
			t.Error(answered, err)
		}
	}
}

func TestSerialConnEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*codec.SerialConn, net.Conn)
		want error
		then error
	}{
		"by the peer": {func(_ *codec.SerialConn, far net.Conn) { far.Close() }, io.ErrUnexpectedEOF, codec.ErrNotSent},
		"by nonsense": {func(_ *codec.SerialConn, far net.Conn) { far.Write([]byte{0xc1}) }, nil, codec.ErrNotSent},
		"by Close":    {func(c *codec.SerialConn, _ net.Conn) { c.Close() }, rpc.ErrShutdown, rpc.ErrShutdown},
	} {
		t.Run(name, func(t *testing.T) {
			c, peer, far := serial(t, codec.Options{})
			wait := begun(c, "sum", codec.Args{1, 2}, nil)
			peer.Expect("94 00 01 a3'sum' 92 01 02")
			test.end(c, far)
			answered, err := wait()
			if answered || err == nil || test.want != nil && !errors.Is(err, test.want) || errors.Is(err, codec.ErrNotSent) {
				t.Error(answered, err)
			}
			if answered, err := c.Call("sum", nil, nil); answered || !errors.Is(err, test.then) {
				t.Error(answered, err)
			}
			if err := c.Notify("sum", nil); !errors.Is(err, test.then) {
				t.Error(err)
			}
			if c.Idle() {
				t.Error("as good as new")
			}
		})
	}
}

// What a long notification is still to say is said before Close ends the connection.
func TestSerialConnCloseSendsALongNotification(t *testing.T) {
	c, peer, _ := serial(t, codec.Options{})
	long := strings.Repeat("x", 8<<20)
	if err := c.Notify("log", long); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- c.Close() }()
	peer.ExpectText(long)
	peer.ExpectEnd()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// One that cannot leave ends the connection within WriteTimeout. Close says so, and so
// does the call that waits for it.
func TestSerialConnLongNotificationToAPeerThatDoesNotRead(t *testing.T) {
	long := strings.Repeat("x", 15<<20)
	t.Run("Close", func(t *testing.T) {
		c, _, _ := serial(t, codec.Options{WriteTimeout: 20 * time.Millisecond})
		if err := c.Notify("log", long); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err == nil || !strings.Contains(err.Error(), "not read") {
			t.Error(err)
		}
		if err := c.Notify("log", long); err != rpc.ErrShutdown {
			t.Error(err)
		}
	})
	t.Run("a call", func(t *testing.T) {
		c, _, _ := serial(t, codec.Options{WriteTimeout: 20 * time.Millisecond})
		if err := c.Notify("log", long); err != nil {
			t.Fatal(err)
		}
		if answered, err := c.Call("sum", nil, nil); answered || !errors.Is(err, codec.ErrNotSent) || !strings.Contains(err.Error(), "not read") {
			t.Error(answered, err)
		}
		if err := c.Close(); err == nil || !strings.Contains(err.Error(), "not read") {
			t.Error(err)
		}
	})
}
