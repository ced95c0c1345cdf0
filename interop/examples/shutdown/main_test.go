//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// programVariable makes the test binary the program itself.
const programVariable = "MPRPC_EXAMPLE_SHUTDOWN"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		return
	}
	codectest.Main(m)
}

const limit = 30 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// A program is the example in a process of its own.
type program struct {
	cmd    *exec.Cmd
	addr   string
	begins chan string // gets the method of each call that begins
	ended  chan error  // gets what Wait returned
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{
		cmd:    exec.Command(os.Args[0], append([]string{"-listen", "127.0.0.1:0"}, args...)...),
		begins: make(chan string, 100), ended: make(chan error, 1),
	}
	p.cmd.Env = append(os.Environ(), programVariable+"=1")
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tooLong := time.AfterFunc(limit, func() { p.cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, rest, ok := strings.Cut(lines.Text(), `call begins method=`); ok {
				method, _, _ := strings.Cut(rest, " ")
				p.begins <- method
			}
		}
		p.ended <- p.cmd.Wait() // not before all output has been read
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		tooLong.Stop()
		<-waited
	})
	var ok bool
	if p.addr, ok = strings.CutPrefix(strings.TrimSpace(line), "LISTEN "); !ok {
		t.Fatalf("the program printed %q, %v", line, err)
	}
	return p
}

// waitForCalls returns when so many calls have begun.
func (p *program) waitForCalls(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-p.begins:
		case <-time.After(limit):
			t.Fatal("a call has not begun")
		}
	}
}

func (p *program) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// callers is how many calls run when the signal comes.
const callers = 5

func TestCallsAreAnsweredAfterSIGTERM(t *testing.T) {
	p := start(t)
	client, err := rpcutil.Dial(t.Context(), "tcp", p.addr, rpcutil.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if sum, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); sum != 3 || err != nil {
		t.Fatal(sum, err)
	}
	p.waitForCalls(t, 1)
	outcomes := make(chan string, callers)
	for range callers {
		go func() { outcomes <- fmt.Sprintln(rpcutil.Call[string](t.Context(), client, "nap", 0.5)) }()
	}
	p.waitForCalls(t, callers)
	p.terminate(t)
	for range callers {
		if got := <-outcomes; got != "slept <nil>\n" {
			t.Errorf("a call that ran brought %q", got)
		}
	}
	if err := <-p.ended; err != nil {
		t.Errorf("the program ended with %v", err)
	}
	if _, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); err == nil {
		t.Error("a call after the end was answered")
	}
	if again, err := rpcutil.Dial(t.Context(), "tcp", p.addr, rpcutil.ClientOptions{}); err == nil {
		again.Close()
		t.Error("a connection after the end")
	}
}

func TestCallsOfPythonAreAnsweredAfterSIGTERM(t *testing.T) {
	pythontest.Need(t)
	p := start(t)
	client := pythontest.Client(t, p.addr, python.ClientConfig{})
	outcome := make(chan string, 1)
	go func() {
		expr := fmt.Sprintf("greenlets(%d, lambda i: (lambda c: (c.call('nap', 0.5), outcome(c.call, 'sum', 1, 2)[:7]))(connect()))", callers)
		reply, err := client.Eval(expr)
		outcome <- fmt.Sprint(reply, err)
	}()
	p.waitForCalls(t, callers)
	p.terminate(t)
	one := "('slept', 'OSError')"
	if got, want := <-outcome, "list ["+strings.Repeat(one+", ", callers-1)+one+"] <nil>"; got != want {
		t.Errorf("Python got %s\nwant %s", got, want)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("the program ended with %v", err)
	}
}

// A call that does not end in time is cut, which its caller and whoever started
// the program are told.
func TestGraceIsNotForEver(t *testing.T) {
	p := start(t, "-grace", "50ms")
	client, err := rpcutil.Dial(t.Context(), "tcp", p.addr, rpcutil.ClientOptions{Codec: codec.Options{Logger: quiet}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	outcome := make(chan error, 1)
	go func() {
		_, err := rpcutil.Call[string](context.Background(), client, "nap", 3600)
		outcome <- err
	}()
	p.waitForCalls(t, 1)
	p.terminate(t)
	var answer *codec.Error
	if err := <-outcome; err == nil || errors.As(err, &answer) {
		t.Errorf("the call brought %v, want the end of the connection", err)
	}
	var exit *exec.ExitError
	if err := <-p.ended; !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the program ended with %v, want status 1", err)
	}
}
