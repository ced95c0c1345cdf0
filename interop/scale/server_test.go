package scale_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/rpcutil"
)

// childVariable makes the test binary a server or a client; configVariable has
// its config.
const (
	childVariable  = "MPRPC_SCALE_CHILD"
	configVariable = "MPRPC_SCALE_CONFIG"
)

// A config is what a child is to do.
type config struct {
	Addr  string        // of the server, for a client
	Conns int           // that a client makes, or a server must be able to have
	Raw   bool          // connections without a pool
	Work  time.Duration // that a call of a server's work takes
	Calls int           // of a server that run at once
}

func childConfig() (c config) {
	if err := json.Unmarshal([]byte(os.Getenv(configVariable)), &c); err != nil {
		die(err)
	}
	if n := descriptors(c.Conns + spareDescriptors); n < c.Conns {
		die(fmt.Errorf("%d descriptors for %d connections", n, c.Conns))
	}
	return c
}

// spareDescriptors are for everything else.
const spareDescriptors = 100

func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// say prints a value as a line for the test.
func say(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		die(err)
	}
	fmt.Println(string(b))
}

// runServer says its address and ends with its standard input, and therefore with
// the test.
func runServer() {
	c := childConfig()
	var open atomic.Int64
	var mux rpcutil.Mux
	mux.Handle("sum", func(x, y int) int { return x + y })
	mux.Handle("work", func() { time.Sleep(c.Work) })
	mux.Handle("usage", func() Usage {
		u := usage()
		u.Conns = int(open.Load())
		return u
	})
	server := rpcutil.Server{
		Handler: &mux, MaxCalls: c.Calls,
		Hooks: rpcutil.Hooks{
			ConnOpened: func(rpcutil.ConnInfo) { open.Add(1) },
			ConnClosed: func(rpcutil.ConnInfo, error) { open.Add(-1) },
		},
	}
	server.Codec.Logger = quiet
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		die(err)
	}
	go server.Serve(l)
	say(l.Addr().String())
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// A child is a process of the simulation.
type child struct {
	t     *testing.T
	stdin io.WriteCloser
	lines chan string
}

func start(t *testing.T, kind string, c config) *child {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+kind, configVariable+"="+string(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	ch := &child{t: t, lines: make(chan string)}
	if ch.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		defer cmd.Wait() // killed, and so always an error
		defer close(ch.lines)
		for r := bufio.NewScanner(stdout); r.Scan(); {
			select {
			case ch.lines <- r.Text():
			case <-quit:
			}
		}
	})
	t.Cleanup(func() {
		close(quit)
		ch.stdin.Close()
		cmd.Process.Kill()
		ended.Wait()
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("standard error of a %s:\n%s", kind, &stderr)
		}
	})
	return ch
}

// hear takes what a child says.
func hear[T any](c *child) (v T) {
	c.t.Helper()
	select {
	case line, ok := <-c.lines:
		if err := json.Unmarshal([]byte(line), &v); !ok || err != nil {
			c.t.Fatalf("a child said %q: %v", line, err)
		}
	case <-time.After(limit):
		c.t.Fatal("a child says nothing")
	}
	return v
}
