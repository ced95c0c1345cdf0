package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"sync"
	"sync/atomic"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// An inbound is a connection on which requests arrive: what a server codec and a
// ServerConn have in common. One goroutine reads; everything else may come from
// any.
type inbound struct {
	set    *settings
	conn   *transport
	w      *writer
	log    *journal
	reader *wire.Reader // nil in a duplex, where the duplex reads

	ctx    context.Context // of all requests
	cancel context.CancelFunc

	mu sync.Mutex
	// Protected by mu, which may be held while writer.mu is acquired:
	change  sync.Cond // broadcast when err, or what a server waits for, changes
	ignored int       // responses that reached the server
	err     error     // why nothing more is read; set once
	refused bool      // the last message was refused unread: see flushAndClose
	closed  bool      // Close has begun

	over atomic.Bool   // err is set; may be read without mu
	done chan struct{} // closed when the first Close is done

	// Of the reading goroutine alone:
	greeted    bool   // Hello has been sent
	lastMethod string // the one called last, which often is the next
}

func (s *inbound) init(set *settings, conn *transport) {
	s.set, s.conn = set, conn
	s.log = newJournal(set.log, conn.remote)
	s.done = make(chan struct{})
	s.change.L = &s.mu
	s.ctx, s.cancel = context.WithCancel(context.Background())
}

// A served is a request, or a notification, from its arrival to its answer.
type served struct {
	seq          uint64
	id           []byte  // as received
	idBytes      [9]byte // where id is, as an integer has no more
	method       string  // on the wire
	params       []byte  // as received; nil once they are decoded
	notification bool
	asks         bool   // its client asks whether more than one request may be under way
	failure      string // what to answer whatever net/rpc says
}

// read takes a frame apart into call and reports whether it is one that wants
// serving. The call's parameters are still part of the frame.
func (s *inbound) read(frame []byte, call *served) (isCall bool, err error) {
	msg, err := wire.Parse(frame)
	if err != nil {
		return false, err
	}
	if msg.Type == wire.Response {
		s.mu.Lock()
		s.ignored++
		s.mu.Unlock()
		return false, nil
	}
	*call = served{
		params:       msg.Params,
		notification: msg.Type == wire.Notification,
		asks:         msg.Asks,
		failure:      msg.Problem,
	}
	call.id = append(call.idBytes[:0], msg.ID...)
	if s.set.DecodeText == nil && s.lastMethod == string(msg.Method) {
		call.method = s.lastMethod // most callers call the same again
	} else if call.method, err = s.set.values.Format.MethodText(msg.Method); err != nil {
		call.method = string(msg.Method)
		call.failure = "method name: " + wire.BoundText(publicText(err), maxErrorText)
	}
	s.lastMethod = call.method
	if call.failure != "" && msg.Method != nil {
		call.failure = wire.QuoteName(call.method) + ": " + call.failure
	}
	return true, nil
}

// greet tells a client that asks that requests may be sent as they come.
func (s *inbound) greet(call *served) error {
	if !call.asks || s.greeted {
		return nil
	}
	s.greeted = true
	_, err := s.w.send(wire.Hello, false, nil)
	return err
}

// serviceMethod returns net/rpc's name of the method that is called, or an
// empty one, which net/rpc does not find.
func (s *inbound) serviceMethod(call *served) string {
	switch {
	case call.failure != "":
		return ""
	case s.set.Names == nil:
		return call.method
	}
	name, ok := s.set.Names.FromWire(call.method)
	if ok {
		return name
	}
	if e, ok := s.set.Names.(interface{ Explain(wire string) string }); ok {
		call.failure = e.Explain(call.method)
	}
	return ""
}

