package python

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// closeGrace is how long Close lets a process end by itself, and Kill lets the last output arrive.
const closeGrace = 5 * time.Second

// Process is a running script. Its methods are safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	addr   string
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr *tail
	lines  chan string

	quit chan struct{} // closed when the caller wants no more lines
	done chan struct{} // closed after the process has been waited for
	exit error         // what Wait said; read it only after done

	quitOnce  sync.Once
	closeOnce sync.Once
	closeErr  error // result of the first Close
	killed    atomic.Bool
}

// start runs python with args and waits for its first line.
func start(ctx context.Context, python string, args []string) (*Process, error) {
	cmd := exec.Command(python, args...)
	cmd.Env = cleanEnviron()
	cmd.WaitDelay = closeGrace // in case a grandchild keeps stderr open
	p := &Process{
		cmd: cmd, stderr: &tail{limit: 64 << 10}, lines: make(chan string, 256),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	cmd.Stderr = p.stderr
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	if p.stdout, err = cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	go p.read()

	script := strings.Join(args, " ")
	select {
	case line, ok := <-p.lines:
		if !ok {
			<-p.done
			return nil, fmt.Errorf("python: %s ended before its first line: %v\n%s", script, p.exit, p.Stderr())
		}
		listen, isListen := strings.CutPrefix(line, "LISTEN ")
		if !isListen && line != "READY" {
			return nil, errors.Join(fmt.Errorf("python: %s printed %q first, want LISTEN host:port", script, line), p.Kill())
		}
		p.addr = listen
		if !isListen {
			p.addr = ""
		}
		return p, nil
	case <-ctx.Done():
		err := fmt.Errorf("python: %s printed no first line: %w\n%s", script, context.Cause(ctx), p.Stderr())
		return nil, errors.Join(err, p.Kill())
	}
}

// read passes lines on until stdout ends, then waits for the process. It is the only goroutine of a Process: Wait must
// not run before the last line is read, because it closes the pipe.
func (p *Process) read() {
	for r := bufio.NewReader(p.stdout); ; {
		line, err := r.ReadString('\n')
		if err != nil { // what follows the last newline is no line: the process died while writing it
			break
		}
		select {
		case p.lines <- strings.TrimRight(line, "\r\n"):
		case <-p.quit:
		}
	}
	close(p.lines)
	p.exit = p.cmd.Wait()
	close(p.done)
}

// Addr returns the address that the script listens on, "" if it only said READY.
func (p *Process) Addr() string { return p.addr }

// Stdin is the script's standard input. To close it asks the scripts of this package to end.
func (p *Process) Stdin() io.WriteCloser { return p.stdin }

// Lines carries the lines on standard output after the first and is closed when that ends. A script whose lines nobody
// takes is blocked after some hundreds of them.
func (p *Process) Lines() <-chan string { return p.lines }

// Stderr returns the last 64 KB that the script has written to standard error so far.
func (p *Process) Stderr() string { return p.stderr.String() }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the process at once (SIGKILL) and waits for its end. It returns nil also when the process has ended before.
func (p *Process) Kill() error {
	p.killed.Store(true)
	return p.kill()
}

// Close ends the standard input, which the scripts take as the request to end, and waits; after five seconds it kills.
// The error says if that was needed, or if the process had failed by itself, with its standard error. After Kill it is
// nil; when called again, Close only repeats the first result.
func (p *Process) Close() error {
	p.closeOnce.Do(func() { p.closeErr = p.close() })
	return p.closeErr
}

func (p *Process) close() error {
	p.takeNoLines()
	p.stdin.Close() // an error means that the process is gone already
	timer := time.NewTimer(closeGrace)
	defer timer.Stop()
	select {
	case <-p.done:
		if p.exit != nil && !p.killed.Load() {
			return fmt.Errorf("python: %s: %w\n%s", strings.Join(p.cmd.Args, " "), p.exit, p.Stderr())
		}
		return nil
	case <-timer.C:
		err := fmt.Errorf("python: %s did not end when its input ended\n%s", strings.Join(p.cmd.Args, " "), p.Stderr())
		return errors.Join(err, p.kill())
	}
}

func (p *Process) kill() error {
	p.takeNoLines()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("python: %w", err)
	}
	timer := time.NewTimer(closeGrace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.stdout.Close() // a grandchild holds the other end; read would wait for it
		<-p.done
	}
	return nil
}

// takeNoLines lets read run to the end though nobody receives.
func (p *Process) takeNoLines() { p.quitOnce.Do(func() { close(p.quit) }) }
