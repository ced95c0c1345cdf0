package rpcutil_test

import (
	"net"
	"testing"

	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// servedPeer is a peer, in a test's hands, of a server over an in-memory
// connection. Both end with the test.
func servedPeer(t testing.TB, s *rpcutil.Server) *codectest.Peer {
	near, far := net.Pipe()
	ended := make(chan struct{})
	go func() {
		s.ServeConn(far)
		close(ended)
	}()
	t.Cleanup(func() {
		near.Close()
		<-ended
	})
	return codectest.NewPeer(t, near)
}