// decode stores the parameters of a call in what net/rpc passes for its
// argument: nil for a method that it does not have.
func (s *inbound) decode(call *served, body any) error {
	params := call.params
	call.params = nil
	switch body := body.(type) {
	case nil:
		if call.failure == "" {
			call.failure = "method not found: " + wire.QuoteName(call.method)
		}
		return nil
	case *Request:
		*body = Request{
			Method:       call.method,
			Params:       Params{bytes.Clone(params), &s.set.values, s.log, call.method},
			Notification: call.notification,
			RemoteAddr:   s.conn.remote,
			ctx:          s.ctx,
		}
		return nil
	}
	if err := s.set.values.DecodeParams(params, body); err != nil {
		return s.callError(call, err)
	}
	return nil
}

// maxErrorText bounds the texts that this side makes of what a peer has sent: an
// error must not be larger than what caused it.
const maxErrorText = 1 << 10

// callError makes of an error on this side the one that the peer gets to see.
func (s *inbound) callError(call *served, err error) error {
	name := wire.QuoteName(call.method)
	if s.log.panicked(call.method, err) {
		return fmt.Errorf("%s: internal error", name)
	}
	return errors.New(wire.BoundText(name+": "+err.Error(), maxErrorText))
}

// finish ends the reading and returns why, which is what ended the connection
// first. A peer whose message passes a limit is told so if the id of its request
// is there; running calls are answered before net/rpc closes the codec.
func (s *inbound) finish(err error) error {
	var limit *wire.LimitError
	if errors.As(err, &limit) && s.reader != nil {
		s.refuse(s.reader.Unfinished(), limit)
	}
	s.endReading(err)
	if err = s.reason(); err != io.EOF && !errors.Is(err, rpc.ErrShutdown) {
		return fmt.Errorf("codec: %w", err)
	}
	return io.EOF
}

// refuse answers a request of which only a part has been read.
func (s *inbound) refuse(part []byte, limit error) {
	if head, ok := wire.ParseHead(part); ok && head.Type == wire.Request {
		s.mu.Lock()
		s.refused = true
		s.mu.Unlock()
		s.w.offer(s.set.appendError(nil, head.ID, &Error{Message: limit.Error()}), true)
	}
}

// endReading records why nothing more is read. Contexts go on only where the
// peer has no more than finished sending.
func (s *inbound) endReading(err error) (first bool) {
	s.mu.Lock()
	first = s.err == nil
	if first {
		s.err = err
		s.over.Store(true)
	}
	ignored := s.ignored
	s.change.Broadcast()
	s.mu.Unlock()
	if !first {
		return false
	}
	if err != io.EOF {
		s.cancel()
	}
	normal := err == io.EOF || errors.Is(err, rpc.ErrShutdown)
	if !normal || ignored > 0 {
		s.log.ended("server", err, ignored)
	}
	return true
}

func (s *inbound) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// noteFailedWrite ends the reading of a connection on which a write has failed.
// It may have been ending: its peer had finished sending. Then only a peer that
// has gone as well is no news.
func (s *inbound) noteFailedWrite(err error) {
	if !s.endReading(err) && !hangUp(err) {
		s.log.warn("answers were not sent", "reason", err.Error())
	}
}

// fail ends the connection at once, also where a log handler ends the goroutine.
func (s *inbound) fail(err error) {
	defer func() {
		s.cancel()
		s.w.stop(err)
		s.conn.Close()
	}()
	s.endReading(err)
}

// beginClose reports whether this is the first Close. It waits for the first to
// be done where it is not.
func (s *inbound) beginClose() (first bool) {
	s.mu.Lock()
	first = !s.closed
	s.closed = true
	s.mu.Unlock()
	if !first {
		<-s.done
	}
	return first
}

// flushAndClose closes the connection behind the answers that were given. With
// linger the peer gets time to read them although it may be sending: closing with
// unread input resets a connection, and what is on its way is lost.
func (s *inbound) flushAndClose(linger bool) error {
	s.cancel()
	late := s.w.drain() == errFlush
	s.mu.Lock()
	linger = linger || s.refused
	s.mu.Unlock()
	if linger {
		s.conn.linger()
	}
	s.w.stop(rpc.ErrShutdown)
	err := s.conn.Close()
	if late {
		s.log.warn("answers were not sent", "reason", errFlush.Error())
	}
	return err
}
