package interop_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/rpcutil"
)

// serverVariable makes the test binary a server at the address that it holds.
const serverVariable = "MPRPC_INTEROP_SERVER"

// runServer prints its address. It shuts down when told to, and ends with its
// standard input, and therefore with the parent.
func runServer(address string) {
	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })
	mux.Handle("pid", os.Getpid)
	server := rpcutil.Server{Handler: &mux}
	server.Codec.Logger = quiet
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go server.Serve(listener)
	fmt.Println(listener.Addr())
	if line, _ := bufio.NewReader(os.Stdin).ReadString('\n'); line == "shutdown\n" {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// A serverChild is a process with runServer.
type serverChild struct {
	t     *testing.T
	addr  string
	cmd   *exec.Cmd
	stdin interface{ Write([]byte) (int, error) }
	ended chan error // gets what cmd.Wait returns
}

func startServer(t *testing.T, address string) *serverChild {
	t.Helper()
	s := &serverChild{t: t, cmd: exec.Command(os.Args[0]), ended: make(chan error, 1)}
	s.cmd.Env = append(os.Environ(), serverVariable+"="+address)
	s.cmd.Stderr = os.Stderr
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
	})
	if s.addr = receive(t, lines, "the address of a server"); s.addr == "" {
		t.Fatal("a server does not start")
	}
	return s
}

// kill ends the process at once (SIGKILL) and waits for its end. It may be called
// again.
func (s *serverChild) kill() {
	s.cmd.Process.Kill()
	s.ended <- <-s.ended
}

// shutdown asks the server to end in good order, which it must.
func (s *serverChild) shutdown() {
	s.t.Helper()
	if _, err := s.stdin.Write([]byte("shutdown\n")); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		s.ended <- err
		if err != nil {
			s.t.Errorf("a server that was shut down: %v", err)
		}
	case <-time.After(limit):
		s.t.Fatal("a server does not shut down")
	}
}
