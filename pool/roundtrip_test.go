//go:build unix

package pool_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// What became of a connection while nobody used it is found out before anything of a
// call has left, so that the call is made on another.
func TestACallFindsOutThatItsConnectionIsOfNoUse(t *testing.T) {
	for name, end := range map[string]func(*codectest.Peer){
		"closed":      func(p *codectest.Peer) { p.Conn.Close() },
		"half closed": func(p *codectest.Peer) { p.Conn.(*net.TCPConn).CloseWrite() },
		"reset":       func(p *codectest.Peer) { p.Conn.(*net.TCPConn).SetLinger(0); p.Conn.Close() },
		"stray bytes": func(p *codectest.Peer) { p.Send("94 01 02 c0 07") }, // the answer to what the call will be
	} {
		for use, call := range map[string]func(*pool.Pool) error{
			"a call": func(p *pool.Pool) error {
				got, err := pool.Call[int](ctx, p, "size", make([]byte, 10))
				if got != 10 {
					t.Errorf("%s: the size is %d", name, got)
				}
				return err
			},
			"a long call": func(p *pool.Pool) error {
				got, err := pool.Call[int](ctx, p, "size", make([]byte, 1<<20))
				if got != 1<<20 {
					t.Errorf("%s: the size is %d", name, got)
				}
				return err
			},
			"a notification": func(p *pool.Pool) error { return p.Notify(ctx, "size", []byte{}) },
			"a Conn": func(p *pool.Pool) error {
				return p.Do(ctx, func(c *pool.Conn) error { return c.Call(ctx, "size", []byte{}, nil) })
			},
		} {
			t.Run(name+"/"+use, func(t *testing.T) {
				client, server := codectest.Pair(t)
				peer := codectest.NewPeer(t, server)
				dial, count := dialling(t, client)
				p := newPool(t, pool.Options{Address: "x", Dial: dial})
				first := make(chan error, 1)
				go func() { first <- p.Call(ctx, "size", []byte{}, nil) }()
				peer.Expect("94 00 01 a4 'size' 91 c4 00")
				peer.Send("94 01 01 c0 00")
				if err := receive(t, first, "the first answer"); err != nil {
					t.Fatal(err)
				}
				end(peer)
				awaitInput(t, client)
				if err := call(p); err != nil {
					t.Error(err)
				}
				if s := p.Stats(); s.Unsound != 1 || s.Retries != 0 || s.Endpoints[0].Failures != 0 || count.Load() != 2 {
					t.Errorf("%d dials: %+v", count.Load(), s)
				}
			})
		}
	}
}

// A server that says something else before it is asked is not dialled for ever.
func TestAServerThatSpeaksFirst(t *testing.T) {
	var dials atomic.Int32
	p := newPool(t, pool.Options{Address: "x", Codec: codec.Options{Logger: quiet}, Dial: func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		client, server := codectest.Pair(t)
		codectest.NewPeer(t, server).Send("'220 ready'")
		awaitInput(t, client)
		return client, nil
	}})
	fails(t, p.Call(ctx, "size", []byte{}, nil))
	if n := dials.Load(); n > 2 {
		t.Errorf("dialled %d times", n)
	}
	checkIdle(t, p, 0, int(dials.Load()))
}

// Notifications of the peer reach OnNotify while somebody has the connection: before
// the first call, between calls, with an answer and in front of one.
func TestAServerThatNotifies(t *testing.T) {
	client, server := codectest.Pair(t)
	peer := codectest.NewPeer(t, server)
	dial, count := dialling(t, client)
	heard := make(chan string, 10)
	const note = "93 02 a4 'note' 90"
	peer.Send(note)
	awaitInput(t, client)
	options := codec.Options{Logger: quiet, OnNotify: func(r *codec.Request) { heard <- r.Method }}
	p := newPool(t, pool.Options{Address: "x", Dial: dial, Codec: options, CallTimeout: limit})
	c := acquire(t, p)
	call := func(request, before, behind string) {
		t.Helper()
		done := make(chan error, 1)
		go func() { done <- c.Call(ctx, "size", []byte{}, nil) }()
		peer.Expect("94 00 " + request + " a4 'size' 91 c4 00")
		peer.Send(before + "94 01 " + request + " c0 00" + behind)
		if err := receive(t, done, "the answer"); err != nil {
			t.Fatal(err)
		}
	}
	call("01", note, "") // behind the one that was there
	peer.Send(note)
	awaitInput(t, client)
	call("02", "", note)
	call("03", "", "")
	for range 4 {
		receive(t, heard, "a notification")
	}
	c.Release()
	checkIdle(t, p, 1, 1)
	if count.Load() != 1 {
		t.Error("dialled again")
	}
}

