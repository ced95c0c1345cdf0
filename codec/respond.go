package codec

import (
	"fmt"
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// WriteResponse answers a request. Its error is for callers other than net/rpc,
// which drops it; a failed write has closed the connection.
func (s *server) WriteResponse(r *rpc.Response, body any) error {
	call, alone := s.call(r.Seq)
	if call == nil {
		return fmt.Errorf("codec: response %d answers no request", r.Seq)
	}
	err := s.answer(call, r, body, alone)
	if s.answered(call) {
		s.Close()
	}
	return err
}

// answer sends a response, or logs what became of a notification.
func (s *server) answer(call *served, r *rpc.Response, body any, alone bool) error {
	problem := failure(call, r.Error, body)
	if call.notification {
		if problem != nil {
			s.log.warn("notification failed", "method", wire.QuoteName(call.method), "error", wire.QuoteName(problem.Error()))
		}
		return nil
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.put(buf)
	msg := (*buf)[:0]
	if problem == nil {
		var err error
		if msg, err = s.set.values.AppendResult(msg, call.id, body); err != nil {
			problem = &Error{Message: s.callError(call, fmt.Errorf("result cannot be sent: %w", err)).Error()}
		}
	}
	if problem != nil {
		msg = s.set.appendError(msg[:0], call.id, problem)
	}
	*buf = msg
	_, err := s.w.send(msg, alone, nil)
	return err
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
	return s.pending[seq], len(s.pending) == 1
}

// answered takes a call off the pending ones, which makes room for another. It
// reports whether it was the last that the end of the connection waited for.
func (s *server) answered(call *served) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, call.seq)
	s.change.Broadcast()
	return s.closing && len(s.pending) == 0
}
