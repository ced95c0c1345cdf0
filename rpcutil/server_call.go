package rpcutil

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/rpc"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// A serverCall is the rpc.ServerCodec of one call. A goroutine that reads uses it
// again for the next.
type serverCall struct {
	codec.ServerCall             // of MessagePack-RPC
	header           rpc.Request // of gob and JSON

	conn     *serverConn
	number   uint64 // of the turn in which this goroutine has the reading
	has      bool   // the reading, as far as is known
	lost     bool   // the reading, and is counted in serverConn.calls
	running  bool   // a method, or a write, that may lose the reading
	holds    bool   // a place in Server.running, if the reading is lost
	decoded  bool   // ReadRequestBody has been called
	answered bool
	problem  error   // what a caller of gob or JSON is told
	buf      *[]byte // for the answer, from answers, or nil
}

// answers holds memory for answers. The collector takes what nobody has used for
// a while.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// Buffers of answers of up to keptAnswer stay with a connection that waits for
// input, those of up to maxAnswer are kept for others.
const (
	keptAnswer = 1 << 10
	maxAnswer  = 5 << 20
)

// letGo gives memory back that a connection that waits need not keep.
func (call *serverCall) letGo() {
	if call.buf == nil || cap(*call.buf) <= keptAnswer {
		return
	}
	if cap(*call.buf) <= maxAnswer {
		answers.Put(call.buf)
	}
	call.buf = nil
}

// started is when a call that has been read is, if anybody wants to know.
func (c *serverConn) started() (t time.Time) {
	if c.server.Hooks.wanted() {
		t = time.Now()
	}
	return t
}

// serve serves a call and reports whether this goroutine has the reading still.
func (c *serverConn) serve(call *serverCall, started time.Time) (has bool) {
	call.decoded, call.answered, call.problem = false, false, nil
	hooks, hooked := &c.server.Hooks, !started.IsZero()
	if hooked {
		hooks.callStarted(c.callInfo(call))
	}
	returned := false
	defer func() {
		if !returned {
			c.rescue(call, recover())
			has = call.has
		}
		if hooked {
			info := c.callInfo(call)
			info.AnswerSize, info.Err = call.AnswerSize(), cmp.Or(call.Err(), call.problem)
			info.Duration = time.Since(started)
			hooks.callFinished(info)
		}
	}()
	c.handler.ServeRequest(call)
	returned = true
	if !call.answered {
		call.fail("no answer")
	}
	return c.leaveMethod(call)
}

// rescue answers a call whose method has panicked with v, or, where v is nil, has
// ended its goroutine: what it knew of the reading goes on on another.
func (c *serverConn) rescue(call *serverCall, v any) {
	name := wire.QuoteName(c.link.method(call))
	if v != nil {
		c.log(slog.LevelError, "mprpc: panic in method", "method", name, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	} else if !call.answered { // a Mux has answered, and logged, for its method
		c.log(slog.LevelWarn, "mprpc: method ended its goroutine", "method", name)
	}
	if !call.answered {
		call.fail(errInternal.Error())
	}
	if c.leaveMethod(call) && v == nil {
		call.holds = c.holds
		c.handOver(call)
	}
}

func (c *serverConn) log(level slog.Level, message string, args ...any) {
	if c.info.RemoteAddr != nil {
		args = append(args, "remote", c.info.RemoteAddr.String())
	}
	logAt(c.server.logger(), level, message, args...)
}

func (c *serverConn) callInfo(call *serverCall) CallInfo {
	return CallInfo{
		RemoteAddr:   c.info.RemoteAddr,
		Method:       c.link.method(call),
		Notification: call.Notification(),
		RequestSize:  call.Size(),
	}
}

func (call *serverCall) fail(text string) {
	call.WriteResponse(&rpc.Response{Error: text}, struct{}{})
}

// ReadRequestHeader names the method.
func (call *serverCall) ReadRequestHeader(r *rpc.Request) error {
	return call.conn.link.header(call, r)
}

// ReadRequestBody decodes the parameters. What follows may last.
func (call *serverCall) ReadRequestBody(body any) error {
	err := call.conn.link.body(call, body)
	if !call.decoded {
		call.decoded = true
		call.conn.enterMethod(call)
	}
	return err
}

// WriteResponse sends the answer.
func (call *serverCall) WriteResponse(r *rpc.Response, body any) error {
	err := call.conn.link.respond(call, r, body)
	call.answered = true // not before: an encoder may end the goroutine as well
	return err
}
