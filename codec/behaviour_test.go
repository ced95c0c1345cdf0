package codec_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// What a server of ours answers to the oddities that were tried on Python's
// mprpc 0.1.17. Text between single quotes stands for itself.
var serverBehaviour = []struct {
	row    string // in the record of what mprpc does
	name   string
	send   string
	answer string // the messages that come back
	ends   string // why the connection ends; empty: it goes on
}{
	{"1", "two requests in one segment", "94 00 01 a3'sum' 92 01 02  94 00 02 a3'sum' 92 03 04", "94 01 01 c0 03  94 01 02 c0 07", ""},
	{"2", "four requests in one segment", "94 00 01 a3'sum' 92 01 00  94 00 02 a3'sum' 92 02 00  94 00 03 a3'sum' 92 03 00  94 00 04 a3'sum' 92 04 00",
		"94 01 01 c0 01  94 01 02 c0 02  94 01 03 c0 03  94 01 04 c0 04", ""},
	{"3", "one request", "94 00 01 a3'sum' 92 01 02", "94 01 01 c0 03", ""},

	{"7", "text claims 100 MiB", "94 00 01 a3'sum' 91 db 06400000", errorReply("01", "message exceeds MaxMessage (16777216)"), "exceeds MaxMessage"},
	{"7", "bytes claim 100 MiB", "94 00 01 a3'sum' 91 c6 06400000", errorReply("01", "message exceeds MaxMessage (16777216)"), "exceeds MaxMessage"},
	{"7", "ext claims 100 MiB", "94 00 01 a3'sum' 91 c9 06400000", errorReply("01", "message exceeds MaxMessage (16777216)"), "exceeds MaxMessage"},
	{"8", "list claims 100 Mi", "94 00 01 a3'sum' 91 dd 06400000", errorReply("01", "message exceeds MaxMessage (16777216)"), "exceeds MaxMessage"},
	{"8", "map claims 100 Mi", "94 00 01 a3'sum' 91 df 06400000", errorReply("01", "message exceeds MaxMessage (16777216)"), "exceeds MaxMessage"},
	{"8", "list claims 2,000,000", "94 00 01 a3'sum' 91 dd 001e8480", errorReply("01", "message exceeds MaxElements (1000000)"), "exceeds MaxElements"},
	{"8", "map claims 600,000", "94 00 01 a3'sum' 91 df 000927c0", errorReply("01", "message exceeds MaxElements (1000000)"), "exceeds MaxElements"},
	{"8", "message claims 2^32 elements", "dd ffffffff", "", "exceeds MaxMessage"},
	{"9", "nested lists claim 131,072 each", "94 00 01 a3'sum' 91" + strings.Repeat("dd 00020000", 8), errorReply("01", "message exceeds MaxElements (1000000)"), "exceeds MaxElements"},

	{"10", "method unknown", "94 00 01 a4'nope' 90", errorReply("01", "method not found: nope"), ""},
	{"10", "method known to the table alone", "94 00 01 a4'lost' 90", errorReply("01", "method not found: lost"), ""},
	{"10", "method empty", "94 00 01 a0 90", errorReply("01", `method not found: ""`), ""},
	{"10", "method _hidden", "94 00 01 a7'_hidden' 90", errorReply("01", "method not found: _hidden"), ""},
	{"10", "method __class__", "94 00 01 a9'__class__' 90", errorReply("01", "method not found: __class__"), ""},
	{"10", "method sum.__call__", "94 00 01 ac'sum.__call__' 90", errorReply("01", "method not found: sum.__call__"), ""},
	{"11", "method client_host", "94 00 01 ab'client_host' 90", errorReply("01", "method not found: client_host"), ""},
	{"12", "method not ASCII", "94 00 01 a5'café' 92 01 02", "94 01 01 c0 03", ""},

	{"13", "notification", "93 02 a3'sum' 92 01 02", "", ""},
	{"13", "notification with a request behind", "93 02 a3'sum' 92 01 02  94 00 01 a3'sum' 92 03 04", "94 01 01 c0 07", ""},
	{"14", "response", "94 01 01 c0 03", "", ""},
	{"14", "type 3", "94 03 01 a3'sum' 92 01 02", "", "message type is not 0, 1 or 2"},
	{"14", "type -1", "94 ff 01 a3'sum' 92 01 02", "", "message type is not 0, 1 or 2"},
	{"14", "type nil", "94 c0 01 a3'sum' 92 01 02", "", "message type is not 0, 1 or 2"},
	{"14", "length 0", "90", "", "message is an empty array"},
	{"14", "length 1", "91 00", "", "message ends before its id"},
	{"14", "length 2", "92 00 01", errorReply("01", "message has 2 elements, want 4"), ""},
	{"14", "length 3", "93 00 01 a3'sum'", errorReply("01", "message has 3 elements, want 4"), ""},
	{"14", "length 5", "95 00 01 a3'sum' 92 01 02 c0", errorReply("01", "message has 5 elements, want 4"), ""},
	{"14", "notification of length 2", "92 02 a3'sum'", "", ""},
	{"14", "notification of length 4", "94 02 a3'sum' 92 01 02 c0", "", ""},
	{"15", "type false", "94 c2 01 a3'sum' 92 01 02", "", "message type is not 0, 1 or 2"},
	{"15", "type 0.0", "94 cb 0000000000000000 01 a3'sum' 92 01 02", "", "message type is not 0, 1 or 2"},
	{"15", "message in array16", "dc 0004 00 01 a3'sum' 92 01 02", "94 01 01 c0 03", ""},
	{"15", "message in array32", "dd 00000004 00 01 a3'sum' 92 01 02", "94 01 01 c0 03", ""},
	{"15", "type and parameters wider than need be", "94 d3 0000000000000000 01 a3'sum' 92 d3 0000000000000001 cd 0002", "94 01 01 c0 03", ""},
	{"15", "method in str8", "94 00 01 d9 03'sum' 92 01 02", "94 01 01 c0 03", ""},
	{"15", "method in str16", "94 00 01 da 0003'sum' 92 01 02", "94 01 01 c0 03", ""},
	{"15", "method in str32 asks for pipelining", "94 00 01 db 00000003'sum' 92 01 02", "94 01 c0 c0 c0  94 01 01 c0 03", ""},
	{"15", "params in array16", "94 00 01 a3'sum' dc 0002 01 02", "94 01 01 c0 03", ""},
	{"15", "params in array32", "94 00 01 a3'sum' dd 00000002 01 02", "94 01 01 c0 03", ""},

	{"16", "top level integer", "05", "", "message is an integer, not an array"},
	{"16", "top level nil", "c0", "", "message is nil, not an array"},
	{"16", "top level text", "a3'sum'", "", "message is text, not an array"},
	{"16", "top level map", "81 01 02", "", "message is a map, not an array"},
	{"16", "top level bytes", "c4 01 00", "", "message is bytes, not an array"},
	{"16", "top level float", "cb 3ff0000000000000", "", "message is a float, not an array"},
	{"16", "top level ext", "d4 01 02", "", "message is an extension, not an array"},
	{"16", "HTTP", "'GET / HTTP/1.1' 0d0a0d0a", "", "message is an integer, not an array"},
	{"17", "byte c1", "c1", "", "byte 0xc1 is not MessagePack"},
	{"17", "byte c1 in a request", "94 00 01 c1", "", "byte 0xc1 is not MessagePack"},
	{"17", "byte c1 behind a request", "94 00 01 a3'sum' 92 01 02 c1", "94 01 01 c0 03", "byte 0xc1 is not MessagePack"},

	{"18", "id 0", "94 00 00 a3'sum' 92 01 02", "94 01 00 c0 03", ""},
	{"18", "id -1", "94 00 ff a3'sum' 92 01 02", "94 01 ff c0 03", ""},
	{"18", "id -2^31", "94 00 d2 80000000 a3'sum' 92 01 02", "94 01 d2 80000000 c0 03", ""},
	{"18", "id 2^31-1", "94 00 ce 7fffffff a3'sum' 92 01 02", "94 01 ce 7fffffff c0 03", ""},
	{"18", "id twice", "94 00 01 a3'sum' 92 01 02  94 00 01 a3'sum' 92 03 04", "94 01 01 c0 03  94 01 01 c0 07", ""},
	{"18", "id wider than need be", "94 00 d3 0000000000000001 a3'sum' 92 01 02", "94 01 d3 0000000000000001 c0 03", ""},
	{"18", "id in uint8", "94 00 cc 01 a3'sum' 92 01 02", "94 01 cc 01 c0 03", ""},
	{"18", "id in int16", "94 00 d1 0001 a3'sum' 92 01 02", "94 01 d1 0001 c0 03", ""},
	{"19", "id 2^31", "94 00 ce 80000000 a3'sum' 92 01 02", "94 01 ce 80000000 c0 03", ""},
	{"19", "id 2^32", "94 00 cf 0000000100000000 a3'sum' 92 01 02", "94 01 cf 0000000100000000 c0 03", ""},
	{"19", "id 2^64-1", "94 00 cf ffffffffffffffff a3'sum' 92 01 02", "94 01 cf ffffffffffffffff c0 03", ""},
	{"19", "id -2^31-1", "94 00 d3 ffffffff7fffffff a3'sum' 92 01 02", "94 01 d3 ffffffff7fffffff c0 03", ""},
	{"20", "id nil", "94 00 c0 a3'sum' 92 01 02", "", "request id is nil, not an integer"},
	{"20", "id text", "94 00 a1'1' a3'sum' 92 01 02", "", "request id is text, not an integer"},
	{"20", "id bytes", "94 00 c4 01 31 a3'sum' 92 01 02", "", "request id is bytes, not an integer"},
	{"20", "id list", "94 00 90 a3'sum' 92 01 02", "", "request id is a list, not an integer"},
	{"21", "id 1.0", "94 00 cb 3ff0000000000000 a3'sum' 92 01 02", "", "request id is a float, not an integer"},
	{"21", "id true", "94 00 c3 a3'sum' 92 01 02", "", "request id is a bool, not an integer"},

	{"22", "method bytes", "94 00 01 c4 03'sum' 92 01 02", "94 01 01 c0 03", ""},
	{"22", "method integer", "94 00 01 05 92 01 02", errorReply("01", "method is an integer, not text"), ""},
	{"22", "method nil", "94 00 01 c0 92 01 02", errorReply("01", "method is nil, not text"), ""},
	{"22", "method bool", "94 00 01 c3 92 01 02", errorReply("01", "method is a bool, not text"), ""},
	{"22", "method list", "94 00 01 91 a3'sum' 92 01 02", errorReply("01", "method is a list, not text"), ""},
	{"22", "method map", "94 00 01 80 92 01 02", errorReply("01", "method is a map, not text"), ""},
	{"23", "params nil", "94 00 01 a3'sum' c0", errorReply("01", "sum: want 2 parameters (x, y), got 0"), ""},
	{"23", "params nil where none are wanted", "94 00 01 a4'none' c0", "94 01 01 c0 c0", ""},
	{"23", "params integer", "94 00 01 a3'sum' 05", errorReply("01", "sum: params is an integer, not a list"), ""},
	{"23", "params float", "94 00 01 a3'sum' cb 3ff0000000000000", errorReply("01", "sum: params is a float, not a list"), ""},
	{"23", "params bool", "94 00 01 a3'sum' c3", errorReply("01", "sum: params is a bool, not a list"), ""},
	{"24", "params text", "94 00 01 a3'sum' a2'ab'", errorReply("01", "sum: params is text, not a list"), ""},
	{"24", "params bytes", "94 00 01 a3'sum' c4 02 0102", errorReply("01", "sum: params is bytes, not a list"), ""},
	{"24", "params map", "94 00 01 a3'sum' 82 a1'x' 01 a1'y' 02", errorReply("01", "sum: params is a map, not a list"), ""},
	{"24", "params ext", "94 00 01 a3'sum' d4 01 02", errorReply("01", "sum: params is an extension, not a list"), ""},
	{"24", "params empty text", "94 00 01 a3'sum' a0", errorReply("01", "sum: params is text, not a list"), ""},
	{"24", "params empty map", "94 00 01 a3'sum' 80", errorReply("01", "sum: params is a map, not a list"), ""},
	{"24", "params list of a map are keywords", "94 00 01 a3'sum' 91 82 a1'x' 01 a1'y' 02", "94 01 01 c0 03", ""},
	{"25", "one parameter too few", "94 00 01 a3'sum' 91 01", errorReply("01", "sum: want 2 parameters (x, y), got 1"), ""},
	{"25", "one parameter too many", "94 00 01 a3'sum' 93 01 02 03", errorReply("01", "sum: want 2 parameters (x, y), got 3"), ""},

	{"26", "method is not UTF-8", "94 00 01 a2 ff41 90", errorReply("01", `method not found: "\xffA"`), ""},
	{"26", "argument is not UTF-8", "94 00 01 a4'echo' 91 a1 ff", "94 01 01 c0 c4 01 ff", ""},
	{"26", "argument is a surrogate", "94 00 01 a4'echo' 91 a3 eda080", "94 01 01 c0 c4 03 eda080", ""},
	{"27", "argument timestamp", "94 00 01 a4'echo' 91 d6 ff 00000001", "94 01 01 c0 b4'1970-01-01T00:00:01Z'", ""},
	{"27", "argument ext 5", "94 00 01 a4'echo' 91 d4 05 01", "94 01 01 c0 d4 05 01", ""},
	{"27", "argument ext -2", "94 00 01 a4'echo' 91 c7 03 fe 010203", "94 01 01 c0 c7 03 fe 010203", ""},
	{"28", "map key list", "94 00 01 a4'echo' 91 81 91 01 02", errorReply("01", "echo: parameter 1: a list cannot be a map key in Go"), ""},
	{"28", "map key map", "94 00 01 a4'echo' 91 81 80 02", errorReply("01", "echo: parameter 1: a map cannot be a map key in Go"), ""},
	{"28", "map key twice", "94 00 01 a4'echo' 91 82 01 02 01 03", "94 01 01 c0 81 01 03", ""},
	{"28", "argument float32", "94 00 01 a4'echo' 91 ca 3fc00000", "94 01 01 c0 cb 3ff8000000000000", ""},
	{"29", "nested 126 deep and two for the message", "94 00 01 a4'echo' 91" + strings.Repeat("91", 125) + "90", "94 01 01 c0" + strings.Repeat("91", 125) + "90", ""},
	{"29", "nested 127 deep and two for the message", "94 00 01 a4'echo' 91" + strings.Repeat("91", 126) + "90", errorReply("01", "message exceeds MaxDepth (128)"), "exceeds MaxDepth"},
}

