package codec_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// What a client of ours makes of the oddities that were tried on the client of
// Python's mprpc 0.1.17. Two calls, 1 and 2, are under way; behind the bytes
// shown the peer answers call 1 with 42 and call 2 with 43, so that a call whose
// reply is ignored gets its answer all the same.
var clientBehaviour = []struct {
	row  string // in the record of what mprpc does
	name string
	send string
	want string // the result of call 1, or its error
	ends string // why the connection ends; empty: it goes on
}{
	{"38", `error "" and a result`, "94 01 01 a0 2a", "error: peer reported an error without text", ""},
	{"38", "error 0", "94 01 01 00 2a", "error: peer reported an error without text", ""},
	{"38", "error 0.0", "94 01 01 cb 0000000000000000 2a", "error: peer reported an error without text", ""},
	{"38", "error false", "94 01 01 c2 2a", "error: peer reported an error without text", ""},
	{"38", "error []", "94 01 01 90 2a", "error: peer reported an error without text", ""},
	{"38", "error {}", "94 01 01 80 2a", "error: peer reported an error without text", ""},
	{"38", `error b""`, "94 01 01 c4 00 2a", "error: peer reported an error without text", ""},
	{"38", `error "", result nil`, "94 01 01 a0 c0", "error: peer reported an error without text", ""},

	{"39", "error text", "94 01 01 a4'boom' c0", "error: boom", ""},
	{"39", "error pair", "94 01 01 92 01 a1'x' c0", "error: x", ""},
	{"39", "error map", "94 01 01 81 a1'a' 01 c0", "error: map[a:1]", ""},
	{"39", "error bytes", "94 01 01 c4 05'bytes' c0", "error: bytes", ""},
	{"39", "error number", "94 01 01 05 c0", "error: error 5", ""},
	{"39", "error float", "94 01 01 cb 3ff8000000000000 c0", "error: 1.5", ""},
	{"39", "error true", "94 01 01 c3 c0", "error: true", ""},
	{"39", "error ext", "94 01 01 d4 01'x' c0", "error: [212 1 120]", ""},
	{"39", "error and result", "94 01 01 a4'boom' 07", "error: boom", ""},

	{"40", "reply id 99", "94 01 63 c0 07", "int64 42", ""},
	{"40", "reply id 0", "94 01 00 c0 07", "int64 42", ""},
	{"40", "reply id -1", "94 01 ff b0'Invalid protocol' c0", "int64 42", ""},
	{"41", "reply id nil", "94 01 c0 c0 07", "int64 42", ""},
	{"41", "reply id text", "94 01 a1'1' c0 07", "int64 42", ""},
	{"41", "reply id list", "94 01 90 c0 07", "int64 42", ""},
	{"41", "reply id 2^31", "94 01 ce 80000000 c0 07", "int64 42", ""},
	{"41", "reply id 2^32+1", "94 01 cf 0000000100000001 c0 07", "int64 42", ""},
	{"41", "reply id 2^64-1", "94 01 cf ffffffffffffffff c0 07", "int64 42", ""},
	{"41", "reply id 1.0", "94 01 cb 3ff0000000000000 c0 07", "int64 42", ""},
	{"41", "reply id true", "94 01 c3 c0 07", "int64 42", ""},
	{"41", "reply id wider than need be", "94 01 d3 0000000000000001 c0 07", "int64 7", ""},

	{"42", "reply of length 0", "90", "error: codec: connection ended before the answer to one: message is an empty array", "message is an empty array"},
	{"42", "reply of length 3", "93 01 01 c0", "error: codec: one: message has 3 elements, want 4", ""},
	{"42", "reply of length 5", "95 01 01 c0 07 c0", "error: codec: one: message has 5 elements, want 4", ""},
	{"42", "reply of type true", "94 c3 01 c0 07", "error: codec: connection ended before the answer to one: message type is not 0, 1 or 2", "message type is not 0, 1 or 2"},
	{"42", "reply of type 1.0", "94 cb 3ff0000000000000 01 c0 07", "error: codec: connection ended before the answer to one: message type is not 0, 1 or 2", "message type is not 0, 1 or 2"},
	{"42", "not an array", "05", "error: codec: connection ended before the answer to one: message is an integer, not an array", "message is an integer, not an array"},
	{"42", "HTTP", "'HTTP/1.1 400 Bad Request' 0d0a0d0a", "error: codec: connection ended before the answer to one: message is an integer, not an array", "message is an integer, not an array"},
	{"42", "byte c1", "c1", "error: codec: connection ended before the answer to one: byte 0xc1 is not MessagePack", "byte 0xc1 is not MessagePack"},

	{"43", "two replies in one segment", "94 01 01 c0 07  94 01 02 c0 2b", "int64 7", ""},
	{"44", "notification before the reply", "93 02 a3'say' 90", "int64 42", ""},
	{"45", "reply twice", "94 01 01 c0 07  94 01 01 c0 08", "int64 7", ""},

	{"47", "reply in array16", "dc 0004 01 01 c0 07", "int64 7", ""},
	{"47", "reply in array32", "dd 00000004 01 01 c0 07", "int64 7", ""},
	{"47", "result str8", "94 01 01 c0 d9 01'x'", "string x", ""},
	{"47", "result str16", "94 01 01 c0 da 0001'x'", "string x", ""},
	{"47", "result str32", "94 01 01 c0 db 00000001'x'", "string x", ""},
	{"47", "result bin8", "94 01 01 c0 c4 01'x'", "[]uint8 [120]", ""},
	{"47", "result bin16", "94 01 01 c0 c5 0001'x'", "[]uint8 [120]", ""},
	{"47", "result bin32", "94 01 01 c0 c6 00000001'x'", "[]uint8 [120]", ""},
	{"47", "result float32", "94 01 01 c0 ca 3fc00000", "float64 1.5", ""},
	{"47", "result uint64", "94 01 01 c0 cf 0000000000000007", "int64 7", ""},
	{"47", "result 2^64-1", "94 01 01 c0 cf ffffffffffffffff", "uint64 18446744073709551615", ""},
	{"47", "result int64", "94 01 01 c0 d3 0000000000000007", "int64 7", ""},
	{"47", "result ext", "94 01 01 c0 d4 01'x'", "msgpack.RawMessage [212 1 120]", ""},
	{"48", "result not UTF-8", "94 01 01 c0 a1 ff", "[]uint8 [255]", ""},
	{"48", "result with a map as key", "94 01 01 c0 81 80 01", "error: codec: one: result: a map cannot be a map key in Go", ""},
	{"48", "result 1024 deep", "94 01 01 c0" + strings.Repeat("91", 1024) + "c0",
		"error: codec: connection ended before the answer to one: message exceeds MaxDepth (128)", "message exceeds MaxDepth (128)"},
	{"48", "result text of 2^20+1", "94 01 01 c0 db 00100001'" + strings.Repeat("x", 1<<20+1) + "'", "string " + strings.Repeat("x", 1<<20+1), ""},
}