// An answer that comes before its request answers nothing: the peer speaks of
// something else, and may go on to do so.
func TestAnAnswerBeforeItsRequest(t *testing.T) {
	for name, answer := range map[string]string{
		"a result":                "94 01 02 c0 05",
		"a result that fits not":  "94 01 02 c0 a1 'x'",
		"an error":                "94 01 02 a4 'what' c0",
		"no answer, but nonsense": "a3 'abc'",
	} {
		t.Run(name, func(t *testing.T) {
			client, server := codectest.Pair(t)
			peer := codectest.NewPeer(t, server)
			dial, count := dialling(t, client)
			p := newPool(t, pool.Options{Address: "x", Dial: dial, Codec: codec.Options{Logger: quiet}, CallTimeout: limit})
			err := p.Do(ctx, func(c *pool.Conn) error {
				first := make(chan error, 1)
				go func() { first <- c.Call(ctx, "size", []byte{}, nil) }()
				peer.Expect("94 00 01 a4 'size' 91 c4 00")
				peer.Send("94 01 01 c0 00 " + answer) // in one segment
				if err := receive(t, first, "the first answer"); err != nil {
					t.Error(err)
				}
				var got int
				return c.Call(ctx, "size", []byte{}, &got)
			})
			fails(t, err, codec.ErrNotSent)
			peer.ExpectEnd()
			if n, err := pool.Call[int](ctx, p, "size", []byte{1, 2}); n != 2 || err != nil || count.Load() != 2 {
				t.Error(n, err, count.Load())
			}
			checkIdle(t, p, 1, 2)
		})
	}
}

// A connection that ends before its first call has had no request: a call of the pool
// is made on another, whatever its method, and one of a Conn learns it.
func TestAConnectionThatEndsAtOnce(t *testing.T) {
	for name, end := range map[string]func(net.Conn){
		"closed": func(c net.Conn) { c.Close() },
		"reset":  func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			client, server := codectest.Pair(t)
			other, otherServer := codectest.Pair(t)
			dial, _ := dialling(t, client, other)
			end(server)
			end(otherServer)
			awaitInput(t, client)
			awaitInput(t, other)
			p := newPool(t, pool.Options{Address: "x", Dial: dial, Codec: codec.Options{Logger: quiet}})
			c := acquire(t, p)
			err := c.Call(ctx, "size", []byte{}, nil)
			fails(t, err, codec.ErrNotSent)
			if !strings.Contains(err.Error(), "the connection had ended") {
				t.Error(err)
			}
			c.Release()
			if n, err := pool.Call[int](ctx, p, "size", []byte{1}); n != 1 || err != nil {
				t.Error(n, err)
			}
			if s := p.Stats(); s.Retries != 1 {
				t.Errorf("%+v", s)
			}
			checkIdle(t, p, 1, 3)
		})
	}
}

// What the peer has said before it went is heard.
func TestLastWords(t *testing.T) {
	client, server := codectest.Pair(t)
	codectest.NewPeer(t, server).Send("93 02 a4 'note' 90")
	server.(*net.TCPConn).CloseWrite()
	awaitInput(t, client)
	client.(*net.TCPConn).CloseWrite() // so that the request cannot be written
	heard := make(chan string, 1)
	dial, _ := dialling(t, client)
	p := newPool(t, pool.Options{Address: "x", Dial: dial, Codec: codec.Options{
		Logger: quiet, OnNotify: func(r *codec.Request) { heard <- r.Method },
	}})
	c := acquire(t, p)
	defer c.Release()
	fails(t, c.Call(ctx, "size", []byte{}, nil), codec.ErrNotSent)
	if m := receive(t, heard, "the notification"); m != "note" {
		t.Error(m)
	}
}

// A peer that sends requests and does not read what they are answered holds up a call
// for as long as any other write.
func TestAFloodOfRequests(t *testing.T) {
	client, server := codectest.Pair(t)
	flood := make(chan struct{})
	go func() {
		defer close(flood)
		request := bytes.Repeat([]byte("\x94\x00\x07\xd9\xff"+strings.Repeat("x", 255)+"\x90"), 100)
		for {
			if _, err := server.Write(request); err != nil {
				return
			}
		}
	}()
	dial, _ := dialling(t, client)
	p := newPool(t, pool.Options{Address: "x", Dial: dial, Codec: codec.Options{WriteTimeout: 20 * time.Millisecond, Logger: quiet}})
	c := acquire(t, p)
	defer c.Release()
	err := c.Call(ctx, "size", []byte{}, nil)
	if err == nil || !strings.Contains(err.Error(), "does not read") {
		t.Error(err)
	}
	receive(t, flood, "the end of the connection")
}