func TestServerBehaviour(t *testing.T) {
	for _, test := range serverBehaviour {
		t.Run(test.row+" "+test.name, func(t *testing.T) {
			t.Run("at once", func(t *testing.T) {
				s := serveTCP(t, codec.Options{})
				s.Send(test.send)
				s.expectAll(t, test.answer)
				s.behaves(t, test.ends)
			})
			t.Run("byte by byte", func(t *testing.T) {
				s := servePipe(t, codec.Options{})
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					for _, c := range codectest.Bytes(test.send) {
						s.Conn.Write([]byte{c}) // the server may have closed
					}
				}()
				s.expectAll(t, test.answer)
				<-sent // or what follows would come among it
				s.behaves(t, test.ends)
			})
		})
	}
}

// behaves checks what follows the answers.
func (s *served) behaves(t *testing.T, ends string) {
	t.Helper()
	if ends == "" {
		s.goesOn(t)
		s.hangUp(t)
		return
	}
	s.ExpectEnd()
	s.hangUp(t) // a server that has refused something lingers until then
	s.log.expect(t, `msg="mprpc: server connection ended"`, ends)
}

// splitMessages cuts bytes into messages.
func splitMessages(b []byte) (all [][]byte) {
	limits := wire.Limits{Message: 1 << 30, Depth: 1 << 20, Elements: 1 << 30, Decoded: 1 << 30}
	for len(b) > 0 {
		scan := wire.Scanner{Limits: limits}
		n, err := scan.Scan(b)
		if n == 0 || err != nil {
			panic("not whole messages")
		}
		all, b = append(all, b[:n]), b[n:]
	}
	return all
}

