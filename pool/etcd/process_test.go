package etcd_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// limit bounds what must not take long at all.
const limit = 30 * time.Second

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

// An etcdServer is a real etcd in a process of its own, with one member.
type etcdServer struct {
	t        *testing.T
	program  string
	data     string // where it keeps its data
	endpoint string
	cmd      *exec.Cmd  // nil while it is stopped
	ended    chan error // gets what cmd.Wait returns
	stderr   tail
}

// startEtcd starts an etcd that ends with the test. Where there is none the test
// is skipped, but fails under CI=true.
func startEtcd(t *testing.T) *etcdServer {
	t.Helper()
	program := os.Getenv("MPRPC_ETCD")
	if program == "" {
		program = "etcd"
	}
	program, err := exec.LookPath(program)
	if err != nil {
		const remedy = "peer missing: etcd; install it (Debian: apt-get install etcd-server) or set MPRPC_ETCD to the program"
		if os.Getenv("CI") == "true" {
			t.Fatal(remedy)
		}
		t.Skip(remedy)
	}
	e := &etcdServer{t: t, program: program, data: filepath.Join(t.TempDir(), "0")}
	t.Cleanup(func() {
		e.stop(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("standard error of etcd:\n%s", e.stderr.String())
		}
	})
	// Another process may take the port in between; then there are others.
	for range 5 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e.endpoint = l.Addr().String()
		l.Close()
		if e.try() {
			return e
		}
		e.stop(syscall.SIGKILL)
	}
	t.Fatal("etcd does not start")
	return nil
}

// start starts it again at the same place.
func (e *etcdServer) start() {
	e.t.Helper()
	if !e.try() {
		e.t.Fatal("etcd does not start again")
	}
}

// try starts it and waits until it answers. It reports whether that worked.
func (e *etcdServer) try() bool {
	e.t.Helper()
	client, peer := "http://"+e.endpoint, "http://127.0.0.1:0" // there are no peers
	e.cmd = exec.Command(e.program, "--name", "m", "--data-dir", e.data,
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "m="+peer,
		"--heartbeat-interval", "20", "--election-timeout", "200") // alone, it has nobody to wait for
	e.cmd.Stderr = &e.stderr
	if err := e.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan error) { ended <- cmd.Wait() }(e.cmd, e.ended)
	c := e.client()
	defer c.Close()
	answered := make(chan error, 1)
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	go func() {
		var err error
		for again := true; again; again = err != nil && within.Err() == nil {
			c.ActiveConnection().ResetConnectBackoff()
			once, cancel := context.WithTimeout(within, 100*time.Millisecond)
			_, err = c.Get(once, "ready")
			cancel()
		}
		answered <- err
	}()
	select {
	case err := <-answered:
		return err == nil
	case <-e.ended:
		cancel()
		<-answered
		e.cmd = nil
		return false
	}
}

// stop ends it with a signal, to its own process only, and waits.
func (e *etcdServer) stop(signal os.Signal) {
	if e.cmd == nil {
		return
	}
	e.cmd.Process.Signal(signal)
	<-e.ended
	e.cmd = nil
}

// forget makes it start without its data.
func (e *etcdServer) forget() { e.data += "0" }

// client returns a client that is closed when the test ends, if not before.
func (e *etcdServer) client() *clientv3.Client { return connect(e.t, e.endpoint) }

func connect(t *testing.T, endpoint string) *clientv3.Client {
	t.Helper()
	c, err := newClient(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func newClient(endpoint string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
}

// A tail keeps the last of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b)
	if over := t.buf.Len() - 16<<10; over > 0 {
		t.buf.Next(over)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// eventually waits for something that another goroutine or process is about to
// do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", limit, what)
		}
	}
}

// within returns a context with a limit.
func within(t testing.TB, d time.Duration) context.Context {
	c, cancel := context.WithTimeout(ctx, d)
	t.Cleanup(cancel)
	return c
}
