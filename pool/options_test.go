package pool_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

func TestOptionsPanic(t *testing.T) {
	for name, o := range map[string]pool.Options{
		"nothing to connect to": {},
		"two of them":           {Address: "a", Resolver: pool.Static("b")},
		"no such form":          {Address: "a", Codec: codec.Options{Strings: 17}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			pool.New(o).Close()
		}()
	}
}

func TestMaxConnsDefault(t *testing.T) {
	for set, want := range map[int]int{0: max(20, 4*runtime.GOMAXPROCS(0)), 7: 7, -1: 1<<31 - 1} {
		for _, shared := range []int{0, 3} {
			p := newPool(t, pool.Options{Address: "a", MaxConns: set, Shared: shared})
			w := want
			if shared == 3 && set >= 0 {
				w *= 3
			}
			if got := p.Stats().MaxConns; got != w {
				t.Errorf("MaxConns %d, Shared %d: %d, want %d", set, shared, got, w)
			}
		}
	}
}

// Names, encodings and limits of the codec apply.
func TestCodecOptions(t *testing.T) {
	client, server := codectest.Pair(t)
	peer := codectest.NewPeer(t, server)
	p := newPool(t, pool.Options{Address: "x", Dial: only(client), Codec: codec.Options{
		Names: rpcutil.SnakeCase, Strings: codec.Raw, MaxMessage: 100, Pipeline: codec.Always,
	}})
	done := make(chan error, 1)
	go func() { done <- p.Call(ctx, "Service.GetUser", []byte("x"), nil) }()
	peer.Expect("94 00 01 a8 'get_user' 91 a1 'x'")
	peer.Send("94 01 01 c0 c0")
	if err := receive(t, done, "the answer"); err != nil {
		t.Error(err)
	}
	if err := p.Call(ctx, "a", make([]byte, 100), nil); err == nil || !strings.Contains(err.Error(), "MaxMessage") {
		t.Error(err)
	}
	checkIdle(t, p, 1, 1)
}

func TestNetwork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	s := newService()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	p := newPool(t, pool.Options{Network: "unix", Address: path})
	sum(t, p)
	sum(t, p)
	checkIdle(t, p, 1, 1)
	s.hangUp()
	eventually(t, "another connection is used", func() bool { sum(t, p); return p.Stats().Unsound == 1 })
}

// TLS is a matter of Dial. Its connections cannot be looked at; MaxIdleTime and
// Ping are for them.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := newService()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "example.org"}}
	p := newPool(t, pool.Options{Address: l.Addr().String(), Dial: dialer.DialContext, Ping: "ping", PingAfter: -1})
	sum(t, p)
	sum(t, p)
	checkIdle(t, p, 1, 1)
	if s.pings.Load() != 1 {
		t.Errorf("%d pings", s.pings.Load())
	}
	s.hangUp()
	sum(t, p)
	checkIdle(t, p, 1, 2)
}

// What no caller learns is in the log, and the handler may use the pool.
func TestLog(t *testing.T) {
	var buf logBuffer
	h := &handler{Handler: slog.NewTextHandler(&buf, nil)}
	n := realNetwork("b")
	n.before("a", refuse)
	p := newPool(t, pool.Options{
		Resolver: pool.Static("a", "b"), Dial: n.dial, EjectAfter: 1, Logger: slog.New(h), DialRetry: -1,
	})
	h.pool = p
	for range 4 {
		sum(t, p)
	}
	p.Close()
	eventually(t, "the ejection is in the log", func() bool {
		text := buf.String()
		return strings.Contains(text, "endpoint ejected") && strings.Contains(text, "address=a") && strings.Contains(text, "connection refused")
	})
	n.host("b").hangUp()
}

// A logBuffer may be read while it is written to.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A handler looks at the pool whenever it logs.
type handler struct {
	slog.Handler
	pool *pool.Pool
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	h.pool.Stats()
	return h.Handler.Handle(ctx, r)
}