// A call that cannot be encoded leaves nothing behind on its connection.
func TestACallThatCannotBeEncoded(t *testing.T) {
	client, server := codectest.Pair(t)
	heard := make(chan string, 1)
	var m rpcutil.Mux
	m.Handle("size", func(b []byte) int { return len(b) })
	m.Handle("say", func(s string) { heard <- s })
	go m.ServeCodec(codec.Options{Logger: quiet}.NewServerCodec(server))
	p := newPool(t, pool.Options{Address: "x", Dial: only(client), CallTimeout: limit})
	for range 3 {
		fails(t, p.Call(ctx, "size", make(chan int), nil))
		if err := p.Notify(ctx, "say", "hello"); err != nil {
			t.Error(err)
		}
		if s := receive(t, heard, "the notification"); s != "hello" {
			t.Error(s)
		}
		fails(t, p.Call(ctx, "size", make(chan int), nil))
		if n, err := pool.Call[int](ctx, p, "size", []byte{1}); err != nil || n != 1 {
			t.Error(n, err)
		}
	}
	checkIdle(t, p, 1, 1)
}

// A request that the system does not take at once waits as any other write, and no
// longer than that.
func TestARequestToAPeerThatDoesNotRead(t *testing.T) {
	for name, o := range map[string]pool.Options{
		"WriteTimeout": {Codec: codec.Options{WriteTimeout: 20 * time.Millisecond, Logger: quiet}},
		"CallTimeout":  {CallTimeout: 20 * time.Millisecond},
	} {
		client, server := codectest.Pair(t)
		peer := codectest.NewPeer(t, server)
		o.Address = "x"
		o.Dial, _ = dialling(t, client)
		p := newPool(t, o)
		c := acquire(t, p)
		fill(t, client)
		err := c.Call(ctx, "size", []byte{}, nil)
		c.Release()
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case name == "WriteTimeout" && !strings.Contains(err.Error(), "does not read"):
			t.Error(err)
		case name == "CallTimeout":
			fails(t, err, context.DeadlineExceeded)
		}
		peer.Conn.Close()
	}
}

// A request that the system takes in pieces arrives whole.
func TestARequestToAPeerThatReadsLate(t *testing.T) {
	client, server := codectest.Pair(t)
	dial, _ := dialling(t, client)
	p := newPool(t, pool.Options{Address: "x", Dial: dial, CallTimeout: limit})
	c := acquire(t, p)
	defer c.Release()
	fill(t, client)
	done := make(chan error, 1)
	var got int
	go func() { done <- c.Call(ctx, "size", make([]byte, 3000), &got) }()
	in := bufio.NewReader(server)
	for { // what fill has sent
		b, err := in.Peek(1)
		if err != nil {
			t.Fatal(err)
		}
		if b[0] != 0 {
			break
		}
		in.Discard(1)
	}
	go sizes(struct {
		io.Reader
		io.WriteCloser
	}{in, server})
	if err := receive(t, done, "the answer"); err != nil || got != 3000 {
		t.Errorf("the size is %d, %v", got, err)
	}
}

// What a peer does beside answering stays on the goroutine of the call.
func TestAPeerThatCallsInTheMiddleOfACall(t *testing.T) {
	client, server := codectest.Pair(t)
	peer := codectest.NewPeer(t, server)
	dial, _ := dialling(t, client)
	p := newPool(t, pool.Options{Address: "x", Dial: dial, CallTimeout: limit})
	c := acquire(t, p)
	defer c.Release()
	for id := range 3 {
		done := make(chan error, 1)
		var got int
		go func() { done <- c.Call(ctx, "size", []byte{}, &got) }()
		peer.Expect(fmt.Sprintf("94 00 %02x a4 'size' 91 c4 00", id+1))
		peer.Send("94 00 07 a4 'what' 90")
		peer.ExpectText("method not found")
		peer.Send(fmt.Sprintf("94 01 %02x c0 05", id+1))
		if err := receive(t, done, "the answer"); err != nil || got != 5 {
			t.Error(got, err)
		}
	}
}

// A connection that is more than one of the system gets all bytes by its own methods.
func TestAConnectionOfItsOwnKind(t *testing.T) {
	client, server := codectest.Pair(t)
	go sizes(server)
	counting := &countingTCP{TCPConn: client.(*net.TCPConn)}
	dial, _ := dialling(t, counting)
	p := newPool(t, pool.Options{Address: "x", Dial: dial})
	for range 3 {
		if got, err := pool.Call[int](ctx, p, "size", []byte{1}); err != nil || got != 1 {
			t.Error(got, err)
		}
	}
	if r, w := counting.reads.Load(), counting.writes.Load(); r < 3 || w != 3 {
		t.Errorf("%d reads, %d writes", r, w)
	}
}

type countingTCP struct {
	*net.TCPConn
	reads, writes atomic.Int32
}

func (c *countingTCP) Read(b []byte) (int, error)  { c.reads.Add(1); return c.TCPConn.Read(b) }
func (c *countingTCP) Write(b []byte) (int, error) { c.writes.Add(1); return c.TCPConn.Write(b) }
