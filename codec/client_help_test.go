package codec_test

import (
	"context"
	"log/slog"
	"net"
	"net/rpc"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// A script is a server in the hands of a test. What the client sends is read at
// once and kept, so that a test can also see that nothing has come.
type script struct {
	*codectest.Peer
	t   testing.TB
	got chan []byte // messages, closed at the end of the connection
}

func newScript(t testing.TB, conn net.Conn) *script {
	s := &script{codectest.NewPeer(t, conn), t, make(chan []byte, 20_000)}
	go func() {
		defer close(s.got)
		for {
			frame, err := s.Receive()
			if err != nil {
				return
			}
			s.got <- frame
		}
	}()
	return s
}

// want compares the next message with the bytes that text spells.
func (s *script) want(text string) {
	s.t.Helper()
	if got, want := string(<-s.got), string(codectest.Bytes(text)); got != want {
		s.t.Errorf("peer received % x (%q)\nwant % x (%q)", got, got, want, want)
	}
}

// wantNone checks, in a bubble, that no message has come and none is coming.
func (s *script) wantNone() {
	s.t.Helper()
	synctest.Wait()
	select {
	case got, ok := <-s.got:
		s.t.Errorf("peer received %q (%v), want nothing", got, ok)
	default:
	}
}

// wantEnd checks that the connection ends without a further message.
func (s *script) wantEnd() {
	s.t.Helper()
	if got, ok := <-s.got; ok {
		s.t.Errorf("peer received %q, want the end of the connection", got)
	}
}

// scripted returns a client over net.Pipe whose server is a script.
func scripted(t testing.TB, o codec.Options) (*rpc.Client, *script) {
	client, _, s := scriptedCodec(t, o)
	return client, s
}

// scriptedCodec is scripted with the codec behind the client.
func scriptedCodec(t testing.TB, o codec.Options) (*rpc.Client, rpc.ClientCodec, *script) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	near, far := net.Pipe()
	c := o.NewClientCodec(near)
	client := rpc.NewClientWithCodec(c)
	t.Cleanup(func() { client.Close() })
	return client, c, newScript(t, far)
}

// call calls through an Exchange and returns whichever error there is.
func call(c *rpc.Client, method string, x *codec.Exchange) error {
	if err := c.Call(method, x, nil); err != nil {
		return err
	}
	return x.Err
}

// wantDone waits for a call of a plain client and checks that it succeeded.
func wantDone(t testing.TB, calls ...*rpc.Call) {
	t.Helper()
	for _, c := range calls {
		if <-c.Done; c.Error != nil {
			t.Errorf("call failed: %v", c.Error)
		}
	}
}

// A ledger keeps log records.
type ledger struct {
	mu      sync.Mutex
	records []slog.Record
}

func (l *ledger) Enabled(context.Context, slog.Level) bool { return true }
func (l *ledger) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *ledger) WithGroup(string) slog.Handler            { return l }
func (l *ledger) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	return nil
}

func (l *ledger) logger() *slog.Logger { return slog.New(l) }

// all returns the attributes of each record, its message under "msg".
func (l *ledger) all() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for _, r := range l.records {
		m := map[string]any{"msg": r.Message}
		r.Attrs(func(a slog.Attr) bool { m[a.Key] = a.Value.Any(); return true })
		all = append(all, m)
	}
	return all
}

// last returns the record that came last, or nil.
func (l *ledger) last() map[string]any {
	all := l.all()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// connected returns a client over net.Pipe and the far end of the pipe.
func connected(t testing.TB, o codec.Options) (*rpc.Client, net.Conn) {
	client, _, far := silentCodec(t, o)
	return client, far
}

// silentCodec is scriptedCodec with a server that reads nothing, so that every
// write blocks.
func silentCodec(t testing.TB, o codec.Options) (*rpc.Client, rpc.ClientCodec, net.Conn) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	near, far := net.Pipe()
	c := o.NewClientCodec(near)
	client := rpc.NewClientWithCodec(c)
	t.Cleanup(func() { client.Close(); far.Close() })
	return client, c, far
}

// fill fills the writer of a client whose server reads nothing: one notification
// is stuck in a write, and those behind it leave no room. It is for bubbles.
func fill(t testing.TB, c rpc.ClientCodec) {
	t.Helper()
	notify := c.(codec.Notifier).Notify
	go notify("fill", nil)
	synctest.Wait()
	for _, size := range []int{255 << 10, 998} {
		if err := notify("fill", make([]byte, size)); err != nil {
			t.Error(err)
		}
	}
}

// contains reports whether an error's text contains another text.
func contains(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), text)
}
