package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"sync"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A server is a server codec. net/rpc reads requests on one goroutine and
// writes responses from any, one at a time; Close comes from anywhere.
type server struct {
	set    *settings
	conn   *transport
	w      *writer
	log    *journal
	client *client      // the other half of a duplex, or nil
	reader *wire.Reader // nil in a duplex, where the duplex reads

	ctx    context.Context // of all requests
	cancel context.CancelFunc

	mu sync.Mutex
	// Protected by mu, which may be held while writer.mu is acquired:
	change  sync.Cond          // broadcast when pending, queue or err change
	pending map[uint64]*served // read and not answered, by net/rpc's number
	seq     uint64             // net/rpc's number given out last
	queue   []*served          // of a duplex: read and not yet fetched by net/rpc
	inQueue int                // bytes of their methods and parameters
	ignored int                // responses that reached the server
	err     error              // why nothing more is read; set once
	refused bool               // the last message was refused unread: see Close
	closing bool               // a duplex has ended: the last answer closes it
	closed  bool               // Close has begun

	done chan struct{} // closed when the first Close is done

	// Used by the reading goroutine alone:
	greeted bool    // Hello has been sent
	current *served // the request whose body comes next
}

// A served is a request, or a notification, from its arrival to its answer.
type served struct {
	seq          uint64
	id           []byte // as received
	method       string // on the wire
	params       []byte // as received; nil once they are decoded
	notification bool
	failure      string // what to answer whatever net/rpc says
}

func newServer(set *settings, conn *transport) *server {
	s := newServerOn(set, conn)
	s.w = newWriter(conn, set.WriteTimeout, s.writeFailed)
	s.reader = newReader(set, conn)
	return s
}

// newServerOn makes a server that does not have its writer and reader yet.
func newServerOn(set *settings, conn *transport) *server {
	s := &server{
		set:     set,
		conn:    conn,
		log:     newJournal(set.log, conn.remote),
		pending: make(map[uint64]*served),
		done:    make(chan struct{}),
	}
	s.change.L = &s.mu
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// ReadRequestHeader waits for a request, and before that until fewer than
// MaxPending are unanswered. A request that cannot be served, but whose id is
// known, goes to net/rpc under the empty name; what is wrong with it is then
// the answer.
func (s *server) ReadRequestHeader(r *rpc.Request) error {
	for {
		call, err := s.next()
		if err != nil {
			return s.finish(err)
		}
		if call == nil {
			continue
		}
		s.current = call
		r.Seq = call.seq
		r.ServiceMethod = s.serviceMethod(call)
		return nil
	}
}

// next reads one message. It returns nil for one that is no call.
func (s *server) next() (*served, error) {
	if s.reader == nil {
		return s.nextQueued()
	}
	if err := s.waitForRoom(); err != nil {
		return nil, err
	}
	frame, err := nextFrame(s.reader)
	if err != nil {
		return nil, err
	}
	call, msg, err := s.accept(frame)
	if err != nil || call == nil {
		return nil, err
	}
	if msg.Asks && !s.greeted {
		s.greeted = true
		if _, err := s.w.send(wire.Hello, false, nil); err != nil {
			return nil, err
		}
	}
	s.register(call)
	return call, nil
}

func (s *server) waitForRoom() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pending) >= s.set.MaxPending && s.err == nil {
		s.change.Wait()
	}
	return s.err
}

// accept makes a call of a frame, or nil of one that needs none. The call's
// parameters are still part of the frame.
func (s *server) accept(frame []byte) (*served, wire.Message, error) {
	msg, err := wire.Parse(frame)
	if err != nil {
		return nil, msg, err
	}
	if msg.Type == wire.Response {
		s.mu.Lock()
		s.ignored++
		s.mu.Unlock()
		return nil, msg, nil
	}
	call := &served{
		id:           bytes.Clone(msg.ID),
		params:       msg.Params,
		notification: msg.Type == wire.Notification,
		failure:      msg.Problem,
	}
	if call.method, err = s.set.values.Format.MethodText(msg.Method); err != nil {
		call.method = string(msg.Method)
		call.failure = "method name: " + wire.BoundText(publicText(err), maxErrorText)
	}
	if call.failure != "" && msg.Method != nil {
		call.failure = wire.QuoteName(call.method) + ": " + call.failure
	}
	return call, msg, nil
}

