//go:build unix

// HAProxy runs on Unix alone.

package interop_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
)

// A haproxy is a real HAProxy with the configuration of the docs, in front of
// three servers a, b and c.
type haproxy struct {
	t     *testing.T
	addr  string
	admin string // the socket that it is asked and told things on
}

// startHAProxy starts one that ends with the test. Where there is none the test is
// skipped, but fails under CI=true.
func startHAProxy(t *testing.T, servers ...string) *haproxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "haproxy") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// It gets the listener itself, so that the port is the system's choice.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	h := &haproxy{t: t, addr: l.Addr().String(), admin: filepath.Join(dir, "admin")}
	cmd := exec.Command(findHAProxy(t), "-db", "-f", "haproxy/haproxy.cfg")
	cmd.ExtraFiles = []*os.File{file}
	cmd.Env = append(os.Environ(), "MPRPC_LISTEN=fd@3", "MPRPC_ADMIN="+h.admin)
	for i, s := range servers {
		cmd.Env = append(cmd.Env, fmt.Sprintf("MPRPC_SERVER_%c=%s", 'A'+i, s))
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() { cmd.Wait() })
	t.Cleanup(func() {
		cmd.Process.Kill()
		ended.Wait()
		if t.Failed() {
			t.Logf("output of haproxy:\n%s", &output)
		}
	})
	for _, name := range []string{"a", "b", "c"} {
		h.until(name, "check_status", "L7OK")
	}
	return h
}

func findHAProxy(t *testing.T) string {
	t.Helper()
	names := []string{"haproxy", "/usr/sbin/haproxy"} // which is not on everybody's path
	if name := os.Getenv("MPRPC_HAPROXY"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	const remedy = "peer missing: haproxy; install it (Debian: apt-get install haproxy) or set MPRPC_HAPROXY to the program"
	if os.Getenv("CI") == "true" {
		t.Fatal(remedy)
	}
	t.Skip(remedy)
	return ""
}

// tell gives HAProxy a command and returns its answer.
func (h *haproxy) tell(command string) (string, error) {
	conn, err := net.Dial("unix", h.admin)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	if _, err := fmt.Fprintln(conn, command); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// is returns what HAProxy says of a server, "" before it says anything.
func (h *haproxy) is(server, what string) string {
	answer, err := h.tell("show stat")
	if err != nil {
		return ""
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(answer, "# "))).ReadAll()
	if err != nil || len(rows) == 0 {
		h.t.Fatalf("%q: %v", answer, err)
	}
	for _, row := range rows {
		for i, column := range rows[0] {
			if len(row) > i && row[1] == server && column == what {
				return row[i]
			}
		}
	}
	return ""
}

// until waits for HAProxy to say something of a server.
func (h *haproxy) until(server, what, value string) {
	h.t.Helper()
	eventually(h.t, fmt.Sprintf("%s of %s is %s", what, server, value), func() bool {
		return strings.HasPrefix(h.is(server, what), value)
	})
}

// count is a number that HAProxy says of a server.
func (h *haproxy) count(server, what string) int {
	h.t.Helper()
	n, err := strconv.Atoi(h.is(server, what))
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// tries is how many connections a server was given, less those that it refused
// and another server has got.
func (h *haproxy) tries(server string) int {
	return h.count(server, "stot") - h.count(server, "wredis")
}

// eventually waits for something that another goroutine or process is about to
// do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", limit, what)
		}
	}
}

// poolWorkers are greenlets that take clients out of a gsocketpool and call.
const poolWorkers = `
import collections
good, errors, quit = collections.Counter(), [], []
def work(i):
    n = 0
    while not quit:
        n += 1
        with pool.connection() as c:
            try:
                assert c.call('sum', i, n) == i + n
                good[i] += 1
            except Exception as e:
                errors.append((id(c), '%s: %s' % (type(e).__name__, e), isinstance(e, OSError)))
        gevent.sleep(0.005)
workers = [gevent.spawn(work, i) for i in range(12)]
def all_call():
    before = dict(good)
    with gevent.Timeout(20):
        while any(good[i] < before.get(i, 0) + 5 for i in range(12)):
            gevent.sleep(0.01)
def worst():
    return max(collections.Counter(c for c, text, ok in errors).values(), default=0)
def lost_only():
    return all(ok for c, text, ok in errors)
def stop():
    quit.append(True)
    gevent.joinall(workers, timeout=20, raise_error=True)
    return errors
`

// workers are the greenlets, in a process of their own.
type workers struct {
	t *testing.T
	*python.Client
}

