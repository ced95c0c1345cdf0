package rpcutil_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/rpc"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/codec/wire"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// Text that is not UTF-8 cannot be sent by this module, so that it is spelled by
// hand here: by a peer that calls, and by one that answers.

// callBytes makes the call 1 of do with those parameters, and returns the rest of
// the answer: the error and the result.
func callBytes(t *testing.T, conn net.Conn, params string) []byte {
	t.Helper()
	p := codectest.NewPeer(t, conn)
	p.Send("94 00 01 a2 'do'" + params)
	b, err := p.Receive()
	if !bytes.HasPrefix(b, raw("94 01 01")) {
		t.Fatalf("received % x, %v", b, err)
	}
	return b[3:]
}

// answerBytes returns the end of a connection on which each call is answered with
// that result.
func answerBytes(t *testing.T, result string) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	p, done := codectest.NewPeer(t, far), make(chan struct{})
	go func() {
		defer close(done)
		for {
			b, err := p.Receive()
			if err != nil {
				return
			}
			far.Write(append(append(raw("94 01"), b[2]), append(raw("c0"), raw(result)...)...)) // the id is small
		}
	}()
	t.Cleanup(func() { near.Close(); <-done })
	return near
}

// errorBytes is how an answer with an error continues.
func errorBytes(text string) []byte {
	return append(append(wire.AppendStrHeader(nil, len(text), false), text...), 0xc0)
}

// servers serve fn, which takes one parameter, in each way.
func servers[A any](t *testing.T, o codec.Options, fn func(A)) map[string]net.Conn {
	t.Helper()
	var mux rpcutil.Mux
	mux.Handle("do", fn)
	server := rpc.NewServer()
	if err := server.RegisterName("Values", Values[A, int]{func(a A) (int, error) { fn(a); return 0, nil }}); err != nil {
		t.Fatal(err)
	}
	named := o
	named.Names = doName{}
	return map[string]net.Conn{paramType[A](): servedValues(t, o, mux.ServeCodec), "V": servedValues(t, named, server.ServeCodec)}
}

// arrives says that the bytes become want, from a caller and in an answer, without
// the help of this module on the other side.
func arrives[T any](name, b string, want T) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		called := 0
		for param, conn := range servers(t, o, func(v T) { called++; same(t, "parameter", v, nil, want) }) {
			if got := callBytes(t, conn, "91"+b); got[0] != 0xc0 {
				t.Errorf("parameter %s: answer %q", param, got)
			}
		}
		if called != 2 {
			t.Errorf("%d of 2 methods were called", called)
		}
		o.Logger = quiet
		var got T
		c := rpcutil.NewClient(answerBytes(t, b), rpcutil.ClientOptions{Codec: o})
		defer c.Close()
		err := c.Call("do", nil, &got)
		same(t, "reply", got, err, want)
		var again T
		client := o.NewClient(answerBytes(t, b))
		defer client.Close()
		err = client.Call("do", nil, &again)
		same(t, "net/rpc: reply", again, err, want)
	}}
}

// isRefused says that the bytes do not become a T.
func isRefused[T any](name, b, path, problem string) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		for param, conn := range servers(t, o, func(v T) { t.Errorf("called with %+v", v) }) {
			got, want := callBytes(t, conn, "91"+b), errorBytes("do: parameter 1 ("+param+")"+path+": "+problem)
			if !bytes.Equal(got, want) {
				t.Errorf("answer %q\nwant %q", got, want)
			}
		}
		o.Logger = quiet
		problem = strings.TrimPrefix(path+": "+problem, ": ")
		c := rpcutil.NewClient(answerBytes(t, b), rpcutil.ClientOptions{Codec: o})
		defer c.Close()
		fails(t, "reply", c.Call("do", nil, new(T)), replyError("mux", nil)+problem)
		client := o.NewClient(answerBytes(t, b))
		defer client.Close()
		fails(t, "net/rpc: reply", client.Call("do", nil, new(T)), replyError("net/rpc", new(T))+problem)
	}}
}

type Name string

