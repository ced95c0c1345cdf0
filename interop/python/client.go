package python

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ClientConfig says which real client Env.Client drives.
type ClientConfig struct {
	// Class is RPCClient or RPCPoolClient; "" is RPCClient.
	Class string `json:"class"`
	// Options are keyword arguments of the class, such as timeout, pack_encoding or unpack_params. One that is absent
	// keeps mprpc's default; nil is Python's None.
	Options map[string]any `json:"options"`
	// Pool holds keyword arguments of gsocketpool's Pool, such as max_connections.
	Pool map[string]any `json:"pool"`
	// Timeout bounds each Eval and Exec; 0 is a minute.
	Timeout time.Duration `json:"-"`
}

func (c ClientConfig) withDefaults() ClientConfig {
	if c.Class == "" {
		c.Class = "RPCClient"
	}
	if c.Options == nil {
		c.Options = map[string]any{}
	}
	if c.Pool == nil {
		c.Pool = map[string]any{}
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	return c
}

// Reply is what Python made of an expression: a value, or an exception.
type Reply struct {
	OK   bool   `json:"ok"`
	Repr string `json:"repr"` // repr() of the value; long ones as length and SHA-256, see peer.py
	Type string `json:"type"` // name of its type

	Error string   `json:"error"` // name of the exception's class
	Text  string   `json:"text"`  // str() of the exception
	MRO   []string `json:"mro"`   // names of its class and all base classes
}

// String shows the reply as a test would print it: "int 3" or "raises RPCError: boom".
func (r Reply) String() string {
	if r.OK {
		return r.Type + " " + r.Repr
	}
	return "raises " + r.Error + ": " + r.Text
}

// Client drives real mprpc clients in a Python process. Its methods are safe for concurrent use; expressions run one
// after the other.
type Client struct {
	process *Process
	timeout time.Duration

	mu     sync.Mutex
	broken error // why no more replies can be matched to expressions
}

// Eval evaluates a Python expression, for example `call('sum', 1, 2)`; the names it may use are listed at the head of
// client.py. A Python exception is a Reply; the error means that there is none, and that this Client is of no more use.
func (c *Client) Eval(expr string) (Reply, error) { return c.send("expr", expr) }

// Exec runs Python statements in the same namespace; the reply's value is None.
func (c *Client) Exec(statements string) (Reply, error) { return c.send("exec", statements) }

// Process is the Python process, to read its standard error or to kill it.
func (c *Client) Process() *Process { return c.process }

// Close ends the Python process as Process.Close does.
func (c *Client) Close() error { return c.process.Close() }

func (c *Client) send(kind, code string) (Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return Reply{}, c.broken
	}
	reply, err := c.exchangeLocked(kind, code)
	if err != nil {
		c.broken = fmt.Errorf("python: client.py: %s: %w\n%s", code, err, c.process.Stderr())
		return Reply{}, c.broken
	}
	return reply, nil
}

func (c *Client) exchangeLocked(kind, code string) (reply Reply, err error) {
	request, err := json.Marshal(map[string]string{kind: code})
	if err != nil {
		return reply, err
	}
	if _, err := c.process.Stdin().Write(append(request, '\n')); err != nil {
		return reply, err
	}
	timer := time.NewTimer(c.timeout)
	defer timer.Stop()
	select {
	case line, ok := <-c.process.Lines():
		if !ok {
			<-c.process.Done()
			return reply, errors.New("the process has ended")
		}
		return reply, json.Unmarshal([]byte(line), &reply)
	case <-timer.C:
		return reply, errors.Join(fmt.Errorf("no reply within %s", c.timeout), c.process.Kill())
	}
}
