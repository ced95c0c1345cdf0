// Package codectest helps to test programs and packages that speak
// MessagePack-RPC: a peer that sends and expects bytes spelled by hand, a
// connection that counts its writes, a proxy that breaks connections on purpose,
// and a check for goroutines left behind.
package codectest

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A Peer is one end of a connection in the hands of a test.
type Peer struct {
	// Conn is the connection itself.
	Conn net.Conn

	t      testing.TB
	reader *wire.Reader
}

// NewPeer returns a peer on conn, which is closed when the test ends.
func NewPeer(t testing.TB, conn net.Conn) *Peer {
	t.Cleanup(func() { conn.Close() })
	limits := wire.Limits{Message: math.MaxInt, Depth: math.MaxInt, Elements: math.MaxInt, Decoded: math.MaxInt64}
	return &Peer{conn, t, wire.NewReader(conn, limits)}
}

// Bytes returns the bytes that text spells in hexadecimal. White space does not
// count, and text in single quotes stands for itself: "a3 'sum'".
func Bytes(text string) []byte {
	var b []byte
	for i, part := range strings.Split(text, "'") {
		if i%2 == 1 {
			b = append(b, part...)
			continue
		}
		h, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		if err != nil {
			panic(fmt.Sprintf("codectest: %q: %v", text, err))
		}
		b = append(b, h...)
	}
	return b
}

// Send writes the bytes that text spells, see Bytes, in one write.
func (p *Peer) Send(text string) {
	p.t.Helper()
	if _, err := p.Conn.Write(Bytes(text)); err != nil {
		p.t.Errorf("peer cannot send %s: %v", text, err)
	}
}

// Receive returns the next whole message.
func (p *Peer) Receive() ([]byte, error) {
	frame, err := p.reader.Next()
	return append([]byte(nil), frame...), err
}

// Expect receives a message and compares it with the bytes that text spells.
func (p *Peer) Expect(text string) {
	p.t.Helper()
	got, err := p.Receive()
	if want := Bytes(text); err != nil || string(got) != string(want) {
		p.t.Errorf("peer received % x (%q), %v\nwant % x (%q)", got, got, err, want, want)
	}
}

// ExpectText receives a message and looks for text within it.
func (p *Peer) ExpectText(text string) {
	p.t.Helper()
	got, err := p.Receive()
	if err != nil || !strings.Contains(string(got), text) {
		p.t.Errorf("peer received %q, %v\nwant %q in it", got, err, text)
	}
}

// ExpectEnd waits for the other side to close the connection.
func (p *Peer) ExpectEnd() {
	p.t.Helper()
	got, err := p.Receive()
	var format *wire.FormatError
	if err == nil || errors.As(err, &format) {
		p.t.Errorf("peer received %q, %v\nwant the end of the connection", got, err)
	}
}

// A CountingConn counts the writes on a connection.
type CountingConn struct {
	net.Conn
	writes atomic.Int64
}

// Write writes to the connection.
func (c *CountingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// Writes returns how many writes there were.
func (c *CountingConn) Writes() int64 { return c.writes.Load() }

// Pair returns the two ends of a TCP connection on the loopback interface. For
// an in-memory connection, which a synctest bubble needs, there is net.Pipe.
func Pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// Main runs a package's tests and fails if goroutines are left when they have
// ended. Call it from TestMain.
func Main(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	// Fuzzing leaves a goroutine of os/signal behind.
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	if code == 0 && !fuzzing && !settled(before) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		fmt.Fprintf(os.Stderr, "FAIL: goroutines left behind: %d before, %d after\n%s\n", before, runtime.NumGoroutine(), stacks)
		code = 1
	}
	os.Exit(code)
}

// settled gives goroutines that are about to end a moment to do so.
func settled(before int) bool {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return true
		}
	}
	return false
}
