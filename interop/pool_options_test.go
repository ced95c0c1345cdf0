package interop_test

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/pool"
)

// poolRows are the rows of the table in docs/pool.md, by their first column: what
// can be seen of each against a real mprpc server, at addr.
var poolRows = map[string]func(t *testing.T, addr string){
	"`host`, `port`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr})
		if sum, err := pool.Call[int](in(t, limit), p, "sum", 1, 2); err != nil || sum != 3 {
			t.Error(sum, err)
		}
	},
	"`timeout`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr, CallTimeout: 50 * time.Millisecond, MaxConns: 1})
		if err := p.Call(context.Background(), "nap", codec.Args{60, "slept"}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		p = pooled(t, pool.Options{Address: addr, MaxConns: 1})
		if err := p.Call(in(t, 50*time.Millisecond), "nap", codec.Args{60, "slept"}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		for range 3 { // no answer of an earlier call is ever taken for that of a later one
			if sum, err := pool.Call[int](in(t, limit), p, "sum", 1, 2); err != nil || sum != 3 {
				t.Error(sum, err)
			}
		}
		stuck := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		p = pooled(t, pool.Options{Address: addr, Dial: stuck, DialTimeout: 50 * time.Millisecond, DialRetry: -1})
		if err := p.Call(context.Background(), "sum", codec.Args{1, 2}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	},
	"`lazy`": func(t *testing.T, addr string) {
		if s := pooled(t, pool.Options{Address: addr}).Stats(); s.Total != 0 {
			t.Errorf("%+v", s)
		}
	},
	"`keep_alive`, `tcp_no_delay`": func(t *testing.T, addr string) {
		for _, on := range []bool{true, false} {
			var conn *net.TCPConn
			var d net.Dialer
			if !on {
				d.KeepAlive = -1
			}
			p := pooled(t, pool.Options{Address: addr, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := d.DialContext(ctx, network, address)
				if err == nil {
					conn = c.(*net.TCPConn)
				}
				if err == nil && !on {
					err = conn.SetNoDelay(false)
				}
				return c, err
			}})
			if sum, err := pool.Call[int](in(t, limit), p, "sum", 1, 2); err != nil || sum != 3 {
				t.Error(sum, err)
			}
			for name, option := range map[string][2]int{
				"SO_KEEPALIVE": {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
				"TCP_NODELAY":  {syscall.IPPROTO_TCP, syscall.TCP_NODELAY},
			} {
				if got, known := socketOption(t, conn, option[0], option[1]); known && (got != 0) != on {
					t.Errorf("%s is %d, want it on: %t", name, got, on)
				}
			}
		}
	},
	"`pack_encoding`, `unpack_encoding`": func(t *testing.T, _ string) {
		server := pythontest.Server(t, python.ServerOptions{Options: map[string]any{"pack_encoding": "latin-1", "unpack_encoding": "latin-1"}})
		p := pooled(t, pool.Options{Address: server.Addr(), Codec: codec.Options{
			EncodeText: charmap.ISO8859_1.NewEncoder().Bytes,
			DecodeText: charmap.ISO8859_1.NewDecoder().Bytes,
		}})
		seen, err := pool.Call[[][]string](in(t, limit), p, "see", "café")
		if err != nil || len(seen) != 1 || seen[0][0] != "'café'" {
			t.Error(seen, err)
		}
		if text, err := pool.Call[string](in(t, limit), p, "echo", "café"); err != nil || text != "café" {
			t.Error(text, err)
		}
	},
	"`pack_params`, `unpack_params`": func(t *testing.T, _ string) {
		server := pythontest.Server(t, python.ServerOptions{Options: map[string]any{"pack_params": map[string]any{"use_bin_type": false}}})
		p := pooled(t, pool.Options{Address: server.Addr(), Codec: codec.Options{Strings: codec.Raw, MaxMessage: 1000}})
		if b, err := pool.Call[[]byte](in(t, limit), p, "echo", []byte("bytes")); err != nil || string(b) != "bytes" {
			t.Error(b, err)
		}
		if err := p.Call(in(t, limit), "big", codec.Args{1000}, nil); err == nil || !strings.Contains(err.Error(), "MaxMessage") {
			t.Error(err)
		}
	},
	"`lifetime`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr, MaxLifetime: 50 * time.Millisecond})
		first := port(t, p)
		time.Sleep(60 * time.Millisecond) // what passes here is the lifetime
		if port(t, p) == first {
			t.Error("the connection is used beyond its lifetime")
		}
	},
	"`open()`, `close()`, `is_connected()`": func(t *testing.T, addr string) {
		proxy := codectest.NewProxy(t, addr)
		p := pooled(t, pool.Options{Address: proxy.Addr()})
		port(t, p)
		proxy.Cut() // the server's end is found before the connection is used
		becomes(t, func() bool { port(t, p); return p.Stats().Unsound == 1 })
		if err := errors.Join(p.Close(), p.Close()); err != nil {
			t.Error(err)
		}
		if err := p.Call(in(t, limit), "sum", codec.Args{1, 2}, nil); err != rpc.ErrShutdown {
			t.Error(err)
		}
	},
	"`getpeername()`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr})
		p.Do(in(t, limit), func(c *pool.Conn) error {
			if got := c.RemoteAddr().String(); got != addr {
				t.Errorf("%s, want %s", got, addr)
			}
			return nil
		})
	},
	"`is_expired()`, `reconnect()`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr})
		first := port(t, p)
		if port(t, p) != first {
			t.Error("another connection without need")
		}
		p.Reset()
		if port(t, p) == first {
			t.Error("the same connection after Reset")
		}
	},
	"`call(method, *args)`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr})
		if n, err := pool.Call[int](in(t, limit), p, "count", 1, "2", nil); err != nil || n != 3 {
			t.Error(n, err)
		}
		var n int
		if err := p.Call(in(t, limit), "count", nil, &n); err != nil || n != 0 {
			t.Error(n, err)
		}
	},
	"`factory`, `options`": func(t *testing.T, addr string) {
		dials := 0
		p := pooled(t, pool.Options{Address: "somewhere", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			if network != "tcp" || address != "somewhere" {
				t.Errorf("dials %s %s", network, address)
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}})
		port(t, p)
		if dials != 1 {
			t.Errorf("%d dials", dials)
		}
	},
	"`initial_connections`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr, MinIdle: 3})
		becomes(t, func() bool { return p.Stats().Idle == 3 })
	},
	"`max_connections`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr, MaxConns: 2})
		done := make(chan error, 10)
		for range 10 {
			go func() { done <- p.Call(in(t, limit), "nap", codec.Args{0.01, "x"}, nil) }()
		}
		for range 10 {
			if err := receive(t, done, "a call"); err != nil {
				t.Error(err)
			}
		}
		if s := p.Stats(); s.Total != 2 || s.Dials != 2 { // in Python ten, and ten stay
			t.Errorf("%+v", s)
		}
	},
	"`reap_expired_connections`, `reap_interval`, `drop_expired()`": func(t *testing.T, addr string) {
		for _, o := range []pool.Options{
			{MaxIdleTime: 50 * time.Millisecond, MaxLifetime: -1},
			{MaxIdleTime: -1, MaxLifetime: 50 * time.Millisecond},
		} {
			o.Address = addr
			p := pooled(t, o)
			port(t, p)
			becomes(t, func() bool { return p.Stats().Total == 0 })
			p.Close()
		}
		p := pooled(t, pool.Options{Address: addr, MaxIdleTime: 50 * time.Millisecond, MinIdle: 2})
		becomes(t, func() bool { s := p.Stats(); return s.Closed > 2 && s.Idle == 2 }) // replaced, and ready
	},
	"`acquire(retry)`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr, MaxConns: 1})
		c, err := p.Acquire(in(t, limit))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Acquire(in(t, 20*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		got := make(chan error, 1)
		go func() { _, err := p.Acquire(in(t, limit)); got <- err }()
		becomes(t, func() bool { return p.Stats().Waiting == 1 })
		c.Release()
		if err := receive(t, got, "the one who waits"); err != nil {
			t.Error(err)
		}
	},
	"`release(conn)`, `drop(conn)`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr})
		for _, giveBack := range []func(*pool.Conn){(*pool.Conn).Release, (*pool.Conn).Destroy} {
			c, err := p.Acquire(in(t, limit))
			if err != nil {
				t.Fatal(err)
			}
			giveBack(c)
			c.Release()
			c.Destroy()
		}
		if s := p.Stats(); s.Total != 0 || s.Dials != 1 {
			t.Errorf("%+v", s)
		}
	},
	"`connection()`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr})
		ctx := in(t, limit)
		err := p.Do(ctx, func(c *pool.Conn) error { return c.Call(ctx, "nope", nil, nil) })
		if err == nil || p.Stats().Total != 0 { // in Python it would be given out again
			t.Errorf("%v: %+v", err, p.Stats())
		}
	},
	"a subclass of `RPCPoolClient` whose `open()` logs in": func(t *testing.T, addr string) {
		var logins atomic.Int64
		p := pooled(t, pool.Options{Address: addr, AfterConnect: func(ctx context.Context, c *pool.Conn) error {
			logins.Add(1)
			return c.Call(ctx, "sum", codec.Args{1, 2}, nil)
		}})
		port(t, p)
		port(t, p)
		if logins.Load() != 1 {
			t.Errorf("%d logins", logins.Load())
		}
	},
	"`size`": func(t *testing.T, addr string) {
		p := pooled(t, pool.Options{Address: addr})
		port(t, p)
		if s := p.Stats(); s.Total != 1 || s.Idle != 1 {
			t.Errorf("%+v", s)
		}
	},
}

// port returns the port from which the server sees a call come: it tells
// connections apart.
func port(t *testing.T, p *pool.Pool) int {
	t.Helper()
	where, err := pool.Call[struct {
		Host string
		Port int
	}](in(t, limit), p, "where")
	if err != nil {
		t.Error(err)
	}
	return where.Port
}

// becomes waits for something that the pool is about to do.
func becomes(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to it")
		}
	}
}

func TestPoolOptions(t *testing.T) {
	addr := pythontest.Server(t, python.ServerOptions{}).Addr()
	_, table, _ := strings.Cut(read(t, "docs/pool.md"), "\n| --- |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")[1:]
	for _, row := range rows {
		name := strings.TrimSpace(strings.Split(row, "|")[1])
		test := poolRows[name]
		if test == nil {
			t.Errorf("no test for the row %s", name)
			continue
		}
		t.Run(strings.NewReplacer("`", "", ", ", " ").Replace(name), func(t *testing.T) { test(t, addr) })
	}
	for name := range poolRows {
		if !slices.ContainsFunc(rows, func(row string) bool { return strings.HasPrefix(row, "| "+name+" |") }) {
			t.Errorf("no row for the test %s", name)
		}
	}
}