// A twoCalls is a client of ours with two calls under way, answered by a peer
// in the hands of the test.
type twoCalls struct {
	*codectest.Peer
	client   *rpc.Client
	log      *logBook
	one, two *codec.Exchange
	done     [2]chan *rpc.Call
}

func newTwoCalls(t *testing.T) *twoCalls {
	t.Helper()
	near, far := net.Pipe()
	near.SetDeadline(time.Now().Add(patience))
	c := &twoCalls{Peer: codectest.NewPeer(t, near), log: new(logBook)}
	c.client = codec.Options{Pipeline: codec.Always, Logger: c.log.logger()}.NewClient(far)
	t.Cleanup(func() { c.client.Close() })
	c.one = &codec.Exchange{Reply: new(any)}
	c.two = &codec.Exchange{Reply: new(any)}
	for i, x := range []*codec.Exchange{c.one, c.two} {
		c.done[i] = make(chan *rpc.Call, 1)
		go c.client.Go([]string{"one", "two"}[i], x, nil, c.done[i])
		// The pipe has no memory: what is received has been sent.
		c.Expect([]string{"94 00 01 a3'one' 90", "94 00 02 a3'two' 90"}[i])
	}
	return c
}

// outcome waits for a call and spells what came of it.
func (c *twoCalls) outcome(t *testing.T, x *codec.Exchange) string {
	t.Helper()
	done := c.done[0]
	if x == c.two {
		done = c.done[1]
	}
	select {
	case call := <-done:
		switch {
		case call.Error != nil:
			return "net/rpc: " + call.Error.Error()
		case x.Err != nil:
			return "error: " + x.Err.Error()
		}
		return fmt.Sprintf("%T %[1]v", *x.Reply.(*any))
	case <-time.After(patience):
		t.Fatal("a call has no answer")
	}
	return ""
}