func (s *server) register(call *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registerLocked(call)
}

func (s *server) registerLocked(call *served) {
	s.seq++
	call.seq = s.seq
	s.pending[call.seq] = call
}

// serviceMethod returns net/rpc's name of the method that is called, or an
// empty one, which net/rpc does not find.
func (s *server) serviceMethod(call *served) string {
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

// ReadRequestBody decodes the parameters. net/rpc passes nil for a method that
// it does not have; it answers with the error that is returned here otherwise.
func (s *server) ReadRequestBody(body any) error {
	call := s.current
	s.current = nil
	if call == nil {
		return errors.New("codec: ReadRequestBody without a request")
	}
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
			Params:       Params{bytes.Clone(params), &s.set.values, call.method},
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
func (s *server) callError(call *served, err error) error {
	name := wire.QuoteName(call.method)
	if s.log.panicked(call.method, err) {
		return fmt.Errorf("%s: internal error", name)
	}
	return errors.New(wire.BoundText(name+": "+err.Error(), maxErrorText))
}

// finish ends the reading. A peer whose message passes a limit is told so if
// the id of its request is there; running calls are answered before net/rpc
// closes the codec.
func (s *server) finish(err error) error {
	var limit *wire.LimitError
	if errors.As(err, &limit) && s.reader != nil {
		s.refuse(s.reader.Unfinished(), limit)
	}
	s.endReading(err)
	if err != io.EOF && !errors.Is(err, rpc.ErrShutdown) {
		return fmt.Errorf("codec: %w", err)
	}
	return io.EOF
}

// refuse answers a request of which only a part has been read.
func (s *server) refuse(part []byte, limit error) {
	if head, ok := wire.ParseHead(part); ok && head.Type == wire.Request {
		s.mu.Lock()
		s.refused = true
		s.mu.Unlock()
		s.w.offer(s.set.appendError(nil, head.ID, &Error{Message: limit.Error()}), true)
	}
}

// endReading records why nothing more is read. Contexts go on only where the
// peer has no more than finished sending.
func (s *server) endReading(err error) (first bool) {
	s.mu.Lock()
	first = s.err == nil
	if first {
		s.err = err
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

// writeFailed ends the connection, which may have been ending: its peer had
// finished sending. Then only a peer that has gone as well is no news.
func (s *server) writeFailed(err error) {
	if !s.endReading(err) && !hangUp(err) {
		s.log.warn("answers were not sent", "reason", err.Error())
	}
	s.fail(err)
}

// fail ends the connection at once.
func (s *server) fail(err error) {
	s.endReading(err)
	s.cancel()
	s.dropQueue()
	s.w.stop(err)
	s.conn.Close()
	if s.client != nil {
		s.client.fail(err)
	}
}

// Close ends the connection. Answers given before still leave, within
// Options.WriteTimeout. Every Close returns when that is done, not only the
// first: a program may end when ServeCodec returns, which closes a duplex that
// its last answer has begun to close.
func (s *server) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		<-s.done
		return nil
	}
	defer close(s.done)
	s.endReading(rpc.ErrShutdown)
	if s.client != nil {
		s.client.endReading(s.reason()) // or a call would find the writer closing
	}
	s.cancel()
	s.dropQueue()
	if err := s.w.drain(); err == errFlush {
		s.log.warn("answers were not sent", "reason", err.Error())
	}
	s.mu.Lock()
	refused := s.refused
	s.mu.Unlock()
	if refused {
		s.conn.linger()
	}
	s.w.stop(rpc.ErrShutdown)
	err := s.conn.Close()
	if s.client != nil {
		s.client.fail(rpc.ErrShutdown)
	}
	return err
}