// TestTextOnArrival refuses bytes where the Go type is text. Whoever sent them on
// would fail later, far from their origin. D3
func TestTextOnArrival(t *testing.T) {
	t.Parallel()
	type Fields struct {
		S string `msgpack:"s"`
		P *string
	}
	const problem = "text is not UTF-8; the Go type must be []byte"
	runValues(t, codec.Options{}, []valueCase{
		isRefused[string]("parameter", "a1ff", "", problem),
		isRefused[string]("bytes", "c401ff", "", problem),
		isRefused[string]("cut off", "a2 61c3", "", problem),
		isRefused[string]("surrogate", "a3 eda080", "", problem),
		isRefused[string]("long", "d920"+strings.Repeat("ff", 32), "", problem),
		isRefused[Name]("named type", "a1ff", "", problem),
		isRefused[*string]("pointer", "a1ff", "", problem),
		isRefused[Fields]("field", "81 a1 's' a1ff", ".s", problem),
		isRefused[Fields]("field of a pointer", "81 a1 'P' a1ff", ".P", problem),
		isRefused[Fields]("field by place", "92 a0 a1ff", ".P", problem),
		isRefused[[]string]("list", "92 a1 'a' a1ff", "[1]", problem),
		isRefused[[2]Name]("array", "92 a1 'a' a1ff", "[1]", problem),
		isRefused[map[string]int]("key", "81 a1ff 01", "", "key "+problem),
		isRefused[map[string]int]("key of bytes", "81 c401ff 01", "", "key "+problem),
		isRefused[map[Name]int]("key of a named type", "81 a1ff 01", "", "key "+problem),
		isRefused[map[string]any]("key of a map of any", "81 a1ff 01", "", "key "+problem),
		isRefused[map[string]string]("value", "81 a1 'a' a1ff", "[a]", problem),
		isRefused[map[string][]Fields]("far within", "81 a1 'a' 92 80 81 a1 's' a1ff", "[a][1].s", problem),
		arrives("text", "a2 'ä'", "ä"),
		arrives("bytes that are text", "c402 'ä'", "ä"),
		arrives("empty", "a0", ""),
		arrives("bytes", "a1ff", []byte{0xff}),
		arrives("array of bytes", "a1ff", [1]byte{0xff}),
		arrives("any", "a1ff", any([]byte{0xff})),
		arrives("any of bytes", "c401ff", any([]byte{0xff})),
		arrives("list of any", "92 a1ff a1 'a'", []any{[]byte{0xff}, "a"}),
		arrives("value of any", "81 a1 'a' a1ff", map[string]any{"a": []byte{0xff}}),
		arrives("key in an any", "81 a1ff 01", any(map[string]any{"\xff": int64(1)})), // bytes could be no key
		arrives("key of an unknown field", "82 a1ff 01 a1 's' a1 'x'", Fields{S: "x"}),
		arrives("raw", "a1ff", msgpack.RawMessage{0xa1, 0xff}),
		arrives("a type that reads itself", "a3 't:x'", Textual{"x"}),
		arrives("a type that takes any bytes", "a4 't:' fffe", Textual{"\xff\xfe"}),
	})
}

// TestTextOfOldPeers has text in other encodings, as the options say.
func TestTextOfOldPeers(t *testing.T) {
	t.Parallel()
	latin1 := func(b []byte) ([]byte, error) {
		var out []byte
		for _, c := range b {
			out = append(out, string(rune(c))...)
		}
		return out, nil
	}
	same := func(b []byte) ([]byte, error) { return b, nil }
	bad := func([]byte) ([]byte, error) { return nil, errors.New("bad") }
	type Fields struct{ S string }
	t.Run("Raw", func(t *testing.T) {
		runValues(t, codec.Options{Strings: codec.Raw}, []valueCase{
			arrives("text", "a1ff", "\xff"),
			arrives("key", "81 a1ff 01", map[string]int{"\xff": 1}),
			arrives("field", "81 a1 'S' a1ff", Fields{"\xff"}),
			arrives("bytes", "a1ff", []byte{0xff}),
			arrives("any", "92 a1ff a1 'a'", any([]any{[]byte{0xff}, "a"})),
			unsendable("back", "\xff", "", "text is not valid UTF-8; use []byte for bytes"),
			writes("bytes", []byte{0xff}, "a1ff"),
		})
	})
	t.Run("DecodeText", func(t *testing.T) {
		runValues(t, codec.Options{DecodeText: latin1}, []valueCase{
			arrives("text", "a1e4", "ä"),
			arrives("key and value", "81 a1e4 a1f6", map[string]string{"ä": "ö"}),
			arrives("any", "91 a1e4", any([]any{"ä"})),
			arrives("bytes", "c401e4", []byte{0xe4}),
			arrives("text as bytes", "a1e4", []byte{0xe4}),
			arrives("a type that reads itself", "a3 't:' e4", Textual{"ä"}),
			isRefused[string]("bytes as text", "c401e4", "", "text is not UTF-8; the Go type must be []byte"),
		})
	})
	t.Run("DecodeText that changes nothing", func(t *testing.T) {
		runValues(t, codec.Options{DecodeText: same}, []valueCase{
			isRefused[string]("text", "a1ff", "", "text is not UTF-8; the Go type must be []byte"),
			isRefused[Fields]("field", "81 a1 'S' a1ff", ".S", "text is not UTF-8; the Go type must be []byte"),
		})
	})
	t.Run("DecodeText that fails", func(t *testing.T) {
		vs := valuesOf(codec.Options{DecodeText: bad})
		fails(t, "field", vs.DecodeResult(raw("91 a1 'S'"), new([]string)), "[0]: text cannot be decoded: bad")
		fails(t, "any", vs.DecodeResult(raw("91 a1 'S'"), new(any)), "[0]: text cannot be decoded: bad")
		fails(t, "key", vs.DecodeResult(raw("81 a1 'S' 01"), new(map[string]int)), "key text cannot be decoded: bad")
	})
}

