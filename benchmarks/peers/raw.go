package peers

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// raw is the limit: the bytes that MessagePack-RPC would send, exchanged without
// being made, read or understood. One exchange at a time per connection, as with
// any protocol that is not pipelined.
func raw() Peer {
	return Peer{
		Name:   "raw",
		Title:  "raw TCP (the same bytes, one exchange at a time)",
		Server: Server{Go: func(l net.Listener) error { return serveEach(l, serveRaw) }},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			script, err := newScript(w)
			if err != nil {
				return nil, nil, err
			}
			return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
				return exchanges(newRawCaller(conn, script).exchange), conn.Close
			})
		}},
	}
}

// A script is what the client tells the server before the first exchange.
type script struct {
	Request, Reply []byte
	Wait           time.Duration
}

func newScript(w load.Workload) (s script, err error) {
	var params []any
	var result any
	switch w.Op {
	case load.Sum:
		params, result = []any{1, 2}, 3
	case load.Echo:
		params, result = []any{load.Payload(w.Size)}, load.Payload(w.Size)
	case load.Mirror:
		params, result = []any{load.SampleRecord()}, load.SampleRecord()
	case load.List:
		params, result = []any{w.Size}, load.SampleItems(w.Size)
	case load.MirrorRow:
		return rowScript(w, load.SampleRow(), load.SampleRow())
	case load.Rows:
		return rowScript(w, w.Size, load.SampleRows(w.Size))
	case load.Slow:
		params, result, s.Wait = []any{7}, 7, load.SlowTime
	}
	var err2 error
	s.Request, err = msgpack.Marshal([]any{0, 1000, string(w.Op), params})
	s.Reply, err2 = msgpack.Marshal([]any{1, 1000, nil, result})
	return s, errors.Join(err, err2)
}

// rowScript has the bytes that this project sends. Those of msgpack.Marshal would differ:
// they have times as an extension, which Python's mprpc cannot take.
func rowScript(w load.Workload, param, result any) (s script, err error) {
	if s.Request, err = converting.AppendRequest(nil, 1000, string(w.Op), value.Args{param}, false); err != nil {
		return s, err
	}
	m, err := wire.Parse(s.Request)
	if err != nil {
		return s, err
	}
	s.Reply, err = converting.AppendResult(nil, m.ID, result)
	return s, err
}

func serveRaw(conn net.Conn) {
	defer conn.Close()
	// The client waits for a byte after the script, so the decoder's buffer has
	// nothing of the first exchange.
	var s script
	if gob.NewDecoder(conn).Decode(&s) != nil {
		return
	}
	conn.Write([]byte{1})
	for request := make([]byte, len(s.Request)); ; {
		if _, err := io.ReadFull(conn, request); err != nil || !bytes.Equal(request, s.Request) {
			return
		}
		if s.Wait > 0 {
			time.Sleep(s.Wait)
		}
		if _, err := conn.Write(s.Reply); err != nil {
			return
		}
	}
}

type rawCaller struct {
	script script
	conn   net.Conn

	mu sync.Mutex
	// Protected by mu:
	started bool
	reply   []byte
}

func newRawCaller(conn net.Conn, s script) *rawCaller {
	return &rawCaller{conn: conn, script: s, reply: make([]byte, len(s.Reply))}
}

// withoutScript is for a server that needs none.
func (c *rawCaller) withoutScript() *rawCaller {
	c.started = true
	return c
}

func (c *rawCaller) exchange() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		if err := gob.NewEncoder(c.conn).Encode(c.script); err != nil {
			return err
		}
		if _, err := io.ReadFull(c.conn, make([]byte, 1)); err != nil {
			return err
		}
		c.started = true
	}
	if _, err := c.conn.Write(c.script.Request); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.conn, c.reply); err != nil {
		return err
	}
	if !bytes.Equal(c.reply, c.script.Reply) {
		return fmt.Errorf("raw: wrong reply of %d bytes", len(c.reply))
	}
	return nil
}

// exchanges makes a Caller of an exchange that checks its reply.
type exchanges func() error

func (e exchanges) Sum(x, y int) (int, error)     { return x + y, e() }
func (e exchanges) Echo(b []byte) ([]byte, error) { return b, e() }
func (e exchanges) Mirror(bool) error             { return e() }
func (e exchanges) MirrorRow(bool) error          { return e() }
func (e exchanges) List(int, bool) error          { return e() }
func (e exchanges) Rows(int, bool) error          { return e() }
func (e exchanges) Slow(n int) (int, error)       { return n, e() }
