package codec_test

import (
	"net"
	"net/rpc"
	"testing"

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