// TestTextThatCannotBeSent names the place of text that is not UTF-8, on both
// sides, and a server logs it as well. D3
func TestTextThatCannotBeSent(t *testing.T) {
	t.Parallel()
	type Fields struct {
		S string `msgpack:"s"`
		N *Fields
	}
	const problem = "text is not valid UTF-8; use []byte for bytes"
	runValues(t, codec.Options{}, []valueCase{
		unsendable("text", "\xff", "", problem),
		unsendable("named type", Name("\xff"), "", problem),
		unsendable("list", []string{"a", "\xff"}, "[1]", problem),
		unsendable("array", [1]Name{"\xff"}, "[0]", problem),
		unsendable("list of any", []any{1, "\xff"}, "[1]", problem),
		unsendable("field", Fields{S: "\xff"}, ".s", problem),
		unsendable("far within", Fields{N: &Fields{N: &Fields{S: "\xff"}}}, ".N.N.s", problem),
		unsendable("value", map[string]string{"a": "\xff"}, "[a]", problem),
		unsendable("key", map[string]int{"\xff": 1}, "", "key "+problem),
		unsendable("key of a named type", map[Name]int{"\xff": 1}, "", "key "+problem),
		unsendable("key of any", map[any]any{"\xff": 1}, "", "key "+problem),
		unsendable("map of any", map[string]any{"a": []any{map[string]any{"b": "\xff"}}}, "[a][0][b]", problem),
		unsendable("key in a map of any", map[string]any{"a": map[string]any{"\xff": 1}}, "[a]", "key "+problem),
		unsendable("any", any(Fields{S: "\xff"}), ".s", problem),
		unsendable("error", []error{errors.New("\xff")}, "[0]", problem),
		unsendable("text form", []Textual{{"\xff"}}, "[0]", problem),
		unsendable("text form as key", map[Textual]int{{"\xff"}: 1}, "", "key "+problem),
		unsendable("raw", []msgpack.RawMessage{raw("92 01 a1ff")}, "[0]", problem),
		unsendable("time", []any{map[string]Stamp{"t": {}}, func() {}}, "[1]", "unsupported func()"),
		writes("bytes", []byte{0xff}, "c401ff"),
		writes("binary form", Binary{"\xff"}, "c403 'b:' ff"),
	})
	encode := func(b []byte) ([]byte, error) {
		if bytes.Contains(b, []byte("€")) {
			return nil, errors.New("no place for it")
		}
		return b, nil
	}
	runValues(t, codec.Options{EncodeText: encode}, []valueCase{
		unsendable("EncodeText", Fields{N: &Fields{S: "€"}}, ".N.s", "text cannot be encoded: no place for it"),
		unsendable("EncodeText of a key", map[string]int{"€": 1}, "", "key text cannot be encoded: no place for it"),
		unsendable("EncodeText of raw", []msgpack.RawMessage{raw("a3 '€'")}, "[0]", "text cannot be encoded: no place for it"),
	})
}

// TestServerLogsUnsendableResults has a Server log them, whose caller alone would
// know of them otherwise.
func TestServerLogsUnsendableResults(t *testing.T) {
	t.Parallel()
	log := new(records)
	var mux rpcutil.Mux
	mux.Handle("do", func() []string { return []string{"a", "\xff"} })
	p := servedPeer(t, &rpcutil.Server{Handler: &mux, Codec: codec.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}})
	p.Send("94 00 01 a2 'do' 90")
	const text = "do: result cannot be sent: [1]: text is not valid UTF-8; use []byte for bytes"
	if got, err := p.Receive(); err != nil || !reflect.DeepEqual(got, append([]byte(raw("94 01 01")), errorBytes(text)...)) {
		t.Errorf("received %q, %v", got, err)
	}
	if got := log.String(); !strings.Contains(got, "error="+strconv.Quote(text)) {
		t.Errorf("log %s", got)
	}
}