// Row 4.
func TestServerAnswersAfterAHalfClose(t *testing.T) {
	s := serveTCP(t, codec.Options{})
	s.Send("94 00 01 a3'sum' 92 01 02")
	s.Conn.(interface{ CloseWrite() error }).CloseWrite()
	s.Expect("94 01 01 c0 03")
	s.ExpectEnd()
	s.wait(t)
	s.log.expectEmpty(t)
}

// Rows 5 and 6: neither the size of a segment nor mprpc's limits are ours.
func TestServerTakesLargeRequests(t *testing.T) {
	for name, request := range map[string]string{
		"three strings of 2^20":   "94 00 01 a5'count' 93" + strings.Repeat("db 00100000'"+strings.Repeat("x", 1<<20)+"'", 3),
		"text of 2^20+1":          "94 00 01 a5'count' 93 01 02 db 00100001'" + strings.Repeat("x", 1<<20+1) + "'",
		"200,000 in a list":       "94 00 01 a5'count' 93 01 02 dd 00030d40" + strings.Repeat("05", 200_000),
		"5 MiB of small strings":  "94 00 01 a5'count' 93 01 02 dd 00050000" + strings.Repeat("af'0123456789abcde'", 0x50000),
		"100,000 keys in one map": "94 00 01 a5'count' 93 01 02 df 00000002 01 dd 000186a0" + strings.Repeat("05", 100_000) + "02 c0",
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTCP(t, codec.Options{})
			s.Send(request)
			s.Expect("94 01 01 c0 03")
			s.goesOn(t)
		})
	}
}

