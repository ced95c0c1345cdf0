package peers

import (
	"bufio"
	"net"
	"net/rpc"

	"github.com/ugorji/go/codec"
)

// ugorji is MsgpackSpecRpc of github.com/ugorji/go/codec. WriteExt makes bytes
// bin and text str, as the present specification has it. Since v1.2.12 it buffers
// nothing by itself, and then reads byte by byte; of the two remedies that its
// documentation names this is the buffered connection. With the other one,
// buffer sizes in the handle, connections break as soon as callers share them
// (tried with v1.3.2).
func ugorji() Peer {
	h := new(codec.MsgpackHandle)
	h.WriteExt = true
	return netRPC("ugorji", "ugorji MsgpackSpecRpc",
		func(conn net.Conn) rpc.ServerCodec { return codec.MsgpackSpecRpc.ServerCodec(buffer(conn), h) },
		func(conn net.Conn) *rpc.Client {
			return rpc.NewClientWithCodec(codec.MsgpackSpecRpc.ClientCodec(buffer(conn), h))
		})
}

// buffered is a connection with buffers; the codec calls Flush after a message.
type buffered struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

func buffer(conn net.Conn) *buffered {
	return &buffered{conn, bufio.NewReader(conn), bufio.NewWriter(conn)}
}

func (b *buffered) Read(p []byte) (int, error)  { return b.r.Read(p) }
func (b *buffered) Write(p []byte) (int, error) { return b.w.Write(p) }
func (b *buffered) Flush() error                { return b.w.Flush() }
