package codec

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// An Error is an error that a peer reports. MessagePack-RPC leaves open what an
// error is; texts, numbers, [code, message] pairs and maps are in use, and all
// of them are read into this type. It is found with errors.As in Exchange.Err;
// a plain rpc.Client has its text only.
//
// On a server, a method whose reply is an *any that holds an *Error answers
// with it as the error; Options.Errors decides its form on the wire.
type Error struct {
	// Code is the number in a [code, message] pair, under "code" in a map, or
	// the error itself where it is a number; 0 where there is none.
	Code int64
	// Message is the text; valid UTF-8.
	Message string
	// Data is what a map holds under "data", or the third element of a list.
	Data any
	// Raw is the whole error as it was received, in MessagePack.
	Raw []byte
}

// Error returns the message, or a text that says there is none.
func (e *Error) Error() string {
	switch {
	case e.Message != "":
		return e.Message
	case e.Code != 0:
		return fmt.Sprintf("error %d", e.Code)
	}
	return "peer reported an error without text"
}

// ErrNotSent is wrapped by the error of a call whose request never left, so
// that it may safely be made again.
var ErrNotSent = errors.New("codec: request was not sent")

// readError makes an Error of a response's error field. Nothing about it can
// fail: an error that cannot be read is an error all the same.
func readError(values *value.Values, raw []byte) *Error {
	e := &Error{Raw: append([]byte(nil), raw...)}
	var v any
	if err := values.DecodeResult(raw, &v); err != nil {
		e.Message = "peer reported an error that cannot be read: " + err.Error()
		return e
	}
	switch v := v.(type) {
	case string:
		e.Message = v
	case []byte:
		e.Message = string(v)
	case bool:
		if v {
			e.Message = "true"
		}
	case int64:
		e.Code = v
	case float64:
		if v != 0 {
			e.Message = fmt.Sprint(v)
		}
	case []any:
		e.fromList(v)
	case map[string]any:
		e.fromMap(v)
	default:
		e.Message = show(v)
	}
	e.Message = strings.ToValidUTF8(e.Message, "\uFFFD")
	return e
}

// fromList reads [code, message] and [code, message, data], and shows any other
// list as it is.
func (e *Error) fromList(list []any) {
	if len(list) == 2 || len(list) == 3 {
		code, isCode := list[0].(int64)
		message, isText := text(list[1])
		if isCode && isText {
			e.Code, e.Message = code, message
			if len(list) == 3 {
				e.Data = list[2]
			}
			return
		}
	}
	if len(list) > 0 {
		e.Message = show(list)
	}
}

// fromMap reads the keys code, message and data, and shows a map without a
// message as it is.
func (e *Error) fromMap(m map[string]any) {
	e.Code, _ = m["code"].(int64)
	e.Data = m["data"]
	message, ok := text(m["message"])
	if !ok && len(m) > 0 {
		message = show(m)
	}
	e.Message = message
}

// show makes a text of an error that has none. Raw has all of it.
func show(v any) string { return wire.BoundText(fmt.Sprint(v), maxErrorText) }

func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// wireForm returns the value that stands for an error in a response. It is
// never one that mprpc takes for success, such as an empty text.
func (e *Error) wireForm(form ErrorForm) any {
	message := strings.ToValidUTF8(e.Error(), "\uFFFD")
	switch form {
	case ErrorPair:
		return []any{e.Code, message}
	case ErrorMap:
		m := map[string]any{"code": e.Code, "message": message}
		if e.Data != nil {
			m["data"] = e.Data
		}
		return m
	}
	return message
}

// appendError appends the response that reports e. It always succeeds: what
// cannot be sent of the error is left out, its text last.
func (s *settings) appendError(b, id []byte, e *Error) []byte {
	short := &Error{Code: e.Code, Message: e.Error()}
	ascii := &Error{Code: e.Code, Message: asciiOnly(short.Message)}
	for _, e := range []*Error{e, short, ascii, {Code: e.Code, Message: "internal error"}} {
		if msg, err := s.values.AppendError(b, id, e.wireForm(s.Errors)); err == nil {
			return msg
		}
	}
	// Not even that text passes the limits or EncodeText; the shortest error
	// that no peer takes for success is true.
	return append(append(append(b, 0x94, wire.Response), id...), 0xc3, 0xc0)
}

// asciiOnly is for peers whose encoding lacks a character of an error's text.
func asciiOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, s)
}

// hangUp reports whether a read or write error says that the peer has gone.
func hangUp(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		return true
	}
	for _, reset := range resets {
		if errors.Is(err, reset) {
			return true
		}
	}
	return false
}

// A hangUpError is what a call gets whose peer has gone without answering it.
type hangUpError struct {
	method string
	cause  error
}

func (e *hangUpError) Error() string {
	name := wire.QuoteName(e.method)
	if !strings.HasPrefix(name, `"`) {
		name = `"` + name + `"`
	}
	text := "codec: connection closed by peer before answering " + name +
		" (mprpc does this for an unknown method or a value that it cannot read)"
	if e.cause != io.EOF {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap makes every hang-up an io.ErrUnexpectedEOF, whatever the system calls it.
func (e *hangUpError) Unwrap() []error { return []error{io.ErrUnexpectedEOF, e.cause} }

var (
	errNotificationFlood = fmt.Errorf("more than %d notifications, or more bytes of them than MaxMessage, wait for OnNotify", maxNotifications)
	errNotReading        = errors.New("peer sends requests and does not read the answers")
	errGrace             = errors.New("no reply within LockStepGrace to a call that was given up")
	errFlush             = errors.New("peer did not read what was sent before Close")
)

// publicText is what a peer may know of an error on this side.
func publicText(err error) string {
	var p *value.PanicError
	if errors.As(err, &p) {
		return "internal error"
	}
	return err.Error()
}

// timedOut reports whether an error is a deadline of ours.
func timedOut(err error) bool {
	if err == nil { // before n, which is an allocation
		return false
	}
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
