package codec_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
)

// TestCallsOfBothKindsEndWithTheirConnection: at its end the goroutine of the
// rpc.Client and the one that ends the connection tell the calls, each its own. An
// rpc.Client's call must not end with the outcome of another.
func TestCallsOfBothKindsEndWithTheirConnection(t *testing.T) {
	for range 300 {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far)
		conn := codec.Options{Pipeline: codec.Always}.NewClientConn(near)
		plain := conn.RPC().Go("plain", codec.Args{1}, new(int), nil)
		var calls []*codec.ClientCall
		for range 30 {
			call, err := conn.Start(context.Background(), "direct", codec.Args{1}, new(int))
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, call)
		}
		go far.Close()
		for _, call := range calls {
			if err := call.Wait(); err == nil {
				t.Fatal("a call without an answer has succeeded")
			}
		}
		if <-plain.Done; plain.Error == nil {
			t.Fatal("an rpc.Client's call without an answer has succeeded")
		}
		conn.Close()
	}
}
