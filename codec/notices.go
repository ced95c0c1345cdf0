package codec

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// notices passes notifications to OnNotify in their order, on a goroutine that
// lives while there are any: the reading goroutine never waits for a handler.
type notices struct {
	handle   func(*Request)
	log      *journal
	maxBytes int
	ctx      context.Context // of the connection
	cancel   context.CancelFunc

	mu sync.Mutex
	// Protected by mu:
	waiting []*Request
	bytes   int // of all that waits
	running bool
	stopped bool
}

func newNotices(handle func(*Request), log *journal, maxBytes int) *notices {
	n := &notices{handle: handle, log: log, maxBytes: maxBytes}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// add accepts a notification; its error ends the connection.
func (n *notices) add(r *Request) error {
	if n.handle == nil {
		n.log.warn("notification dropped", "reason", "no OnNotify", "method", wire.QuoteName(r.Method))
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return nil
	}
	size := r.size()
	if len(n.waiting) >= maxNotifications || len(n.waiting) > 0 && size > n.maxBytes-n.bytes {
		return errNotificationFlood
	}
	n.waiting = append(n.waiting, r)
	n.bytes += size
	if !n.running {
		n.running = true
		go n.run()
	}
	return nil
}

func (n *notices) run() {
	for {
		n.mu.Lock()
		if len(n.waiting) == 0 {
			n.waiting, n.running = nil, false
			n.mu.Unlock()
			return
		}
		r := n.waiting[0]
		n.waiting[0] = nil
		n.waiting = n.waiting[1:]
		n.bytes -= r.size()
		n.mu.Unlock()
		n.call(r)
	}
}

func (n *notices) call(r *Request) {
	defer func() {
		if v := recover(); v != nil {
			n.log.warn("panic in OnNotify", "method", wire.QuoteName(r.Method), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	n.handle(r)
}

// size is what a notification that waits takes: a method's name can be as long
// as a message.
func (r *Request) size() int { return len(r.Method) + len(r.Params.raw) }

// stop drops what waits and ends the context that the handlers see. When the
// peer ends the connection the context alone ends: what came before is handled.
func (n *notices) stop() {
	n.mu.Lock()
	n.stopped, n.waiting, n.bytes = true, nil, 0
	n.mu.Unlock()
	n.cancel()
}
