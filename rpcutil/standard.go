package rpcutil

import (
	"bufio"
	"encoding/gob"
	"io"
	"net/rpc"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// standard is the link of a protocol of the standard library.
type standard struct {
	server  *Server
	conn    *reread
	codec   rpc.ServerCodec
	writing sync.Mutex // held while an answer is written
}

func newStandard(s *Server, conn *reread, newCodec func(io.ReadWriteCloser) rpc.ServerCodec) *standard {
	conn.writeTimeout = pick(s.Codec.WriteTimeout, 30*time.Second, 0)
	return &standard{server: s, conn: conn, codec: newCodec(conn)}
}

func (l *standard) ready() bool { return false }

func (l *standard) next(call *serverCall) error {
	call.header = rpc.Request{}
	l.conn.expect(pick(l.server.Codec.ReadTimeout, defaultReadTimeout, 0))
	err := l.codec.ReadRequestHeader(&call.header)
	if err != nil && l.conn.hasStopped() {
		return io.EOF
	}
	return err
}

func (l *standard) method(call *serverCall) string { return call.header.ServiceMethod }

func (l *standard) header(call *serverCall, r *rpc.Request) error {
	r.ServiceMethod, r.Seq = call.header.ServiceMethod, call.header.Seq
	return nil
}

func (l *standard) body(_ *serverCall, body any) error {
	l.conn.begun()
	defer l.conn.limitRead(0)
	return l.codec.ReadRequestBody(body)
}

// respond ends the connection where an answer cannot be sent: half of it may have
// left, and JSON's codec has forgotten the request.
func (l *standard) respond(call *serverCall, r *rpc.Response, body any) error {
	r.ServiceMethod, r.Seq = call.header.ServiceMethod, call.header.Seq
	if r.Error != "" {
		call.problem = &codec.Error{Message: r.Error}
	}
	err := l.write(r, body)
	if err != nil {
		l.server.logger().Warn("mprpc: answer cannot be sent, connection closed", "method", r.ServiceMethod, "error", err.Error())
	}
	return err
}

func (l *standard) write(r *rpc.Response, body any) (err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	err = errAbandoned // where the program's encoder, or Write, panics or ends the goroutine
	defer func() {
		if err != nil {
			l.conn.Close() // before another answer is written behind what is left of this one
		}
	}()
	err = l.codec.WriteResponse(r, body)
	return err
}

func (l *standard) stopReading() bool {
	return l.conn.stopReading()
}

// close gives the peer, which may be sending, time to read the answers: closing
// with unread input resets a connection.
func (l *standard) close() {
	if l.conn.hasStopped() {
		l.conn.linger()
	}
	l.conn.Close()
}

func (l *standard) abort(error) { l.conn.Close() }

// A gobCodec is the server's codec of net/rpc's own protocol, which net/rpc keeps
// to itself: the gobs of a header and a body, both ways.
type gobCodec struct {
	io.Closer
	dec *gob.Decoder
	enc *gob.Encoder
	out *bufio.Writer
}

func newGobCodec(conn io.ReadWriteCloser) rpc.ServerCodec {
	out := bufio.NewWriter(conn)
	return &gobCodec{conn, gob.NewDecoder(conn), gob.NewEncoder(out), out}
}

func (c *gobCodec) ReadRequestHeader(r *rpc.Request) error { return c.dec.Decode(r) }
func (c *gobCodec) ReadRequestBody(body any) error         { return c.dec.Decode(body) }

func (c *gobCodec) WriteResponse(r *rpc.Response, body any) error {
	if err := c.enc.Encode(r); err != nil {
		return err
	}
	if err := c.enc.Encode(body); err != nil {
		return err
	}
	return c.out.Flush()
}
