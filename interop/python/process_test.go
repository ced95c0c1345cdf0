//go:build unix

package python_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
)

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) != "" {
		parentOfAServer()
	}
	code := m.Run()
	// The goroutine of a Process closes Done as its last act and may still be on its way out.
	deadline := time.Now().Add(5 * time.Second)
	for code == 0 && leftover() != "" {
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "goroutine left:\n%s\n", leftover())
			code = 1
		}
		runtime.Gosched()
	}
	os.Exit(code)
}

// leftover returns the stack of a goroutine that a Process has started, "" if there is none.
func leftover() string {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "python.(*Process).") {
			return stack
		}
	}
	return ""
}

// run starts a script given as text.
func run(t *testing.T, ctx context.Context, text string) (*python.Process, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.py")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return pythontest.Need(t).Start(ctx, path)
}

// pid reads the process id, which the scripts below print after the first line.
func pid(t *testing.T, p *python.Process) int {
	t.Helper()
	id, err := strconv.Atoi(<-p.Lines())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

const (
	polite = "import os, sys\nprint('READY')\nprint(os.getpid())\nsys.stdin.read()\n"
	// chatty fills every buffer between the processes, as a script does whose lines nobody takes.
	chatty = "import os\nprint('READY')\nprint(os.getpid())\nwhile True: print('x' * 1000)\n"
	failed = "import os, sys\nprint('READY')\nprint(os.getpid())\nsys.stdin.read()\nraise SystemExit('out of luck')\n"
)

func TestNothingIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		end    func(*python.Process) error
		want   string // part of the error
	}{
		"close":                {polite, (*python.Process).Close, ""},
		"kill":                 {polite, (*python.Process).Kill, ""},
		"kill while it prints": {chatty, (*python.Process).Kill, ""},
		"close after failure":  {failed, (*python.Process).Close, "out of luck"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := run(t, t.Context(), test.script)
			if err != nil {
				t.Fatal(err)
			}
			id := pid(t, p)
			for range 2 { // the second time it only repeats the result
				if err := test.end(p); test.want == "" && err != nil || test.want != "" &&
					(err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("error %v, want %q in it", err, test.want)
				}
			}
			if err := p.Kill(); err != nil {
				t.Errorf("Kill after the end: %v", err)
			}
			if err := syscall.Kill(id, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d is still there: %v", id, err)
			}
			if p.Addr() != "" {
				t.Errorf("address %q of a script that said READY", p.Addr())
			}
		})
	}
}

func TestStartShowsWhyAScriptFailed(t *testing.T) {
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the test has waited enough"))
	for name, test := range map[string]struct {
		ctx    context.Context
		script string
		want   []string
	}{
		"crash":            {t.Context(), "def f(): return {}['k']\nf()\n", []string{"exit status 1", "KeyError: 'k'"}},
		"wrong first line": {t.Context(), "print('hello')\ninput()\n", []string{`"hello"`, "LISTEN host:port"}},
		"no first line":    {ended, "input()\n", []string{"the test has waited enough"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, test.ctx, test.script)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q in it", err, want)
				}
			}
		})
	}
}

func TestALongStderrKeepsItsEnd(t *testing.T) {
	p, err := run(t, t.Context(), "import sys\nprint('READY')\nsys.stderr.write('x' * 100000 + 'the end')\n")
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if text := p.Stderr(); len(text) > 70_000 || !strings.HasSuffix(text, "the end") {
		t.Errorf("stderr has %d bytes and ends in %q", len(text), text[max(0, len(text)-10):])
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A handler that raises SystemExit ends a real server, with its status.
func TestDoneReportsAServerThatEnds(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	client := pythontest.Client(t, server.Addr(), python.ClientConfig{})
	eval(t, client, "call('fail', 'SystemExit', 3)")
	<-server.Done()
	if err := server.Close(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Close says %v, want exit status 3", err)
	}
}

func TestEvalGivesUp(t *testing.T) {
	server := pythontest.Server(t, python.ServerOptions{})
	client := pythontest.Client(t, server.Addr(), python.ClientConfig{Timeout: 50 * time.Millisecond})
	for range 2 {
		reply, err := client.Eval("call('nap', 60, None)")
		if err == nil || !strings.Contains(err.Error(), "no reply within 50ms") {
			t.Errorf("Eval gives %v, %v", reply, err)
		}
	}
}

const parentVariable = "MPRPC_TEST_PARENT_OF_A_SERVER"

// parentOfAServer is what the test below runs as a process of its own.
func parentOfAServer() {
	env, err := python.Setup(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	server, err := env.Server(context.Background(), python.ServerOptions{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.Addr())
	select {}
}

func TestAServerDiesWithItsParent(t *testing.T) {
	pythontest.Need(t)
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"=1")
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Wait()
	defer parent.Process.Kill()
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimSpace(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := parent.Process.Kill(); err != nil { // SIGKILL: no code of the parent runs any more
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read gives %d, %v: the server outlived its parent", n, err)
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read gives %v", err)
	}
}
