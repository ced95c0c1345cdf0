package rpcutil

import (
	"net"
	"time"
)

// Hooks are functions that a Server calls; nil ones are left out. They are
// called on the goroutines that serve, from several at once, and what they take
// is time that a call takes: they should be short. A panic in a hook is one of
// the program, which ends.
type Hooks struct {
	// ConnOpened is called before a connection is served.
	ConnOpened func(ConnInfo)
	// ConnClosed is called when it has ended. The error is nil when the peer ended
	// it, IdleTimeout, Shutdown or Close, and otherwise says why it ended. Where it
	// was cut, calls may still run and finish afterwards.
	ConnClosed func(ConnInfo, error)
	// CallStarted is called when a call has been read and has a place among those
	// that run, before it is decoded.
	CallStarted func(CallInfo)
	// CallFinished is called when its answer has been made.
	CallFinished func(CallInfo)
}

// ConnInfo describes a connection.
type ConnInfo struct {
	// RemoteAddr and LocalAddr are nil where the connection is no net.Conn.
	RemoteAddr, LocalAddr net.Addr
}

// CallInfo describes a call.
type CallInfo struct {
	// RemoteAddr is the caller's address, nil where the connection is no net.Conn.
	RemoteAddr net.Addr
	// Method is the name on the wire.
	Method string
	// Notification reports that nobody waits for an answer.
	Notification bool
	// RequestSize and AnswerSize are the lengths of the messages in bytes.
	// AnswerSize is 0 before there is an answer, and where there is none; both are
	// for clients of gob and JSON.
	RequestSize, AnswerSize int
	// Duration is how long the call took: decoding, waiting where too many calls
	// run, the method itself and encoding. 0 before it has finished.
	Duration time.Duration
	// Err is what the caller is told, as far as this side knows: a *codec.Error,
	// nil for a success. An error with an empty text is a success to net/rpc.
	Err error
}

func (h *Hooks) connOpened(info ConnInfo) {
	if h.ConnOpened != nil {
		h.ConnOpened(info)
	}
}

func (h *Hooks) connClosed(info ConnInfo, err error) {
	if h.ConnClosed != nil {
		h.ConnClosed(info, err)
	}
}

// wanted reports whether anybody wants to know of calls.
func (h *Hooks) wanted() bool { return h.CallStarted != nil || h.CallFinished != nil }

func (h *Hooks) callStarted(info CallInfo) {
	if h.CallStarted != nil {
		h.CallStarted(info)
	}
}

func (h *Hooks) callFinished(info CallInfo) {
	if h.CallFinished != nil {
		h.CallFinished(info)
	}
}
