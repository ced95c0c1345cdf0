package run

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/go-mprpc/mprpc/interop/python"
)

// A process is a child that has printed its first line. python.Process is one
// kind, goProcess the other.
type process interface {
	Addr() string
	Stdin() io.WriteCloser
	Lines() <-chan string
	Stderr() string
	Kill() error
}

// ask sends a command and reads the answer into reply.
func ask(ctx context.Context, p process, command string, reply any) error {
	if _, err := io.WriteString(p.Stdin(), command+"\n"); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, p.Stderr())
	}
	select {
	case line, on := <-p.Lines():
		if !on {
			return fmt.Errorf("%s: the process ended\n%s", command, p.Stderr())
		}
		var f failure
		if json.Unmarshal([]byte(line), &f) == nil && f.Error != "" {
			return errors.New(f.Error)
		}
		return json.Unmarshal([]byte(line), reply)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w\n%s", command, context.Cause(ctx), p.Stderr())
	}
}

// startPython runs a script in the environment of the Python peers.
func startPython(ctx context.Context, env *Python, args ...string) (process, error) {
	p, err := env.env.Start(ctx, env.script("run.py"), append([]string{env.Extras}, args...)...)
	if err != nil {
		return nil, err
	}
	return p, nil
}

var _ process = (*python.Process)(nil)

// goProcess is this program again, in another role.
type goProcess struct {
	cmd    *exec.Cmd
	addr   string
	stdin  io.WriteCloser
	lines  chan string
	stderr bytes.Buffer // read it only after the process has ended
	done   chan struct{}
}

func startGo(ctx context.Context, r role) (*goProcess, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &goProcess{cmd: exec.Command(self), lines: make(chan string, 16), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	p.cmd.Stderr = &p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for in := bufio.NewScanner(stdout); in.Scan(); {
			p.lines <- in.Text()
		}
		close(p.lines)
		p.cmd.Wait() // how it ended is told by the lines that are missing
		close(p.done)
	}()
	select {
	case line, on := <-p.lines:
		if addr, listens := strings.CutPrefix(line, "LISTEN "); listens {
			p.addr = addr
		} else if !on || line != "READY" {
			p.Kill()
			return nil, fmt.Errorf("%s of %s: first line is %q\n%s", r.Kind, r.Peer, line, p.Stderr())
		}
		return p, nil
	case <-ctx.Done():
		p.Kill()
		return nil, fmt.Errorf("%s of %s printed no first line: %w", r.Kind, r.Peer, context.Cause(ctx))
	}
}

func (p *goProcess) Addr() string          { return p.addr }
func (p *goProcess) Stdin() io.WriteCloser { return p.stdin }
func (p *goProcess) Lines() <-chan string  { return p.lines }

// Stderr returns what the process wrote, once it has ended; it gives one that is
// about to end a moment for that.
func (p *goProcess) Stderr() string {
	select {
	case <-p.done:
		return p.stderr.String()
	case <-time.After(time.Second):
		return "(the process is still running)"
	}
}

// Kill ends the process and waits for it.
func (p *goProcess) Kill() error {
	p.stdin.Close()
	p.cmd.Process.Kill() // an error means that it has ended
	for range p.lines {
	}
	<-p.done
	return nil
}
