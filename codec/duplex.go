package codec

import (
	"bytes"
	"cmp"
	"errors"
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A duplex reads one connection for a server codec and a client codec that
// share it, and its writer. It never waits for either of them, so a handler may
// call the peer, and the peer may call while it waits for an answer.
type duplex struct {
	server *server
	client *client
	reader *wire.Reader
}

func newDuplex(set *settings, conn *transport) (rpc.ServerCodec, rpc.ClientCodec) {
	s, c := newServerOn(set, conn), newClientOn(set, conn)
	s.client, c.server = c, s
	s.log = c.log // one connection, one allowance
	s.w = newWriter(conn, set.WriteTimeout, s.writeFailed)
	c.w = s.w
	d := &duplex{s, c, newReader(set, conn)}
	go d.read()
	return s, c
}

func (d *duplex) read() {
	for {
		frame, err := nextFrame(d.reader)
		if err == nil {
			err = d.dispatch(frame)
		}
		if err == nil {
			continue
		}
		var limit *wire.LimitError
		if errors.As(err, &limit) {
			d.server.refuse(d.reader.Unfinished(), limit)
		}
		d.end(err)
		return
	}
}

// dispatch hands a message to the side that it is for. What they keep is
// copied, because the frame's memory is used again.
func (d *duplex) dispatch(frame []byte) error {
	msg, err := wire.Parse(frame)
	if err != nil {
		return err
	}
	switch {
	case msg.Type == wire.Response:
		if call := d.client.answered(msg.Num, wire.IsHello(frame)); call != nil {
			msg.Error, msg.Result = bytes.Clone(msg.Error), bytes.Clone(msg.Result)
			d.client.arrive(arrival{call, msg})
		}
		return nil
	case msg.Type == wire.Notification && d.client.set.OnNotify != nil:
		return d.client.notified(&msg)
	}
	return d.server.enqueue(frame)
}

// end tells both sides. Requests that came before the end are still served, as
// the peer may only have finished sending; the last answer closes the
// connection.
func (d *duplex) end(err error) {
	// Where a half has been closed, or has failed, that is why the reading ends.
	if earlier := cmp.Or(d.server.reason(), d.client.reason()); earlier != nil {
		err = earlier
	}
	d.server.endReading(err)
	d.client.endReading(err)
	if d.server.closeWhenAnswered() {
		d.server.Close()
	}
}

// enqueue keeps a request until net/rpc fetches it, or answers it at once where
// there are too many.
func (s *server) enqueue(frame []byte) error {
	call, err := s.accept(frame)
	if err != nil || call == nil {
		return err
	}
	if call.asks && !s.greeted {
		s.greeted = true
		if !s.w.offer(wire.Hello, false) {
			return errNotReading
		}
	}
	call.params = bytes.Clone(call.params)
	if s.queued(call) {
		return nil
	}
	call.params = nil // the next request has the memory of this one
	if call.notification {
		s.log.warn("notification dropped", "reason", "busy", "method", wire.QuoteName(call.method))
		return nil
	}
	if !s.w.offer(s.set.appendError(nil, call.id, &Error{Message: "busy"}), false) {
		return errNotReading
	}
	return nil
}

// queued puts a request in the queue, if it has room. One that arrives while
// Close flushes the answers to others is forgotten: nobody will serve it.
func (s *server) queued(call *served) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return true
	}
	tooMuch := len(s.queue) > 0 && call.size() > s.set.values.Limits.Message-s.inQueue
	if s.pending.len() >= s.set.MaxPending || tooMuch {
		return false
	}
	s.registerLocked(call)
	s.queue = append(s.queue, call)
	s.inQueue += call.size()
	s.change.Broadcast()
	return true
}

// size is what a request in the queue takes: a method's name can be as long as
// a message.
func (c *served) size() int { return len(c.method) + len(c.params) }

// nextQueued waits for a request in the queue.
func (s *server) nextQueued() (*served, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 && s.err == nil {
		s.change.Wait()
	}
	if len(s.queue) > 0 {
		call := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		s.inQueue -= call.size()
		return call, nil
	}
	return nil, s.err
}

// dropQueue forgets requests that nobody will serve.
func (s *server) dropQueue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, call := range s.queue {
		s.pending.remove(call.seq)
	}
	s.queue, s.inQueue = nil, 0
}

// closeWhenAnswered makes the last answer close the connection, and reports
// whether all are answered already.
func (s *server) closeWhenAnswered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	return s.pending.len() == 0
}
