package rpcutil

import (
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"

	"github.com/go-mprpc/mprpc/codec"
)

// A link is a connection in one of the protocols that a Server speaks. ready and
// next are for who has the reading; the rest may be called from any goroutine.
type link interface {
	ready() bool                                            // next does not wait for input
	next(*serverCall) error                                 // the next request; io.EOF when there is none any more
	method(*serverCall) string                              // the name on the wire
	header(*serverCall, *rpc.Request) error                 // what ReadRequestHeader returns
	body(*serverCall, any) error                            // what ReadRequestBody returns
	respond(call *serverCall, r *rpc.Response, v any) error // makes and sends an answer
	stopReading() bool                                      // next ends when what has been read is used up
	close()                                                 // behind the answers
	abort(reason error)                                     // at once
}

// connect makes a link of a connection.
func (s *Server) connect(conn io.ReadWriteCloser) (link, error) {
	if err := s.handshake(conn); err != nil {
		return nil, fmt.Errorf("rpcutil: TLS handshake: %w", err)
	}
	if !s.Gob && !s.JSON {
		return messagePack{s.Codec.NewServerConn(conn)}, nil
	}
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		return nil, err
	}
	again := newReread(conn, first)
	switch c := first[0]; {
	case s.JSON && c == '{':
		return newStandard(s, again, jsonrpc.NewServerCodec), nil
	case s.Gob && (c < 0x80 || c >= 0xf8) && c != '{':
		return newStandard(s, again, newGobCodec), nil
	}
	return messagePack{s.Codec.NewServerConn(again)}, nil
}

// messagePack is the link of MessagePack-RPC.
type messagePack struct{ conn *codec.ServerConn }

func (l messagePack) ready() bool                    { return l.conn.Ready() }
func (l messagePack) next(call *serverCall) error    { return l.conn.Next(&call.ServerCall) }
func (l messagePack) method(call *serverCall) string { return call.Method() }
func (l messagePack) stopReading() bool              { return l.conn.StopReading() }
func (l messagePack) close()                         { l.conn.Close() }
func (l messagePack) abort(reason error)             { l.conn.Abort(reason) }

func (l messagePack) header(call *serverCall, r *rpc.Request) error {
	return call.ServerCall.ReadRequestHeader(r)
}

func (l messagePack) body(call *serverCall, body any) error {
	return call.ServerCall.ReadRequestBody(body)
}

func (l messagePack) respond(call *serverCall, r *rpc.Response, body any) error {
	if call.buf == nil {
		call.buf = answers.Get().(*[]byte)
	}
	*call.buf = call.AppendResponse((*call.buf)[:0], r, body)
	return call.conn.answer(call, l.conn, *call.buf)
}
