package etcd_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/pool/etcd"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// childVariable makes the test binary a server that registers in the etcd at the
// address that it holds.
const childVariable = "MPRPC_ETCD_CHILD"

// short are the options of the tests that wait for a lease to end.
var short = etcd.Options{TTL: 2 * time.Second, Resync: 4 * time.Second}

// runServer prints its address when it is registered. It drains at the word
// "drain", as the package documentation says, and ends with its standard input,
// and therefore with the test.
func runServer(endpoint string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mux rpcutil.Mux
	sum := func(x, y int) int {
		time.Sleep(2 * time.Millisecond) // so that some are under way whatever happens
		return x + y
	}
	mux.Handle("sum", sum)
	mux.Handle("add", sum)
	server := rpcutil.Server{Handler: &mux}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	client, err := newClient(endpoint)
	if err != nil {
		fail(err)
	}
	r, err := short.Register(ctx, client, "sum", listener.Addr().String())
	if err != nil {
		fail(err)
	}
	fmt.Println(listener.Addr())
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	if line != "drain\n" {
		os.Exit(0)
	}
	if err := r.Withdraw(ctx); err != nil {
		fail(err)
	}
	time.Sleep(time.Second)
	if err := server.Shutdown(ctx); err != nil {
		fail(err)
	}
	if err := <-served; err != rpcutil.ErrServerClosed {
		fail(err)
	}
	os.Exit(0)
}

// A server is a process with runServer.
type server struct {
	t      *testing.T
	addr   string
	cmd    *exec.Cmd
	stdin  interface{ Write([]byte) (int, error) }
	stderr tail
	ended  chan error // gets what cmd.Wait returns
}

func startServer(t *testing.T, endpoint string) *server {
	t.Helper()
	s := &server{t: t, cmd: exec.Command(os.Args[0]), ended: make(chan error, 1)}
	s.cmd.Env = append(os.Environ(), childVariable+"="+endpoint)
	s.cmd.Stderr = &s.stderr
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		lines <- strings.TrimSpace(line)
		s.ended <- s.cmd.Wait()
	}()
	t.Cleanup(func() {
		stdin.Close()
		s.kill()
		if text := s.stderr.String(); t.Failed() && text != "" {
			t.Logf("standard error of the server at %s:\n%s", s.addr, text)
		}
	})
	select {
	case s.addr = <-lines:
	case <-time.After(limit):
	}
	if s.addr == "" {
		t.Fatal("a server does not start")
	}
	return s
}

// kill ends the process at once (SIGKILL) and waits for its end. It may be called
// again.
func (s *server) kill() {
	s.cmd.Process.Kill()
	s.ended <- <-s.ended
}

// drain asks the server to end in peace, which it must.
func (s *server) drain() {
	s.t.Helper()
	if _, err := s.stdin.Write([]byte("drain\n")); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		s.ended <- err
		if err != nil {
			s.t.Errorf("a server that was drained: %v", err)
		}
	case <-time.After(limit):
		s.t.Fatal("a server does not drain")
	}
}
