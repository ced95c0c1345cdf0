package codec

import (
	"fmt"
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// WriteResponse answers a request, whose body has been read, once. Its error is for
// callers other than net/rpc, which drops it; a failed write has closed the connection.
func (s *server) WriteResponse(r *rpc.Response, body any) error {
	call, alone := s.call(r.Seq)
	if call == nil {
		return fmt.Errorf("codec: response %d answers no request", r.Seq)
	}
	buf := buffers.Get().(*[]byte)
	defer func() { buffers.put(buf) }()
	msg, _ := s.appendResponse((*buf)[:0], call, r.Error, body)
	*buf = msg
	var err error
	switch n := len(msg); {
	case n > maxDirect:
		var accepted bool
		if accepted, err = s.w.sendLong(buf, alone, nil); accepted {
			buf = nil // the writer's
		}
	case n > 0:
		_, err = s.w.send(msg, alone, nil)
	}
	if s.answered(call, r.Seq) {
		s.Close()
	}
	return err
}

// appendResponse appends the response to a call, which net/rpc answers with an
// error's text or a result, or nothing for a notification, whose problem is
// logged. The problem is what the peer is told, nil where the call succeeded.
func (s *inbound) appendResponse(b []byte, call *served, text string, body any) (_ []byte, problem *Error) {
	problem = failure(call, text, body)
	if call.notification {
		if problem != nil {
			s.log.warn("notification failed", "method", wire.QuoteName(call.method), "error", wire.QuoteName(problem.Error()))
		}
		return b, problem
	}
	if problem == nil {
		out, err := s.set.values.AppendResult(b, call.id, body)
		if err == nil {
			return out, nil
		}
		problem = &Error{Message: s.callError(call, fmt.Errorf("result cannot be sent: %w", err)).Error()}
		if problem.Message != wire.QuoteName(call.method)+": internal error" { // a panic has its own record
			s.log.warn("result cannot be sent", "method", wire.QuoteName(call.method), "error", problem.Message)
		}
	}
	return s.set.appendError(b, call.id, problem), problem
}

// failure returns the error to answer with, or nil for a result.
func failure(call *served, text string, body any) *Error {
	switch {
	case call.failure != "":
		return &Error{Message: call.failure}
	case text != "":
		return &Error{Message: text}
	}
	if p, ok := body.(*any); ok && p != nil {
		if e, ok := (*p).(*Error); ok && e != nil {
			return e
		}
	}
	return nil
}

// call returns a pending call and reports whether it is the only one.
func (s *server) call(seq uint64) (call *served, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.get(seq), s.pending.len() == 1
}

// answered takes a call off the pending ones, which makes room for another, and keeps
// its memory for one. It reports whether it was the last that the end of the connection
// waited for.
func (s *server) answered(call *served, seq uint64) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.get(seq) != call { // answered twice, which net/rpc does not do
		return false
	}
	s.pending.remove(seq)
	if len(s.spare) < maxSpare {
		*call = served{} // no longer holds on to what it was about
		s.spare = append(s.spare, call)
	}
	s.change.Broadcast()
	return s.closing && s.pending.len() == 0
}
