package peers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// floorDirect has calls that share a connection, and nothing else: no net/rpc and
// no codec. The server's one goroutine answers all that has arrived in one write.
// A client's callers write for each other, and one goroutine wakes them. A caller
// with a connection of its own writes and reads itself.
func floorDirect() Peer {
	return directPeer("floor-direct", "pipelined calls of the same bytes, without net/rpc and codec",
		func(s *script) directAnswer {
			return func(out, request []byte) ([]byte, error) { return s.appendReply(out, request), nil }
		})
}

// A directAnswer appends the answer to the request that is known to come.
type directAnswer func(out, request []byte) ([]byte, error)

// directPeer makes a peer with the client of floorDirect, and a server with what
// answers returns for each connection.
func directPeer(name, title string, answers func(*script) directAnswer) Peer {
	return Peer{
		Name:  name,
		Title: title,
		Server: Server{Go: func(l net.Listener) error {
			script, err := newScript(load.Workload{Op: load.Sum})
			if err != nil {
				return err
			}
			return serveEach(l, func(conn net.Conn) { serveDirect(conn, &script, answers(&script)) })
		}},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			script, err := newScript(w)
			if err != nil {
				return nil, nil, err
			}
			return dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
				if w.Callers <= w.Conns {
					return exchanges(newRawCaller(conn, script).withoutScript().exchange), conn.Close
				}
				return newDirectCaller(conn, script, w.Callers), conn.Close
			})
		}},
		Not: only("serial", "64x1", "64x4", "64x20"),
	}
}

// The id of the script is 1000, in two bytes. Others follow from it, so that all
// messages of a kind are of one length.
const (
	directID   = 3 // where it is in a request and in a reply
	directEnd  = directID + 2
	directBase = 1000
)

// sameButID compares two messages.
func sameButID(a, b []byte) bool {
	return bytes.Equal(a[:directID], b[:directID]) && bytes.Equal(a[directEnd:], b[directEnd:])
}

// eachMessage reads whole messages of n bytes. After those that arrived together
// it calls gathered.
func eachMessage(conn net.Conn, n int, message func([]byte) error, gathered func() error) error {
	buf := make([]byte, 4096)
	for have := 0; ; {
		k, err := conn.Read(buf[have:])
		if err != nil {
			return err
		}
		have += k
		rest := buf[:have]
		for ; len(rest) >= n; rest = rest[n:] {
			if err := message(rest[:n]); err != nil {
				return err
			}
		}
		have = copy(buf, rest)
		if err := gathered(); err != nil {
			return err
		}
	}
}

var errFloor = errors.New("a floor: not the message that must come")

// appendReply appends the reply to a request.
func (s *script) appendReply(out, request []byte) []byte {
	out = append(out, s.Reply...)
	copy(out[len(out)-len(s.Reply)+directID:], request[directID:directEnd])
	return out
}

// serveDirect answers with what answer appends, together what has arrived together.
func serveDirect(conn net.Conn, s *script, answer directAnswer) {
	defer conn.Close()
	var out []byte
	eachMessage(conn, len(s.Request), func(request []byte) (err error) {
		if !sameButID(request, s.Request) {
			return errFloor
		}
		out, err = answer(out, request)
		return err
	}, func() error {
		_, err := conn.Write(out)
		out = out[:0]
		return err
	})
}

// A directCaller is a connection with as many calls as there are callers, which
// take one each.
type directCaller struct {
	out   gatherer
	calls []directCall
	free  chan *directCall
}

type directCall struct {
	request []byte
	done    chan bool // true for the right reply; closed with the connection
}

func newDirectCaller(conn net.Conn, s script, callers int) load.Caller {
	c := &directCaller{out: gatherer{conn: conn}, calls: make([]directCall, callers), free: make(chan *directCall, callers)}
	for i := range c.calls {
		request := bytes.Clone(s.Request)
		binary.BigEndian.PutUint16(request[directID:], uint16(directBase+i))
		c.calls[i] = directCall{request, make(chan bool, 1)}
		c.free <- &c.calls[i]
	}
	go c.read(conn, s.Reply)
	return exchanges(c.exchange)
}

func (c *directCaller) read(conn net.Conn, right []byte) {
	eachMessage(conn, len(right), func(reply []byte) error {
		i := int(binary.BigEndian.Uint16(reply[directID:])) - directBase
		if !sameButID(reply, right) || i < 0 || i >= len(c.calls) {
			return errFloor
		}
		c.calls[i].done <- true
		return nil
	}, func() error { return nil })
	for i := range c.calls {
		close(c.calls[i].done)
	}
}

func (c *directCaller) exchange() error {
	call := <-c.free
	if c.out.add(call.request, nil) {
		c.out.flush()
	}
	if !<-call.done {
		return errFloor
	}
	c.free <- call
	return nil
}
