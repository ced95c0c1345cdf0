package peers

import (
	"net"
	"runtime"
	"slices"
	"sync"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// floors are no options that anybody has. Each keeps the structure that a peer of
// this project cannot give up and does nothing but the inevitable in it, so a goal
// that it does not meet cannot be met. They know which calls will come.
func floors() []Peer {
	all := slices.Concat([]Peer{
		floorNetRPC(), floorNetRPCWire(), floorMux(), floorDirect(), floorService(), floorServiceWire(), floorPool(),
	}, floorPoolsLooking(), []Peer{mprpcToRaw(), rawToMprpc()})
	for i := range all {
		all[i].Floor = true
	}
	return all
}

// only returns what is left out where only these workloads are for a peer.
func only(workloads ...string) map[string]string {
	not := map[string]string{}
	for _, w := range load.Workloads() {
		if !slices.Contains(workloads, w.Name) {
			not[w.Name] = "no goal needs this bound"
		}
	}
	return not
}

// A gatherer writes as codec's writer does, without its limits: what is added
// while somebody writes leaves in that one's next write.
type gatherer struct {
	conn net.Conn

	mu sync.Mutex
	// Protected by mu:
	waiting, spare []byte
	writing        bool // somebody writes, or is about to
}

// add appends a message to what waits. The caller must have it flushed if it
// reports true.
func (g *gatherer) add(head, body []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(append(g.waiting, head...), body...)
	if g.writing {
		return false
	}
	g.writing = true
	return true
}

// flush writes until nothing waits, after those have run that are about to add
// something. An error ends the connection and with it all calls.
func (g *gatherer) flush() {
	runtime.Gosched()
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) > 0 {
		out := g.waiting
		g.waiting, g.spare = g.spare[:0], nil
		g.mu.Unlock()
		if _, err := g.conn.Write(out); err != nil {
			g.conn.Close()
		}
		g.mu.Lock()
		g.spare = out
	}
	g.writing = false
}

// addAlone is add for a message that is alone on the connection, unless somebody
// writes, and writes it at once. Long bytes are not copied.
func (g *gatherer) addAlone(head, body []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.writing {
		g.waiting = append(append(g.waiting, head...), body...)
		return nil
	}
	if len(body) > 1024 {
		parts := net.Buffers{head, body}
		_, err := parts.WriteTo(g.conn)
		return err
	}
	g.spare = append(append(g.spare[:0], head...), body...)
	_, err := g.conn.Write(g.spare)
	return err
}