func startWorkers(t *testing.T, addr string, options, pool map[string]any) *workers {
	t.Helper()
	w := &workers{t, pythontest.Client(t, addr, python.ClientConfig{Class: "RPCPoolClient", Options: options, Pool: pool})}
	if reply, err := w.Exec(poolWorkers); err != nil || !reply.OK {
		t.Fatal(reply, err)
	}
	return w
}

func (w *workers) eval(expr string) string {
	w.t.Helper()
	reply, err := w.Eval(expr)
	if err != nil || !reply.OK {
		w.t.Fatal(reply, err)
	}
	return reply.Repr
}

// Each of the servers is replaced: one is killed, one is shut down and one hangs.
// A gsocketpool sees at most one error for each connection that it had to it, and calls
// successfully with all of its clients afterwards.
func TestHAProxy(t *testing.T) {
	pythontest.Need(t)
	a, b, c := startServer(t, "127.0.0.1:0"), startServer(t, "127.0.0.1:0"), startServer(t, "127.0.0.1:0")
	h := startHAProxy(t, a.addr, b.addr, c.addr)
	w := startWorkers(t, h.addr, map[string]any{"timeout": 20}, nil)
	w.eval("all_call()")
	for _, replace := range []struct {
		name string
		old  *serverChild
		how  func(*serverChild)
	}{
		{"a", a, (*serverChild).kill},
		{"b", b, (*serverChild).shutdown},
		{"c", c, func(s *serverChild) { s.cmd.Process.Signal(syscall.SIGSTOP) }},
	} {
		had, tries := h.count(replace.name, "scur"), h.tries(replace.name)
		if had == 0 {
			t.Errorf("%s has no connection", replace.name)
		}
		replace.how(replace.old)
		h.until(replace.name, "status", "DOWN")
		w.eval("all_call()")
		// A server that is killed may be connected to once more, while it dies.
		lost := had + h.tries(replace.name) - tries
		errors, err := strconv.Atoi(w.eval("len(errors)"))
		t.Logf("%s lost %d connections; %d errors", replace.name, lost, errors)
		if err != nil || errors > lost || w.eval("lost_only()") != "True" {
			t.Errorf("these are %s", w.eval("errors"))
		}
		if worst := w.eval("worst()"); lost == had && worst > "1" {
			t.Errorf("a client has lost one connection and had %s errors: %s", worst, w.eval("errors"))
		}
		w.eval("errors.clear()")

		replace.old.kill()
		again := startServer(t, replace.old.addr)
		h.until(replace.name, "status", "UP")
		// It has no connections, and so it gets the next.
		if got, want := w.eval("reopen().call('pid')"), strconv.Itoa(again.cmd.Process.Pid); got != want {
			t.Errorf("%s: the next connection went to the process %s, not to %s", replace.name, got, want)
		}
		w.eval("all_call()")
	}
	if errors := w.eval("stop()"); errors != "[]" {
		t.Errorf("with all servers back: %s", errors)
	}
}

// A server that is replaced on purpose costs no call if clients have a lifetime:
// it drains, gets no new connections, and ends when the old ones have ended.
func TestHAProxyDrain(t *testing.T) {
	pythontest.Need(t)
	a, b, c := startServer(t, "127.0.0.1:0"), startServer(t, "127.0.0.1:0"), startServer(t, "127.0.0.1:0")
	h := startHAProxy(t, a.addr, b.addr, c.addr)
	w := startWorkers(t, h.addr, map[string]any{"lifetime": 1}, map[string]any{"reap_interval": 0.2})
	for name, s := range map[string]*serverChild{"a": a, "b": b} {
		w.eval("all_call()")
		if answer, err := h.tell("set server sum/" + name + " state drain"); err != nil || strings.TrimSpace(answer) != "" {
			t.Fatal(answer, err)
		}
		h.until(name, "scur", "0")
		s.shutdown()
		startServer(t, s.addr)
		if answer, err := h.tell("set server sum/" + name + " state ready"); err != nil || strings.TrimSpace(answer) != "" {
			t.Fatal(answer, err)
		}
		h.until(name, "status", "UP")
		eventually(t, "it has connections again", func() bool { return h.count(name, "scur") > 0 })
	}
	if errors := w.eval("stop()"); errors != "[]" {
		t.Error(errors)
	}
}

// The check is a call that mprpc's own server answers with the same bytes.
func TestHAProxyChecksMprpc(t *testing.T) {
	mprpc := pythontest.Server(t, python.ServerOptions{})
	b, c := startServer(t, "127.0.0.1:0"), startServer(t, "127.0.0.1:0")
	h := startHAProxy(t, mprpc.Addr(), b.addr, c.addr) // waits for the answers
	if status := h.is("a", "status"); status != "UP" {
		t.Error(status)
	}
}