func TestClientBehaviour(t *testing.T) {
	for _, test := range clientBehaviour {
		for _, pieces := range []string{"at once", "byte by byte"} {
			t.Run(test.row+" "+test.name+"/"+pieces, func(t *testing.T) {
				c := newTwoCalls(t)
				b := codectest.Bytes(test.send)
				if pieces == "at once" || len(b) > 1000 {
					c.Conn.Write(b)
				} else {
					for _, x := range b {
						c.Conn.Write([]byte{x}) // row 46
					}
				}
				c.Conn.Write(codectest.Bytes("94 01 01 c0 2a  94 01 02 c0 2b")) // if it is still open
				if got := c.outcome(t, c.one); got != test.want {
					t.Errorf("call 1: %.300s\nwant    %.300s", got, test.want)
				}
				want := "int64 43"
				if test.ends != "" {
					want = strings.Replace(test.want, "to one", "to two", 1)
				}
				if got := c.outcome(t, c.two); got != want {
					t.Errorf("call 2: %s\nwant    %s", got, want)
				}
				if test.ends != "" {
					c.ExpectEnd()
					c.log.expect(t, test.ends)
				}
			})
		}
	}
}

// Row 42: mprpc's client calls a request an invalid protocol.
func TestClientRefusesARequest(t *testing.T) {
	c := newTwoCalls(t)
	c.Send("94 00 07 a3'sum' 92 01 02")
	c.Expect(errorReply("07", "method not found: sum"))
	c.Send("94 00 07 c0 c0")
	c.Expect(errorReply("07", "method is nil, not text"))
	c.Send("94 01 01 c0 2a  94 01 02 c0 2b")
	if got := c.outcome(t, c.one); got != "int64 42" {
		t.Error(got)
	}
}

// Row 49: each call learns that it has no answer, and by what it was called.
func TestClientOfAPeerThatHangsUp(t *testing.T) {
	for _, part := range []string{"", "94", "94 01 01 c0", "94 01 01 c0 db 00000003'x'"} {
		c := newTwoCalls(t)
		c.Send(part)
		c.Conn.Close()
		for _, x := range []*codec.Exchange{c.one, c.two} {
			got := c.outcome(t, x)
			if !errors.Is(x.Err, io.ErrUnexpectedEOF) || !strings.Contains(got, "connection closed by peer before answering") {
				t.Errorf("after % q: %s", part, got)
			}
		}
	}
}

// Row 50: with mprpc every call behind one that timed out fails.
func TestClientIgnoresALateReply(t *testing.T) {
	c := newTwoCalls(t)
	if !c.one.GiveUp(context.DeadlineExceeded) {
		t.Fatal("cannot give up")
	}
	c.Send("94 01 01 c0 2a  94 01 02 c0 2b")
	if got := c.outcome(t, c.two); got != "int64 43" {
		t.Error(got)
	}
	if got := c.outcome(t, c.one); got != "error: context deadline exceeded" {
		t.Error(got)
	}
}
