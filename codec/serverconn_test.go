package codec_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/rpc"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// connOf is a ServerConn and its peer over an in-memory connection.
func connOf(t *testing.T, o codec.Options) (*codec.ServerConn, *codectest.Peer) {
	near, far := net.Pipe()
	return o.NewServerConn(far), codectest.NewPeer(t, near)
}

func TestServerConnReadsCallsOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := connOf(t, codec.Options{Logger: slog.New(slog.DiscardHandler)})
		go peer.Send("94 00 01 a3 'sum' 92 01 02  93 02 a3 'sum' 92 01 02  94 01 01 c0 c0  94 00 cd0002 a4 'fail' 90")
		var call codec.ServerCall
		var header rpc.Request
		var args struct{ X, Y int }
		for i, want := range []struct {
			method       string
			notification bool
			size, answer int
		}{{"sum", false, 10, 5}, {"sum", true, 9, 0}, {"fail", false, 11, 10}} {
			if err := conn.Next(&call); err != nil {
				t.Fatal(err)
			}
			call.ReadRequestHeader(&header)
			if call.Method() != want.method || header.ServiceMethod != want.method || call.Notification() != want.notification ||
				call.Size() != want.size || call.AnswerSize() != 0 || call.Err() != nil {
				t.Errorf("call %d: %q, %+v", i, call.Method(), want)
			}
			if want.method == "sum" {
				if err := call.ReadRequestBody(&args); err != nil || args.X != 1 || args.Y != 2 {
					t.Error(args, err)
				}
			}
			if ready := conn.Ready(); ready != (i < 2) {
				t.Errorf("call %d: ready is %t", i, ready)
			}
			if want.method == "fail" {
				go peer.Expect("94 01 cd0002 a3 'bad' c0")
				if err := call.WriteResponse(&rpc.Response{Error: "bad"}, nil); err != nil {
					t.Error(err)
				}
				if err := call.Err(); err == nil || err.Error() != "bad" {
					t.Error(err)
				}
			} else if b := call.AppendResponse(nil, new(rpc.Response), 3); len(b) != want.answer {
				t.Errorf("answer % x", b)
			}
			if call.AnswerSize() != want.answer {
				t.Errorf("call %d: answer of %d bytes", i, call.AnswerSize())
			}
		}
		peer.Conn.Close()
		if err := conn.Next(&call); err != io.EOF || conn.Err() != io.EOF {
			t.Error(err, conn.Err())
		}
		if err := call.Close(); err != nil {
			t.Error(err)
		}
		conn.Close()
		conn.Close()
	})
}

// Summer is a net/rpc service.
type Summer struct{}

func (*Summer) Sum(a struct{ X, Y int }, r *int) error { *r = a.X + a.Y; return nil }

func TestServerConnServesWithNetRPC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := rpc.NewServer()
		server.RegisterName("S", new(Summer))
		conn, peer := connOf(t, codec.Options{})
		go func() {
			var call codec.ServerCall
			for conn.Next(&call) == nil {
				server.ServeRequest(&call)
			}
			conn.Close()
		}()
		for range 3 {
			peer.Send("94 00 01 a5 'S.Sum' 92 01 02")
			peer.Expect("94 01 01 c0 03")
			peer.Send("94 00 02 a5 'S.Sum' 91 01")
			peer.ExpectText("S.Sum: want 2 parameters")
			peer.Send("94 00 03 a4 'nope' 91 01")
			peer.ExpectText("method not found: nope")
		}
		peer.Conn.Close()
	})
}

func TestServerConnStopsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := connOf(t, codec.Options{})
		go peer.Conn.Write(codectest.Bytes("94 00 01 a3 'sum' 90  94 00 02 a3 'sum' 90  94 00 03 a3")) // the last is not complete
		var call codec.ServerCall
		if err := conn.Next(&call); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		if !conn.StopReading() {
			t.Error("a pipe has deadlines")
		}
		if err := conn.Next(&call); err != nil { // has been read before
			t.Error(err)
		}
		if err := conn.Next(&call); err != io.EOF || time.Since(start) > 0 {
			t.Error(err, time.Since(start))
		}
		go conn.Close()
		peer.ExpectEnd()
	})
	a, b := io.Pipe()
	defer b.Close()
	conn := codec.Options{}.NewServerConn(struct {
		io.Reader
		io.WriteCloser
	}{a, b})
	if conn.StopReading() {
		t.Error("a connection without deadlines can stop")
	}
	conn.Close()
}

// TestServerConnKeepsADeadlineOfStopReading although a message begins to arrive.
func TestServerConnKeepsADeadlineOfStopReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := connOf(t, codec.Options{})
		var call codec.ServerCall
		next := make(chan error)
		go func() { next <- conn.Next(&call) }()
		peer.Conn.Write([]byte{0x94})
		synctest.Wait()
		start := time.Now()
		conn.StopReading()
		if err := <-next; err != io.EOF || time.Since(start) > 0 {
			t.Error(err, time.Since(start))
		}
		conn.Close()
	})
}

func TestServerConnEndsWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, peer := connOf(t, codec.Options{Logger: slog.New(slog.DiscardHandler), WriteTimeout: time.Second})
		var call codec.ServerCall
		next := make(chan error)
		go func() { next <- conn.Next(&call) }()
		if err := conn.Send(make([]byte, 100), true); err == nil || !strings.Contains(err.Error(), "does not read") {
			t.Error(err)
		}
		if err := <-next; err == nil || !strings.Contains(err.Error(), "does not read") {
			t.Error(err)
		}
		peer.ExpectEnd()
		if err := conn.Send([]byte{1}, true); err == nil {
			t.Error("a connection that has failed can be written to")
		}
		conn.Close()

		conn, peer = connOf(t, codec.Options{Logger: slog.New(slog.DiscardHandler)})
		reason := errors.New("reason")
		conn.Abort(reason)
		if err := conn.Next(&call); !errors.Is(err, reason) || conn.Err() != reason {
			t.Error(err, conn.Err())
		}
		peer.ExpectEnd()
		if err := conn.Send(nil, false); err != nil {
			t.Error(err)
		}
	})
}
