package interop_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// A Ledger is a service that writes down which calls have run.
type Ledger struct {
	name   string
	enough chan struct{} // closed when so many calls have run that the server may go
	ending chan struct{} // closed once the server takes no more connections

	mu sync.Mutex
	// Protected by mu:
	left int // calls until there are enough
	ran  map[string]int
}

func newLedger(name string, enough int) *Ledger {
	return &Ledger{name: name, left: enough, ran: map[string]int{}, enough: make(chan struct{})}
}

// Work returns the name of the server and the id. Calls take different times, so
// that the end of the server meets them in every state; an id of a first call
// "hold" is answered when the server has begun to end.
func (l *Ledger) Work(id string, reply *[]string) error {
	l.mu.Lock()
	l.ran[id]++
	n := len(l.ran)
	if l.left--; l.left == 0 {
		close(l.enough)
	}
	l.mu.Unlock()
	if strings.HasPrefix(id, "hold ") {
		select {
		case <-l.ending:
		case <-time.After(limit):
		}
	} else if n%4 == 0 {
		time.Sleep(time.Duration(n%16) * 100 * time.Microsecond)
	}
	*reply = []string{l.name, id}
	return nil
}

// serve serves the ledger until the test ends; behind a Mux, or as a net/rpc
// service for clients of gob and JSON as well.
func (l *Ledger) serve(t *testing.T, by loop, listener net.Listener) *rpcutil.Server {
	t.Helper()
	s := new(rpcutil.Server)
	s.Codec.Logger = quiet
	var err error
	if by == byMux {
		mux := &rpcutil.Mux{Logger: quiet}
		s.Handler, err = mux, mux.Register(l)
	} else {
		server, names := rpc.NewServer(), new(rpcutil.Names)
		s.Handler, s.Codec.Names, s.Gob, s.JSON = server, names, true, true
		err = names.Register(server, l)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.ending = serveUntilTheEnd(t, s, listener)
	return s
}

// shutDown ends the server while it is called, which must not need the context.
func (l *Ledger) shutDown(t *testing.T, s *rpcutil.Server) {
	t.Helper()
	receive(t, l.enough, "enough calls")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// compare finds calls that ran and were not answered, or the reverse.
func compare(t *testing.T, answered map[string]int, ledgers ...*Ledger) {
	t.Helper()
	ran := map[string]int{}
	for _, l := range ledgers {
		l.mu.Lock()
		for id, n := range l.ran {
			ran[id] += n
		}
		l.mu.Unlock()
	}
	if diff := cmp.Diff(ran, answered); diff != "" {
		t.Errorf("calls that ran (-) and calls that were answered (+):\n%s", diff)
	}
	for id, n := range ran {
		if n != 1 {
			t.Errorf("call %s ran %d times", id, n)
		}
	}
}

// callUntilTheEnd calls in greenlets, each with a client of its own, until the
// connection ends. The ids of calls that were answered go to a file.
const callUntilTheEnd = `
clients = [connect() for _ in range(greenlet_count)]
def run(name, path):
    answered = []
    def one(worker):
        own = clients[worker]
        for i in range(1000000):
            id = '%s%s-%d-%d' % ('hold ' if worker == i == 0 else '', name, worker, i)
            try:
                reply = own.call('work', id)
            except OSError:
                return 'OSError'
            if reply[1] != id:
                return '%s was answered %r' % (id, reply)
            answered.append(id)
    outcomes = greenlets(greenlet_count, one)
    with open(path, 'w') as f:
        f.write('\n'.join(answered))
    return outcomes
`

// A caller is a Python process that calls in greenlets.
type caller struct {
	client  *python.Client
	path    string
	outcome chan string
}

const greenlets = 6 // of a process

func newCaller(t *testing.T, class, addr, definition string) *caller {
	t.Helper()
	client := pythontest.Client(t, addr, python.ClientConfig{Class: class})
	define(t, client, "greenlet_count = %d%s", greenlets, definition)
	return &caller{client, filepath.Join(t.TempDir(), "answered"), make(chan string, 1)}
}

// start begins to call.
func (c *caller) start(name string) {
	go func() {
		reply, err := c.client.Eval(fmt.Sprintf("run(%q, %q)", name, c.path))
		if err != nil {
			c.outcome <- err.Error()
			return
		}
		c.outcome <- reply.String()
	}()
}

// finish adds the ids of answered calls.
func (c *caller) finish(t *testing.T, answered map[string]int, want string) {
	t.Helper()
	if got := receive(t, c.outcome, "the end of the greenlets"); got != want {
		t.Errorf("the greenlets ended with %s\nwant %s", got, want)
	}
	ids, err := os.ReadFile(c.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range strings.Split(string(ids), "\n") {
		answered[id]++
	}
}

func loopback(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

// Every call that ran is answered to its caller, also those that run when the
// end begins; then each greenlet gets one OSError.
func TestShutdownLosesNoCallOfPython(t *testing.T) {
	pythontest.Need(t)
	for _, by := range []loop{byServer, byMux} {
		for _, class := range []string{rpcClient, poolClient} {
			t.Run(string(by)+"/"+class, func(t *testing.T) {
				l, ledger := loopback(t), newLedger("only", 1500)
				s := ledger.serve(t, by, l)
				var callers []*caller
				for range 3 {
					callers = append(callers, newCaller(t, class, l.Addr().String(), callUntilTheEnd))
				}
				for i, c := range callers {
					c.start(fmt.Sprint("process", i))
				}
				ledger.shutDown(t, s)
				answered := map[string]int{}
				for _, c := range callers {
					c.finish(t, answered, "list ["+strings.Repeat("'OSError', ", greenlets-1)+"'OSError']")
				}
				compare(t, answered, ledger)
				t.Logf("%d calls ran and were answered", len(answered))
			})
		}
	}
}

// callAcrossServers calls in greenlets on a pool until each has been answered
// fifty times by the second server.
const callAcrossServers = `
def run(name, path):
    answered, errors, opened = [], [], set()
    def one(worker):
        by_second = 0
        for i in range(1000000):
            id = '%s-%d-%d' % (name, worker, i)
            with pool.connection() as own:
                opened.add(own)
                try:
                    server, got = own.call('work', id)
                except OSError:
                    errors.append(id)
                    continue
            if got != id:
                return '%s was answered %s' % (id, got)
            answered.append(id)
            by_second += server == 'second'
            if by_second == 50:
                return 'done'
    outcomes = greenlets(greenlet_count, one)
    with open(path, 'w') as f:
        f.write('\n'.join(answered))
    return set(outcomes), len(opened), len(errors)
`

// A pool of Python's goes from one server to the next on the same port, at the
// price of one error for each connection. The next one has taken the listening
// socket over, as systemd or a parent process would hand it on, so that at no
// moment a connection is refused: mprpc's pool does not recover from that.
func TestPoolOfPythonGoesOnWithTheNextServer(t *testing.T) {
	pythontest.Need(t)
	l := loopback(t)
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	next, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	first, second := newLedger("first", 500), newLedger("second", 0)
	s := first.serve(t, byMux, l)
	c := newCaller(t, poolClient, l.Addr().String(), callAcrossServers)
	c.start("pool")
	receive(t, first.enough, "enough calls")
	second.serve(t, byMux, next)
	first.shutDown(t, s)
	answered := map[string]int{}
	c.finish(t, answered, fmt.Sprintf("tuple ({'done'}, %d, %[1]d)", greenlets))
	compare(t, answered, first, second)
	t.Logf("%d calls by the first server, %d by the second", len(first.ran), len(second.ran))
}

// Clients of gob and JSON, of the standard library, call the same service on the
// same port as Python, and lose nothing at its end either.
func TestShutdownOfAllProtocolsLosesNoCall(t *testing.T) {
	pythontest.Need(t)
	l, ledger := loopback(t), newLedger("only", 3000)
	addr := l.Addr().String()
	s := ledger.serve(t, byServer, l)
	gob, err := rpc.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer gob.Close()
	json, err := jsonrpc.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer json.Close()
	pack := dial(t, addr, codec.Options{})
	python := newCaller(t, rpcClient, addr, callUntilTheEnd)
	python.start("python")

	answered := map[string]int{}
	var mu sync.Mutex // protects answered
	var calling sync.WaitGroup
	for name, client := range map[string]*rpc.Client{"gob": gob, "JSON": json, "MessagePack": pack} {
		for worker := range greenlets {
			calling.Go(func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("%s-%d-%d", name, worker, i)
					if worker == 0 && i == 0 {
						id = "hold " + id
					}
					var reply []string
					if err := client.Call("Ledger.Work", id, &reply); err != nil {
						wantEnd(t, id, err)
						return
					}
					if diff := cmp.Diff([]string{"only", id}, reply); diff != "" {
						t.Errorf("%s was answered (-want +got):\n%s", id, diff)
						return
					}
					mu.Lock()
					answered[id]++
					mu.Unlock()
				}
			})
		}
	}
	ledger.shutDown(t, s)
	calling.Wait()
	python.finish(t, answered, "list ["+strings.Repeat("'OSError', ", greenlets-1)+"'OSError']")
	compare(t, answered, ledger)
	counts := map[string]int{}
	for id := range answered {
		name, _, _ := strings.Cut(strings.TrimPrefix(id, "hold "), "-")
		counts[name]++
	}
	t.Logf("calls that ran and were answered: %v", counts)
}

// wantEnd refuses an error that is an answer: the call would have run.
func wantEnd(t *testing.T, id string, err error) {
	t.Helper()
	var answer rpc.ServerError
	if errors.As(err, &answer) {
		t.Errorf("%s: the answer %v, want the end of the connection", id, err)
	}
}
