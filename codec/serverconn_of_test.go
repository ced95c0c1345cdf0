package codec_test

import (
	"io"
	"log/slog"
	"net"
	"net/rpc"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

func TestServerConnOf(t *testing.T) {
	near, far := net.Pipe()
	c := codec.Options{MaxPending: 7}.NewServerCodec(far)
	conn := codec.ServerConnOf(c)
	if conn == nil || conn.MaxPending() != 7 {
		t.Fatal(conn)
	}
	peer := codectest.NewPeer(t, near)
	go peer.Send("94 00 01 a3'sum' 92 01 02")
	var call codec.ServerCall
	if err := conn.Next(&call); err != nil || call.Method() != "sum" {
		t.Fatal(call.Method(), err)
	}
	go call.WriteResponse(&rpc.Response{}, 3)
	peer.Expect("94 01 01 c0 03")
	c.Close()
	if err := conn.Next(&call); err == nil {
		t.Error("the codec is closed")
	}
	conn.Close()

	near, far = net.Pipe()
	server, client := codec.NewDuplex(far)
	if codec.ServerConnOf(server) != nil {
		t.Error("a duplex reads for its halves")
	}
	if codec.ServerConnOf(nil) != nil {
		t.Error("of no codec")
	}
	near.Close()
	server.Close()
	client.Close()
}

// Answers that have gathered leave with Flush, with what is sent next, and with Close.
func TestServerConnGathers(t *testing.T) {
	answer := codectest.Bytes("94 01 01 c0 03")
	for name, test := range map[string]struct {
		leave func(*codec.ServerConn)
		then  string
		ends  bool
	}{
		"Flush":      {func(c *codec.ServerConn) { c.Flush(); c.Flush() }, "", false},
		"Send alone": {func(c *codec.ServerConn) { c.Send(codectest.Bytes("94 01 02 c0 04"), true) }, "94 01 02 c0 04", false},
		"Send":       {func(c *codec.ServerConn) { c.Send(codectest.Bytes("94 01 02 c0 04"), false) }, "94 01 02 c0 04", false},
		"Close":      {func(c *codec.ServerConn) { c.Close() }, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, peer := connOf(t, codec.Options{})
				if !conn.Gather(answer) || !conn.Gather(nil) || !conn.Gather(answer) {
					t.Error("there is room")
				}
				left := make(chan struct{})
				go func() {
					defer close(left)
					peer.Expect("94 01 01 c0 03")
					peer.Expect("94 01 01 c0 03")
					if test.then != "" {
						peer.Expect(test.then)
					}
				}()
				time.Sleep(time.Second)
				select {
				case <-left:
					t.Error("has left before")
				default:
				}
				test.leave(conn)
				<-left
				if test.ends {
					peer.ExpectEnd()
					if conn.Gather(answer) {
						t.Error("is closed")
					}
				}
				conn.Close()
			})
		})
	}
}

// What has gathered is bounded, waits behind what is being written, and holds up nobody.
func TestServerConnGathersWithOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := connOf(t, codec.Options{})
		n := 0
		for conn.Gather(make([]byte, 4<<10)) {
			n++
		}
		if n != 16 {
			t.Errorf("%d KiB have gathered", 4*n)
		}
		long := make([]byte, 1<<20)
		go conn.Send(long, false) // too long to wait with what has gathered
		got := make([]byte, 64<<10+1<<20)
		if _, err := io.ReadFull(peer.Conn, got); err != nil {
			t.Error(err)
		}

		go conn.Send(codectest.Bytes("94 01 02 c0 04"), true)
		synctest.Wait() // the peer does not read
		if !conn.Gather(codectest.Bytes("94 01 03 c0 05")) || conn.Flush() != nil {
			t.Error("somebody writes, and goes on")
		}
		peer.Expect("94 01 02 c0 04")
		peer.Expect("94 01 03 c0 05")

		conn.Gather(codectest.Bytes("94 01 04 c0 06"))
		conn.Abort(io.EOF) // drops it
		peer.ExpectEnd()
		if conn.Gather(codectest.Bytes("94 01 04 c0 06")) {
			t.Error("has ended")
		}
		conn.Close()
	})
}

// A failed Flush ends the connection, as any write does.
func TestServerConnFlushFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := connOf(t, codec.Options{Logger: slog.New(slog.DiscardHandler), WriteTimeout: time.Second})
		conn.Gather(codectest.Bytes("94 01 01 c0 03"))
		if err := conn.Flush(); err == nil { // nobody reads
			t.Error("no error")
		}
		peer.ExpectEnd()
		if conn.Err() == nil {
			t.Error("goes on")
		}
		conn.Close()
	})
}
