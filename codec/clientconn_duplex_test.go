package codec_test

import (
	"log/slog"
	"net"
	"net/rpc"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// TestClientConnOnADuplexClosedAsTheAnswerComes: the answer has been read and not
// been handed on yet when Close ends the connection, and whoever fetches with it.
// The soak found it, as a call that never ended.
func TestClientConnOnADuplexClosedAsTheAnswerComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := codectest.NewPeer(t, far)
		_, client := codec.Options{Pipeline: codec.Always, Logger: slog.New(slog.DiscardHandler)}.NewDuplex(near)
		conn := codec.ClientConnOf(client)
		call, err := conn.Start(t.Context(), "m", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		peer.Expect("94 00 01 a1 'm' 90")
		arrive := codec.ReadAnswer(client, codectest.Bytes("94 01 01 c0 c0"))
		conn.Close()
		synctest.Wait() // nobody fetches any more
		arrive()
		ended := make(chan error, 1)
		go func() { ended <- call.Wait() }()
		synctest.Wait()
		select {
		case err := <-ended:
			if err != rpc.ErrShutdown {
				t.Errorf("the call ended with %v, want %v", err, rpc.ErrShutdown)
			}
		default:
			t.Error("the call has not ended")
		}
	})
}
