package interop_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/rpc"
	"os"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// A vector is a message that real mprpc wrote; package codec/wire's test of the
// same name compares each with the value that it stands for. Here the bytes go
// through whole codecs under net/rpc: what one of ours has read, the other must
// write byte for byte, with the id that net/rpc's sequence leads to.
type vector struct {
	Name      string
	Direction string // request or response
	Hex       string
	PrefixHex string `json:"prefix_hex"` // instead of Hex for a long message
	SHA256    string
	Length    int
	JSON      struct {
		MsgID  int64
		Method *string
		Error  any // text, or an object for a long one
	}
	Options struct {
		PackEncoding string           `json:"pack_encoding"`
		PackParams   *map[string]bool `json:"pack_params"`
	}
}

func vectors(t *testing.T) []vector {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 359 {
		t.Errorf("%d vectors, want 359", len(all))
	}
	return all
}

// bytes returns the message. A long one is its beginning and then the same byte
// again and again, which its hash confirms.
func (v vector) bytes(t *testing.T) []byte {
	t.Helper()
	if v.Hex != "" {
		return codectest.Bytes(v.Hex)
	}
	b := codectest.Bytes(v.PrefixHex)
	if strings.Contains(v.Name, "range(65536)") {
		b = append(b[:bytes.Index(b, []byte{0xdf})], 0xdf, 0, 1, 0, 0)
		for i := range 65536 {
			n, err := msgpack.Marshal(i)
			if err != nil {
				t.Fatal(err)
			}
			b = append(append(b, n...), 0)
		}
	} else {
		b = append(b, bytes.Repeat(b[len(b)-1:], v.Length-len(b))...)
		if v.JSON.Error != nil {
			b[len(b)-1] = 0xc0
		}
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != v.SHA256 {
		t.Fatal("the bytes have another hash")
	}
	return b
}

func (v vector) errorText() string {
	if text, ok := v.JSON.Error.(string); ok {
		return text
	}
	return strings.Repeat("a", 65536) // {"$str_repeat": ["a", 65536]}
}

// options are those of the constructor, in Go.
func (v vector) options() (o codec.Options, raw bool) {
	// Any pack_params take the place of {use_bin_type: True}, except an empty one of a client.
	if p := v.Options.PackParams; p != nil && (len(*p) > 0 || v.Direction == "response") && !(*p)["use_bin_type"] {
		o.Strings = codec.Raw
	}
	if e := map[string]encoding.Encoding{
		"latin-1": charmap.ISO8859_1, "shift_jis": japanese.ShiftJIS,
		"utf-16-le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	}[v.Options.PackEncoding]; e != nil {
		o.EncodeText, o.DecodeText = e.NewEncoder().Bytes, e.NewDecoder().Bytes
	}
	o.Pipeline, o.Logger, o.Names = codec.Never, quiet, everything{}
	return o, o.Strings == codec.Raw
}

// everything maps all names to one method.
type everything struct{}

func (everything) FromWire(string) (string, bool) { return "Vectors.Take", true }
func (everything) ToWire(name string) string      { return name }

// Vectors takes a call of any name and keeps it, and answers as it is told.
type Vectors struct {
	method string
	args   []any // any, or msgpack.RawMessage, see asTheyAre
	asAny  bool

	err    error
	result any
}

// Take is every method.
func (v *Vectors) Take(r *codec.Request, reply *any) error {
	v.method, v.args = r.Method, make([]any, r.Params.Len())
	to := make([]any, len(v.args))
	values := make([]msgpack.RawMessage, len(to))
	for i := range to {
		to[i] = &values[i]
		if v.asAny {
			to[i] = &v.args[i]
		}
	}
	if err := r.Params.Decode(to...); err != nil {
		return err
	}
	for i := range values {
		if !v.asAny {
			v.args[i] = values[i]
		}
	}
	*reply = v.result
	return v.err
}

// asTheyAre names the vectors that pass as msgpack.RawMessage, because reading
// into any and writing again loses something.
func asTheyAre(name string, raw bool) bool {
	if !raw && strings.Contains(name, `dict/{b"k"`) {
		return true // bytes are no map key in any
	}
	for _, part := range []string{
		"use_single_float",                                                // any holds a float64
		"dict/{1: ", "dict/{None", `dict/{"b"`, "dict/{i:", "OrderedDict", // its maps have no order
		"dict/{(", // and no lists as keys
	} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// unreachable are requests that no Go client writes.
var unreachable = map[string]string{
	"request/method/None":       "a method's name is text in Go",
	"request/msgid/-2147483648": "mprpc's C int has wrapped; ours starts again at 1",
	"request/msgid/2147483647":  "two thousand million calls; package codec's own tests wrap the counter",
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			if v.Direction == "request" {
				v.request(t)
			} else {
				v.response(t)
			}
		})
	}
}

// serve answers the requests on a connection and returns the service.
func (v vector) serve(t *testing.T, conn net.Conn, service *Vectors) {
	t.Helper()
	options, _ := v.options()
	server := rpc.NewServer()
	if err := server.Register(service); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { server.ServeCodec(options.NewServerCodec(conn)); close(done) }()
	t.Cleanup(func() { conn.Close(); <-done })
}

