package interop_test

import (
	"bufio"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// childVariable makes the test binary a Go peer that can be killed: "serve"
// and a loop is a server, an address is that of the server whose hold it calls.
const childVariable = "MPRPC_INTEROP_CHILD"

// runChild ends with the standard input, and therefore with the parent.
func runChild(mode string) {
	line := mode
	if by, ok := strings.CutPrefix(mode, "serve "); ok {
		s, err := listen("127.0.0.1:0", loop(by), codec.Options{})
		if err != nil {
			line = err.Error()
		} else {
			s.service.onHold = func(name string) { fmt.Println("HELD", name) }
			line = s.addr
		}
	} else if client, err := codec.Dial("tcp", mode); err != nil {
		line = err.Error()
	} else {
		client.Go("hold", "from a child", nil, make(chan *rpc.Call, 1))
	}
	fmt.Println(line)
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// A child is a Go peer in a process of its own.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Reader
}

func startChild(t *testing.T, mode string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childVariable+"="+mode)
	c.cmd.Stderr = os.Stderr
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewReader(stdout)
	tooLong := time.AfterFunc(limit, c.kill)
	t.Cleanup(func() {
		tooLong.Stop()
		c.kill()
		stdin.Close()
		c.cmd.Wait() // killed, and so always an error
	})
	return c
}

// line returns what the child prints next.
func (c *child) line(t *testing.T) string {
	t.Helper()
	line, err := c.lines.ReadString('\n')
	if err != nil {
		t.Fatalf("the Go peer printed %q: %v", line, err)
	}
	return strings.TrimSpace(line)
}

func (c *child) kill() { c.cmd.Process.Kill() }
