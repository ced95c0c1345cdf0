package codec_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/rpc"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// A served is a server of ours whose only peer is in the hands of the test.
type served struct {
	*codectest.Peer
	log  *logBook
	done chan struct{} // closed when ServeCodec has returned
}

// patience is how long a test waits for what must happen; it is only ever
// used up by a test that fails.
const patience = 20 * time.Second

// serveTCP serves the test's methods on the loopback interface. A peer that
// gets no answer fails instead of hanging.
func serveTCP(t testing.TB, o codec.Options) *served {
	t.Helper()
	near, far := codectest.Pair(t)
	near.SetDeadline(time.Now().Add(patience))
	return serveOn(t, o, near, far)
}

// servePipe serves the test's methods in memory, where one write is one read.
func servePipe(t testing.TB, o codec.Options) *served {
	t.Helper()
	near, far := net.Pipe()
	near.SetDeadline(time.Now().Add(patience))
	return serveOn(t, o, near, far)
}

func serveOn(t testing.TB, o codec.Options, near, far net.Conn) *served {
	t.Helper()
	if o.Names == nil {
		o.Names = testNames
	}
	return serveWith(t, newTestServer(t), o, near, far)
}

// serveService serves one receiver in memory, under wire names of its own.
func serveService(t testing.TB, o codec.Options, receiver any, names nameTable) *served {
	t.Helper()
	o.Names = names
	near, far := net.Pipe()
	near.SetDeadline(time.Now().Add(patience))
	return serveWith(t, newServerOf(t, receiver), o, near, far)
}

func serveWith(t testing.TB, server *rpc.Server, o codec.Options, near, far net.Conn) *served {
	t.Helper()
	s := &served{codectest.NewPeer(t, near), new(logBook), make(chan struct{})}
	if o.Logger == nil {
		o.Logger = s.log.logger()
	}
	go func() {
		defer close(s.done)
		server.ServeCodec(o.NewServerCodec(far))
	}()
	return s
}

// wait waits until the server has done with the connection.
func (s *served) wait(t testing.TB) {
	t.Helper()
	select {
	case <-s.done:
	case <-time.After(patience):
		t.Fatal("the server does not end the connection")
	}
}

// hangUp closes the peer's end and waits for the server to notice.
func (s *served) hangUp(t testing.TB) {
	t.Helper()
	s.Conn.Close()
	s.wait(t)
}

// expectAll receives as many messages as the texts spell and compares them
// without regard to their order: handlers run side by side.
func (s *served) expectAll(t testing.TB, text string) {
	t.Helper()
	want := splitMessages(codectest.Bytes(text))
	var got [][]byte
	for range want {
		b, err := s.Receive()
		if err != nil {
			t.Errorf("peer received % x, then %v\nwant % x", got, err, want)
			return
		}
		got = append(got, b)
	}
	slices.SortFunc(got, bytes.Compare)
	slices.SortFunc(want, bytes.Compare)
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("peer received % x (%q)\nwant % x (%q)", got, got, want, want)
	}
}

// goesOn shows that the connection still answers.
func (s *served) goesOn(t testing.TB) {
	t.Helper()
	s.Send("94 00 63 a3'sum' 92 14 16")
	s.Expect("94 01 63 c0 2a")
}

// errorReply spells the response that reports an error.
func errorReply(id, text string) string {
	n := len(text)
	header := fmt.Sprintf("d9 %02x", n)
	switch {
	case n < 32:
		header = fmt.Sprintf("%02x", 0xa0+n)
	case n > 255:
		header = fmt.Sprintf("da %04x", n)
	}
	return "94 01 " + id + header + fmt.Sprintf("%x", text) + "c0"
}

// A logBook keeps what is logged.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// expect waits for texts in the log: one may be written a moment after the
// connection has ended for the peer.
func (b *logBook) expect(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for deadline := time.Now().Add(patience); !strings.Contains(b.String(), text); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("log has no %q:\n%s", text, b)
				break
			}
		}
	}
}

func (b *logBook) expectEmpty(t testing.TB) {
	t.Helper()
	if log := b.String(); log != "" {
		t.Errorf("log is not empty:\n%s", log)
	}
}

// nameTable maps wire names to net/rpc's.
type nameTable map[string]string

func (n nameTable) FromWire(wire string) (string, bool) { name, ok := n[wire]; return name, ok }

func (n nameTable) ToWire(name string) string {
	var wires []string
	for w, s := range n {
		if s == name {
			wires = append(wires, w)
		}
	}
	if len(wires) == 0 {
		return name
	}
	return slices.MinFunc(wires, cmp.Compare[string])
}

// Explain makes nameTable say what net/rpc cannot know.
func (n nameTable) Explain(wire string) string {
	if wire == "get" {
		return "method not found: get is ambiguous, use user.get or order.get"
	}
	return ""
}

// testNames are the methods that the raw peers of these tests call.
var testNames = nameTable{
	"sum": "Calc.Sum", "café": "Calc.Sum", "echo": "Calc.Echo", "count": "Calc.Count", "fail": "Calc.Fail",
	"none": "Calc.None", "small": "Calc.Small", "gone": "Calc.Gone", "lost": "Lost.Method",
}

func newTestServer(t testing.TB) *rpc.Server { return newServerOf(t, new(Calc)) }

// Calc is a net/rpc service as people have them.
type Calc struct{}

// SumXY are the parameters of sum.
type SumXY struct {
	X int `msgpack:"x"`
	Y int `msgpack:"y"`
}

// Sum adds.
func (*Calc) Sum(a SumXY, r *int) error { *r = a.X + a.Y; return nil }

// Echo returns its only parameter.
func (*Calc) Echo(a any, r *any) error { *r = a; return nil }

// Count tells how many parameters it got.
func (*Calc) Count(a codec.Args, r *int) error { *r = len(a); return nil }

// Fail returns an error with the given text.
func (*Calc) Fail(text string, _ *struct{}) error { return errors.New(text) }

// None wants nothing and gives nothing.
func (*Calc) None(struct{}, *struct{}) error { return nil }

// Small wants a small number.
func (*Calc) Small(n int8, r *int8) error { *r = n; return nil }

// newServerOf serves one receiver.
func newServerOf(t testing.TB, receiver any) *rpc.Server {
	t.Helper()
	server := rpc.NewServer()
	if err := server.Register(receiver); err != nil {
		t.Fatal(err)
	}
	return server
}