// request has our server read the message, and our client write it.
func (v vector) request(t *testing.T) {
	message := v.bytes(t)
	options, raw := v.options()
	clientEnd, serverEnd := net.Pipe()
	service := &Vectors{asAny: !asTheyAre(v.Name, raw)}
	v.serve(t, serverEnd, service)
	peer := codectest.NewPeer(t, clientEnd)
	peer.Send(hex.EncodeToString(message))
	if v.JSON.Method == nil {
		peer.ExpectText("method is nil, not text")
		return
	}
	answer, err := peer.Receive()
	if err != nil || !bytes.HasSuffix(answer, []byte{0xc0, 0xc0}) {
		t.Fatalf("our server answers %q, %v", answer, err)
	}
	if service.method != *v.JSON.Method {
		t.Errorf("method %q, want %q", service.method, *v.JSON.Method)
	}
	if unreachable[v.Name] != "" {
		return
	}

	ourEnd, peerEnd := net.Pipe()
	peer = codectest.NewPeer(t, peerEnd)
	client := options.NewClient(ourEnd)
	defer client.Close()
	skipIDs(t, client, v.JSON.MsgID-1)
	call := start(client, service.method, codec.Args(service.args))
	written, err := peer.Receive()
	if err != nil || !bytes.Equal(written, message) {
		t.Errorf("our client writes %s, %v\nwant %s", short(written), err, short(message))
	}
	peer.Send(hex.EncodeToString(answer)) // our server's answer to mprpc's bytes
	if err := receive(t, call, "the call").Error; err != nil {
		t.Errorf("our client reads % x as %v", answer, err)
	}
}

// start makes a call in the background: a write to a net.Pipe waits for the
// other end to read.
func start(client *rpc.Client, method string, args any) <-chan *rpc.Call {
	done := make(chan *rpc.Call, 1)
	go client.Go(method, args, nil, done)
	return done
}

// skipIDs uses up ids without a byte sent, as mprpc's client does.
func skipIDs(t *testing.T, client *rpc.Client, n int64) {
	t.Helper()
	if n > math.MaxUint16 {
		t.Fatalf("%d ids", n)
	}
	done := make(chan *rpc.Call, 1)
	for range n {
		if err := (<-client.Go("", codec.Args{"\xff"}, nil, done).Done).Error; err == nil {
			t.Fatal("text that is not UTF-8 was sent")
		}
	}
}

// response has our client read the message, and our server write it.
func (v vector) response(t *testing.T) {
	message := v.bytes(t)
	options, raw := v.options()
	ourEnd, peerEnd := net.Pipe()
	peer := codectest.NewPeer(t, peerEnd)
	client := options.NewClient(ourEnd)
	defer client.Close()
	id, ours := v.JSON.MsgID, v.JSON.MsgID >= 1 && v.JSON.MsgID <= math.MaxUint16+1
	if ours {
		skipIDs(t, client, id-1)
	}
	x := &codec.Exchange{Reply: new(any)}
	if asTheyAre(v.Name, raw) {
		x.Reply = new(msgpack.RawMessage)
	}
	call := start(client, "m", x)
	if _, err := peer.Receive(); err != nil {
		t.Fatal(err)
	}
	peer.Send(hex.EncodeToString(message))
	if !ours { // an id that we never sent is ignored
		peer.Send("94 01 01 c0 03")
	}
	if err := receive(t, call, "the call").Error; err != nil {
		t.Fatal(err)
	}

	service := &Vectors{err: x.Err}
	switch reply := x.Reply.(type) {
	case *any:
		service.result = *reply
	case *msgpack.RawMessage:
		service.result = *reply
	}
	switch {
	case v.Name == "response/invalid-protocol":
		// What mprpc answers to no request at all; we close, see doc.go of codec.
		return
	case v.JSON.Error == "":
		// Success to mprpc; an error that we send always has a text.
		if want := "peer reported an error without text"; x.Err == nil || x.Err.Error() != want {
			t.Errorf("error %v, want %s", x.Err, want)
		}
		return
	case v.JSON.Error != nil:
		var e *codec.Error
		if want := v.errorText(); !errors.As(x.Err, &e) || e.Message != want {
			t.Fatalf("error %v, want %s", x.Err, want)
		}
		service.err = e
	case x.Err != nil:
		t.Fatal(x.Err)
	}
	clientEnd, serverEnd := net.Pipe()
	v.serve(t, serverEnd, service)
	peer = codectest.NewPeer(t, clientEnd)
	request, err := msgpack.Marshal([]any{0, int(id), encoded(t, options, "m"), []any{}})
	if err != nil {
		t.Fatal(err)
	}
	peer.Send(hex.EncodeToString(request))
	written, err := peer.Receive()
	if err != nil || !bytes.Equal(written, message) {
		t.Errorf("our server writes %s, %v\nwant %s", short(written), err, short(message))
	}
}

// encoded is a text in the vector's encoding; MessagePack calls it bytes.
func encoded(t *testing.T, o codec.Options, text string) string {
	t.Helper()
	if o.EncodeText == nil {
		return text
	}
	b, err := o.EncodeText([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func short(b []byte) string {
	if len(b) > 200 {
		return fmt.Sprintf("%x... (%d bytes)", b[:200], len(b))
	}
	return fmt.Sprintf("%x", b)
}
