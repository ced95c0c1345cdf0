package peers

import (
	"net"
	"net/rpc"

	msgpackrpc "github.com/hashicorp/net-rpc-msgpackrpc/v2"
)

// hashicorp is net-rpc-msgpackrpc with its default, buffers on both sides. Its
// messages are net/rpc's headers in MessagePack, not MessagePack-RPC.
func hashicorp() Peer {
	return netRPC("hashicorp", "hashicorp net-rpc-msgpackrpc",
		func(conn net.Conn) rpc.ServerCodec { return msgpackrpc.NewServerCodec(conn) },
		func(conn net.Conn) *rpc.Client { return msgpackrpc.NewClient(conn) })
}
