package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The three messages of MessagePack-RPC, by the first element of their array.
// Their shapes are known to this file alone:
//
//	[0, msgid, method, params]   request
//	[1, msgid, error, result]    response
//	[2, method, params]          notification
//
// Source: https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md
const (
	Request      = 0
	Response     = 1
	Notification = 2
)

// How many elements the array of a message has.
const (
	RequestElements      = 4
	ResponseElements     = 4
	NotificationElements = 3
)

// AppendRequest appends what stands before the method and the parameters of a
// request.
func AppendRequest(b []byte, id uint32) []byte {
	return AppendUint(append(b, 0x90|RequestElements, Request), uint64(id))
}

// AppendNotification appends what stands before the method and the parameters of
// a notification.
func AppendNotification(b []byte) []byte {
	return append(b, 0x90|NotificationElements, Notification)
}

// AppendResponse appends what stands before the error and the result of a
// response. id holds the bytes of the request's own id.
func AppendResponse(b, id []byte) []byte {
	return append(append(b, 0x90|ResponseElements, Response), id...)
}

// AppendAsking appends the name of a method in the widest form, by which a client
// asks for pipelining; see Message.Asks.
func AppendAsking(b, method []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, codeStr32), uint32(len(method)))
	return append(b, method...)
}

// A Message is one message taken apart. Its slices are parts of the frame.
type Message struct {
	// Type is Request, Response or Notification.
	Type int
	// ID holds the id's own bytes, so that a reply can repeat them exactly. It
	// is nil for a notification, and for a response whose id is no integer.
	ID []byte
	// Num is the id's value, or -1 where it is no integer or negative or does
	// not fit.
	Num int64
	// Method is the method's name as bytes, not yet decoded.
	Method []byte
	// Asks reports that the method of a request came in the widest string form
	// although a shorter one would do: how a client of package codec asks for
	// pipelining. A notification has no answer to ask for.
	Asks bool
	// Params holds the parameters' array of a request or notification; it is
	// nil when the peer sent nil.
	Params []byte
	// Error holds the error of a response, nil for none.
	Error []byte
	// Result holds the result of a response.
	Result []byte
	// Problem says what is wrong with a message whose id (if its type has one)
	// could be read: it costs this one call, not the connection.
	Problem string
}

// Parse takes a frame, which must have passed a Scanner, apart. The error is a
// *FormatError: the frame is no request, response or notification, or it is a
// request whose id is no integer, and nobody could be answered.
func Parse(frame []byte) (m Message, err error) {
	m.Num = -1
	k, n, pos := KindArray, uint64(frame[0]&0x0f), 1
	if frame[0]&0xf0 != 0x90 {
		k, n, pos = Header(frame)
	}
	if k != KindArray {
		return m, &FormatError{fmt.Sprintf("message is %s, not an array", k.Article())}
	}
	if n == 0 {
		return m, &FormatError{"message is an empty array"}
	}
	typ, ok := int(frame[pos]), true
	if typ > Notification { // or in a wider form
		typ, ok = smallInt(frame[pos:])
	}
	if !ok || typ > Notification {
		return m, &FormatError{"message type is not 0, 1 or 2"}
	}
	m.Type = typ
	pos = Skip(frame, pos)
	fields := n - 1
	if typ != Notification {
		if fields == 0 {
			return m, &FormatError{"message ends before its id"}
		}
		end := Skip(frame, pos)
		if kinds[frame[pos]] == KindInt {
			m.ID = frame[pos:end:end]
			m.Num = idValue(frame[pos:])
		} else if typ == Request {
			return m, &FormatError{fmt.Sprintf("request id is %s, not an integer", kinds[frame[pos]].Article())}
		}
		pos = end
		fields--
	}
	if fields != 2 {
		m.Problem = fmt.Sprintf("message has %d elements, want %d", n, n-fields+2)
		return m, nil
	}
	second := Skip(frame, pos)
	a, b := frame[pos:second:second], frame[second:]
	if typ == Response {
		if a[0] != CodeNil {
			m.Error = a
		}
		m.Result = b
		return m, nil
	}
	if method, ok := TextBytes(a); ok {
		m.Method = method
		m.Asks = typ == Request && a[0] == codeStr32 && len(method) <= math.MaxUint16
	} else {
		m.Problem = fmt.Sprintf("method is %s, not text", kinds[a[0]].Article())
		return m, nil
	}
	switch kinds[b[0]] {
	case KindArray:
		m.Params = b
	case KindNil: // what a nil slice becomes in several encoders: no parameters
	default:
		m.Problem = fmt.Sprintf("params is %s, not a list", kinds[b[0]].Article())
	}
	return m, nil
}

// ParseHead reads the type and, where it has arrived, the id of a message of
// which only a part is there. ok is false when they are not all there, or are
// not of a request or response.
func ParseHead(part []byte) (m Message, ok bool) {
	m.Num = -1
	if len(part) == 0 {
		return m, false
	}
	k, n, pos := Header(part)
	if k != KindArray || n < 2 || pos == 0 || pos >= len(part) {
		return m, false
	}
	typ, ok := smallInt(part[pos:])
	if !ok || typ > Response {
		return m, false
	}
	pos += int(fixedSize[part[pos]])
	if pos >= len(part) || kinds[part[pos]] != KindInt {
		return m, false
	}
	end := pos + int(fixedSize[part[pos]])
	if end > len(part) {
		return m, false
	}
	m.Type, m.ID, m.Num = typ, part[pos:end:end], idValue(part[pos:])
	return m, true
}

// smallInt reads a non-negative integer of any width, as the message's type
// may be written; ok is false for anything else or where bytes are missing.
func smallInt(b []byte) (n int, ok bool) {
	if kinds[b[0]] != KindInt || len(b) < int(fixedSize[b[0]]) {
		return 0, false
	}
	v := idValue(b)
	return int(v), v >= 0 && v <= math.MaxInt32
}

// idValue returns the integer at the start of b, or -1 if it is negative or
// beyond int64.
func idValue(b []byte) int64 {
	u, neg := ReadInt(b)
	if neg || u > math.MaxInt64 {
		return -1
	}
	return int64(u)
}

// Hello is the answer to a client that asks for pipelining: a response to no
// request, with neither error nor result. No peer that did not ask receives
// it, and no other server sends it.
var Hello = []byte{0x90 | ResponseElements, Response, CodeNil, CodeNil, CodeNil}

// IsHello reports whether a frame is Hello.
func IsHello(frame []byte) bool { return string(frame) == string(Hello) }
