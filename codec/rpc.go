package codec

import (
	"io"
	"net/rpc"
)

// NewServerCodec returns a codec that serves MessagePack-RPC on conn, for
// rpc.ServeCodec or (*rpc.Server).ServeCodec.
//
// net/rpc uses it from one reading goroutine and, under its own lock, from one
// answering goroutine at a time; Close may be called at any moment and more
// than once.
func NewServerCodec(conn io.ReadWriteCloser) rpc.ServerCodec {
	return Options{}.NewServerCodec(conn)
}

// NewClientCodec returns a codec that calls a MessagePack-RPC server on conn,
// for rpc.NewClientWithCodec. It is a Notifier too.
//
// Any number of goroutines may share the rpc.Client on it, also where the
// server is an mprpc server, which takes one request at a time: see Pipelining.
func NewClientCodec(conn io.ReadWriteCloser) rpc.ClientCodec {
	return Options{}.NewClientCodec(conn)
}

// NewClient returns an rpc.Client that calls the MessagePack-RPC server on conn.
func NewClient(conn io.ReadWriteCloser) *rpc.Client { return Options{}.NewClient(conn) }

// Dial connects to a MessagePack-RPC server at the network address, such as
// "tcp" and "127.0.0.1:6000".
func Dial(network, address string) (*rpc.Client, error) { return Options{}.Dial(network, address) }

// ServeConn serves rpc.DefaultServer on conn. It returns when the client hangs
// up and all its calls are answered; run it in a goroutine of its own.
func ServeConn(conn io.ReadWriteCloser) { Options{}.ServeConn(conn) }

// NewDuplex returns a server codec and a client codec on one connection, for
// peers that both call and are called, such as Neovim. Serve the one and make
// an rpc.Client of the other; closing either closes the connection.
//
// A goroutine reads the connection from now on until it ends. It never waits
// for handlers: a request beyond Options.MaxPending is answered with the error
// "busy". Requests wait for the server codec to be served; a program that only
// calls closes the client when it is done.
func NewDuplex(conn io.ReadWriteCloser) (rpc.ServerCodec, rpc.ClientCodec) {
	return Options{}.NewDuplex(conn)
}

// A Notifier sends notifications: calls that nobody answers. The client codecs
// of this package are Notifiers. mprpc closes the connection on a notification.
type Notifier interface {
	// Notify sends a notification. It returns when the message is accepted for
	// sending; it may wait for room, Close or Options.WriteTimeout. Without
	// pipelining it takes its turn behind the requests queued before it.
	// It may be called from any goroutine.
	Notify(serviceMethod string, args any) error
}
