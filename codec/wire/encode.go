package wire

import (
	"fmt"
	"runtime/debug"
)

// Values encodes and decodes what messages carry, under one set of limits and
// in one format. It holds no state; any number of goroutines may use it.
type Values struct {
	Limits Limits
	Format Format
}

// A PanicError reports a panic in a method that a Go type brings along for
// encoding or decoding itself. The peer is told no more than "internal error".
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// guard turns a panic into a *PanicError; it is deferred.
func guard(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{v, debug.Stack()}
	}
}

// AppendRequest appends a request to b. With asks its method is written in the
// widest string form; see Message.Asks. Errors leave nothing behind: b is
// returned as it was.
func (vs *Values) AppendRequest(b []byte, id uint32, method string, args any, asks bool) ([]byte, error) {
	if !asks {
		if out, ok := vs.appendPlainRequest(b, id, method, args); ok {
			return out, nil
		}
	}
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = appendUint(append(e.b, 0x94, Request), uint64(id))
		if !asks {
			e.method(method)
		} else if err := e.asking(method); err != nil {
			return err
		}
		return e.params(args)
	})
}

// AppendNotification appends a notification to b.
func (vs *Values) AppendNotification(b []byte, method string, args any) ([]byte, error) {
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = append(e.b, 0x93, Notification)
		e.method(method)
		return e.params(args)
	})
}

// AppendResult appends the response that carries a result. id holds the bytes
// of the request's own id.
func (vs *Values) AppendResult(b, id []byte, result any) ([]byte, error) {
	if out, ok := vs.appendPlainResult(b, id, result); ok {
		return out, nil
	}
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = append(append(append(e.b, 0x94, Response), id...), codeNil)
		return e.result(result)
	})
}

// AppendError appends the response that carries an error.
func (vs *Values) AppendError(b, id []byte, value any) ([]byte, error) {
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = append(append(e.b, 0x94, Response), id...)
		if err := e.result(value); err != nil {
			return err
		}
		e.b = append(e.b, codeNil)
		return nil
	})
}

// appendMessage runs build behind b, checks what it built against the limits
// that hold for received messages too, and lays the format over it.
func (vs *Values) appendMessage(b []byte, build func(*encoder) error) ([]byte, error) {
	out, err := vs.built(b, build)
	if err == nil && len(out)-len(b) > vs.Limits.Message {
		err = vs.Limits.messageError()
	}
	if err != nil {
		return b, err
	}
	return out, nil
}

func (vs *Values) built(b []byte, build func(*encoder) error) (_ []byte, err error) {
	defer guard(&err)
	e := encoders.Get().(*encoder)
	e.vs, e.b, e.start = vs, b, len(b)
	if err = build(e); err == nil {
		err = e.check()
	}
	out, values, unsure := e.b, e.values, e.unsure
	e.recycle()
	if err != nil {
		return nil, err
	}
	if !unsure && vs.Format.writesPlain() {
		return out, nil // the pass would change and refuse nothing
	}
	return vs.Format.finish(out, values)
}
