package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/rpc"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
)

// limit bounds what must not take long at all.
const limit = 30 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// A matrix holds the peers that cells share. They live until the last cell has
// ended, because t is the test of the whole matrix.
type matrix struct {
	t    *testing.T
	loop loop // of the Go servers

	mu sync.Mutex
	// Protected by mu:
	started map[string]func() any
}

func newMatrix(t *testing.T, by loop) *matrix {
	pythontest.Need(t)
	return &matrix{t: t, loop: by, started: map[string]func() any{}}
}

// share returns what start has returned for the same key before, or starts it.
func share[T any](t *testing.T, m *matrix, key any, start func() (T, error)) T {
	t.Helper()
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	get := m.started[string(text)]
	if get == nil {
		get = sync.OnceValue(func() any {
			v, err := start()
			if err != nil {
				return err
			}
			return v
		})
		m.started[string(text)] = get
	}
	m.mu.Unlock()
	v, ok := get().(T)
	if !ok {
		t.Fatal(get())
	}
	return v
}

// server returns the mprpc server with these options.
func (m *matrix) server(t *testing.T, options python.ServerOptions) *python.Process {
	t.Helper()
	return share(t, m, options, func() (*python.Process, error) {
		env := pythontest.Need(t)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		process, err := env.Server(ctx, options)
		if err == nil {
			pythontest.Cleanup(m.t, "server.py", process)
		}
		return process, err
	})
}

// client returns the process with mprpc clients of that class, address and
// keyword arguments. There call(...) makes a call that leaves nothing to the
// next: on an RPCClient of its own, or on one of the pool.
func (m *matrix) client(t *testing.T, class, addr string, options map[string]any) *python.Client {
	t.Helper()
	return share(t, m, []any{class, addr, options}, func() (*python.Client, error) {
		client, err := startClient(t, class, addr, options)
		if err == nil {
			pythontest.Cleanup(m.t, "client.py", client.Process())
		}
		return client, err
	})
}

// ownClient is a client process that no other cell uses.
func ownClient(t *testing.T, class, addr string) *python.Client {
	t.Helper()
	client, err := startClient(t, class, addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	pythontest.Cleanup(t, "client.py", client.Process())
	return client
}

func startClient(t *testing.T, class, addr string, options map[string]any) (*python.Client, error) {
	env := pythontest.Need(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := env.Client(ctx, addr, python.ClientConfig{Class: class, Options: options})
	if err != nil {
		return nil, err
	}
	define := rpcDefinitions
	if class == poolClient {
		define = poolDefinitions
	}
	_, err = client.Exec(define + definitions + deepDefinition)
	return client, err
}

// at(port, **options) connects to another server; see client about call.
const (
	rpcDefinitions = `
def at(port, **options):
    return RPCClient(host, port, **options)
def call(method, *args):
    return connect().call(method, *args)
`
	poolDefinitions = `
def at(port, **options):
    client = RPCPoolClient(host, port, **options)
    client.open()
    return client
call = pooled
`
	// Go does not keep the order of a map's keys.
	definitions = `
import functools
def inorder(v):
    if type(v) is tuple:
        return tuple(map(inorder, v))
    if isinstance(v, dict):
        return {k: inorder(v[k]) for k in sorted(v, key=repr)}
    return v
`
)

// served returns the Go server with default options.
func (m *matrix) served(t *testing.T) *goServer {
	t.Helper()
	return m.servedWith(t, "default", codec.Options{})
}

// servedWith returns the Go server with these options, of that name.
func (m *matrix) servedWith(t *testing.T, name string, options codec.Options) *goServer {
	t.Helper()
	return share(t, m, "go:"+name, func() (*goServer, error) {
		s, err := listen("127.0.0.1:0", m.loop, options)
		if err == nil {
			m.t.Cleanup(s.Close)
		}
		return s, err
	})
}

// ownServer is a Go server that no other cell uses.
func (m *matrix) ownServer(t *testing.T, options codec.Options) *goServer {
	t.Helper()
	s, err := listen("127.0.0.1:0", m.loop, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// dial connects Go to a server; the connection is closed with the test.
func (m *matrix) dial(t *testing.T, addr string) *rpc.Client {
	t.Helper()
	return dial(t, addr, codec.Options{})
}

func dial(t *testing.T, addr string, options codec.Options) *rpc.Client {
	t.Helper()
	options.Logger = quiet
	client, err := options.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// dialRaw connects without a codec; a read fails after the limit.
func dialRaw(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(limit))
	return conn
}

// portOf is the last part of an address.
func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// try makes a call through an Exchange and returns its error, of whatever side.
func try(t *testing.T, client *rpc.Client, method string, args, reply any) error {
	t.Helper()
	x := &codec.Exchange{Args: args, Reply: reply}
	if err := wait(t, client.Go(method, x, nil, nil)); err != nil {
		return err
	}
	return x.Err
}

// wait waits for a call within limits and returns its error.
func wait(t *testing.T, c *rpc.Call) error {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.Done:
		return c.Error
	case <-timer.C:
		t.Fatalf("%s has no answer after %s", c.ServiceMethod, limit)
		return nil
	}
}

// receive takes what a channel brings, within limits.
func receive[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case v = <-c:
	case <-timer.C:
		t.Fatalf("%s: nothing after %s", what, limit)
	}
	return v
}

// ask makes a call and shows the result of type T, or the error.
func ask[T any](t *testing.T, client *rpc.Client, method string, args any) string {
	t.Helper()
	var reply T
	if err := try(t, client, method, args, &reply); err != nil {
		var peer *codec.Error
		if errors.As(err, &peer) {
			return "error: " + peer.Message
		}
		return "failure: " + err.Error()
	}
	return show(reply)
}

// match compares a text with the wanted one. A want of the form "begin ~pattern"
// ends in a regular expression: texts of Python differ from version to version.
func match(want, got string) bool {
	begin, pattern, ok := strings.Cut(want, "~")
	if !ok {
		return got == want
	}
	rest, ok := strings.CutPrefix(got, begin)
	return ok && regexp.MustCompile(`^(?:`+pattern+`)$`).MatchString(rest)
}

// raises is the reply of an expression that raises RPCError.
func raises(format string, args ...any) string {
	return "raises RPCError: " + fmt.Sprintf(format, args...)
}