// Row 14: a response belongs to no one here.
func TestServerCountsResponses(t *testing.T) {
	s := serveTCP(t, codec.Options{})
	s.Send("94 01 01 c0 03  94 01 c0 c0 c0  93 01 02 c0")
	s.goesOn(t)
	s.hangUp(t)
	s.log.expect(t, "ignored_responses=3")
}

// Row 36: mprpc answers in order; here nobody waits for another's handler.
func TestServerAnswersWhileAnotherHandlerRuns(t *testing.T) {
	seer := newSeer()
	s := serveService(t, codec.Options{}, seer, seerNames)
	s.Send("94 00 01 a1'w' 90")
	s.Send("94 00 02 a1'p' 90  94 00 03 a1'p' 90")
	s.expectAll(t, "94 01 02 c0 c0  94 01 03 c0 c0")
	close(seer.release)
	s.Expect("94 01 01 c0 c0")
}

// A message cut short by the end of the connection is worth a line in the log.
func TestServerLogsAnUnfinishedMessage(t *testing.T) {
	s := serveTCP(t, codec.Options{})
	s.Send("94 00 01 a3'su'")
	s.hangUp(t)
	s.log.expect(t, io.ErrUnexpectedEOF.Error())
}

// A peer that begins a message has to finish it.
func TestServerEndsAPeerThatStopsWithinAMessage(t *testing.T) {
	s := serveTCP(t, codec.Options{ReadTimeout: 50 * time.Millisecond})
	s.goesOn(t)
	s.Send("94 00 01 a3'su'")
	s.ExpectEnd()
	s.wait(t)
	s.log.expect(t, "message was not complete within ReadTimeout")
}
