package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// Bugs that others have, or had, by where they are on record.

// golang/go#71559: net/rpc drops the error of WriteResponse and goes on with a
// connection on which the answers are lost.
func TestGolang71559AFailedWriteClosesTheConnectionAndIsLogged(t *testing.T) {
	near, far := net.Pipe()
	s := serveWith(t, newTestServer(t), codec.Options{Names: testNames}, near, failingConn{far})
	s.Send("94 00 01 a3'sum' 92 01 02")
	s.ExpectEnd()
	s.wait(t)
	s.log.expect(t, "server connection ended", errBrokenWire.Error())
}

// hashicorp/net-rpc-msgpackrpc: WriteResponse itself reported success.
func TestHashicorpWriteResponseReturnsTheErrorOfItsWrite(t *testing.T) {
	near, far := net.Pipe()
	c := codec.Options{Logger: new(logBook).logger()}.NewServerCodec(failingConn{far})
	go near.Write(codectest.Bytes("94 00 01 a3'sum' 92 01 02"))
	var r rpc.Request
	if err := c.ReadRequestHeader(&r); err != nil {
		t.Fatal(err)
	}
	if err := c.ReadRequestBody(new(SumXY)); err != nil {
		t.Fatal(err)
	}
	if err := c.WriteResponse(&rpc.Response{Seq: r.Seq}, 3); !errors.Is(err, errBrokenWire) {
		t.Errorf("WriteResponse: %v", err)
	}
	if err := c.WriteResponse(&rpc.Response{Seq: r.Seq}, 3); err == nil {
		t.Error("a request is answered twice")
	}
	if err := c.ReadRequestHeader(&r); !errors.Is(err, errBrokenWire) {
		t.Errorf("ReadRequestHeader: %v", err)
	}
	if err := c.ReadRequestBody(new(SumXY)); err == nil {
		t.Error("a body is read without a header")
	}
}

// mprpc 0.1.17 decodes one message per recv: of several requests in one segment
// all but the first wait for more bytes, for ever if none come.
func TestMprpcOneMessagePerRecv(t *testing.T) {
	const n = 1000
	s := servePipe(t, codec.Options{})
	var segment bytes.Buffer
	for i := range n {
		segment.Write(codectest.Bytes(fmt.Sprintf("94 00 cd %04x a3'sum' 92 01 02", i)))
	}
	go s.Conn.Write(segment.Bytes())
	seen := make(map[string]bool)
	for range n {
		b, err := s.Receive()
		if err != nil {
			t.Fatal(err)
		}
		seen[string(b)] = true
	}
	if len(seen) != n {
		t.Errorf("%d different replies, want %d", len(seen), n)
	}
}

// net/rpc/jsonrpc: a reply that cannot be encoded is never answered, and its
// caller waits for ever.
func TestJSONRPCAReplyThatCannotBeEncodedIsAnswered(t *testing.T) {
	near, far := net.Pipe()
	go newServerOf(t, new(Results)).ServeCodec(codec.NewServerCodec(far))
	client := codec.NewClient(near)
	defer client.Close()
	var r any
	inTime(t, "call", func() {
		err := client.Call("Results.Chan", struct{}{}, &r)
		if err == nil || !strings.Contains(err.Error(), "Results.Chan: result cannot be sent: ") {
			t.Error(err)
		}
	})
	if err := client.Call("Results.Fine", struct{}{}, &r); err != nil {
		t.Error(err)
	}
}

// golang/go#27777: a panic while an argument is decoded ends the process.
func TestGolang27777APanicInDecodeIsAnError(t *testing.T) {
	s := serveService(t, codec.Options{}, new(Touchy), nameTable{"do": "Touchy.Do", "time": "Touchy.Time"})
	s.Send("94 00 01 a2'do' 91 05")
	s.Expect(errorReply("01", "do: internal error"))
	// vmihailenco/msgpack panics on nil for a time.
	s.Send("94 00 02 a4'time' 91 91 c0")
	s.Expect(errorReply("02", "time: parameter 1[0]: nil does not fit time.Time"))
	s.Send("94 00 02 a4'time' 91 90")
	s.Expect("94 01 02 c0 c0")
	s.hangUp(t)
	s.log.expect(t, "panic while encoding or decoding", "secret of the decoder", "stack=")
}

// Touchy has arguments that are dangerous to decode.
type Touchy struct{}

func (*Touchy) Do(Mine, *struct{}) error          { return nil }
func (*Touchy) Time([]time.Time, *struct{}) error { return nil }

// Mine panics when it is decoded.
type Mine int

// UnmarshalMsgpack implements msgpack.Unmarshaler.
func (*Mine) UnmarshalMsgpack([]byte) error { panic("secret of the decoder") }

// golang/go#5792, #17239: Close races with reading and writing. This is for
// the race detector.
func TestGolang17239CloseWhileInUse(t *testing.T) {
	for range 20 {
		near, far := codectest.Pair(t)
		sc := codec.Options{Names: testNames, Logger: new(logBook).logger()}.NewServerCodec(far)
		server := newTestServer(t)
		served := make(chan struct{})
		go func() { defer close(served); server.ServeCodec(sc) }()
		client := codec.Options{Logger: new(logBook).logger()}.NewClient(near)
		var calls sync.WaitGroup
		first := make(chan struct{}, 100)
		for range 4 {
			calls.Go(func() {
				for client.Call("sum", codec.Args{1, 2}, new(int)) == nil {
					select {
					case first <- struct{}{}:
					default:
					}
				}
			})
		}
		<-first
		sc.Close()
		inTime(t, "calls", calls.Wait)
		inTime(t, "ServeCodec", func() { <-served })
		client.Close()
	}
}

// inTime fails the test if f does not return.
func inTime(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: takes too long", what)
	}
}

// vmihailenco/msgpack#401: 5 bytes that claim 2^32 elements
// took all memory; see TestServerAllocatesForWhatArrivesNotForWhatIsClaimed.
// What a small message decodes to is limited as well.
func TestVmihailenco401SmallMessagesDoNotDecodeToMuchMemory(t *testing.T) {
	s := serveService(t, codec.Options{}, new(Wide), nameTable{"wide": "Wide.Do"})
	const n = 999_000 // empty maps, one byte each, of a struct of 576 bytes
	go s.Conn.Write(codectest.Bytes(fmt.Sprintf("94 00 01 a4'wide' 91 dd %08x %s", n, strings.Repeat("80", n))))
	s.Expect(errorReply("01", "wide: parameter 1: message exceeds MaxDecoded (268435456)"))
}

// Wide wants large values.
type Wide struct{}

// Do wants them.
func (*Wide) Do([]struct{ A, B, C, D, E, F, G, H, I [8]int }, *struct{}) error { return nil }

// neovim/neovim#5421: an id that says "no response" in all of 64 bits.
func TestNeovim5421AnIDOf64BitsIsRepeated(t *testing.T) {
	s := servePipe(t, codec.Options{})
	s.Send("94 00 cf ffffffffffffffff a3'sum' 92 01 02")
	s.Expect("94 01 cf ffffffffffffffff c0 03")
}
