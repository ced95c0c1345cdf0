package codec

import (
	"errors"
	"net/rpc"
)

// A server is a server codec. net/rpc reads requests on one goroutine and
// writes responses from any, one at a time; Close comes from anywhere.
type server struct {
	inbound
	client *client // the other half of a duplex, or nil; its reader is the duplex's

	// Protected by inbound.mu:
	pending callTable[served] // read and not answered, by net/rpc's number
	seq     uint64            // net/rpc's number given out last
	spare   []*served         // memory of answered requests
	queue   []*served         // of a duplex: read and not yet fetched by net/rpc
	inQueue int               // bytes of their methods and parameters
	closing bool              // a duplex has ended: the last answer closes it

	// Of the goroutine that reads the connection, which is the duplex's if there is one:
	fresh *served // memory for the next request, or nil

	// Of net/rpc's reading goroutine:
	current *served // the request whose body comes next
	full    bool    // MaxPending requests may be unanswered
}

func newServer(set *settings, conn *transport) *server {
	s := newServerOn(set, conn)
	s.w = newWriter(conn, set.WriteTimeout, s.writeFailed)
	s.reader = newReader(set, conn)
	return s
}

// newServerOn makes a server that does not have its writer and reader yet.
func newServerOn(set *settings, conn *transport) *server {
	s := new(server)
	s.init(set, conn)
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
	if s.full || s.over.Load() {
		if err := s.waitForRoom(); err != nil {
			return nil, err
		}
	}
	frame, err := nextFrame(s.reader)
	if err != nil {
		return nil, err
	}
	call, err := s.accept(frame)
	if err != nil || call == nil {
		return nil, err
	}
	if err := s.greet(call); err != nil {
		return nil, err
	}
	s.register(call)
	return call, nil
}

func (s *server) waitForRoom() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pending.len() >= s.set.MaxPending && s.err == nil {
		s.change.Wait()
	}
	return s.err
}

// accept makes a call of a frame, or nil of one that needs none. The call's
// parameters are still part of the frame, and it is made again by the next accept
// unless it has been registered.
func (s *server) accept(frame []byte) (*served, error) {
	if s.fresh == nil {
		s.fresh = new(served)
	}
	if isCall, err := s.read(frame, s.fresh); err != nil || !isCall {
		return nil, err
	}
	return s.fresh, nil
}

func (s *server) register(call *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registerLocked(call)
	s.full = s.pending.len() >= s.set.MaxPending // answers make room, nobody else takes it
}

func (s *server) registerLocked(call *served) {
	s.seq++
	call.seq = s.seq
	s.pending.put(call.seq, call)
	s.fresh = nil
	if last := len(s.spare) - 1; last >= 0 {
		s.fresh, s.spare = s.spare[last], s.spare[:last]
	}
}

// maxSpare is the number of answered requests whose memory is kept: 7 KiB at most. A
// sync.Pool would take longer than new memory where requests arrive, and are answered,
// many at a time.
const maxSpare = 64

// ReadRequestBody decodes the parameters. net/rpc passes nil for a method that
// it does not have; it answers with the error that is returned here otherwise.
func (s *server) ReadRequestBody(body any) error {
	call := s.current
	s.current = nil
	if call == nil {
		return errors.New("codec: ReadRequestBody without a request")
	}
	return s.decode(call, body)
}

// fail ends the connection at once.
func (s *server) fail(err error) {
	s.endReading(err)
	s.dropQueue()
	s.inbound.fail(err)
	if s.client != nil {
		s.client.fail(err)
	}
}

// writeFailed ends a connection on which a write has failed.
func (s *server) writeFailed(err error) {
	defer s.fail(err)
	s.noteFailedWrite(err)
}

// Close ends the connection. Answers given before still leave, within
// Options.WriteTimeout. Every Close returns when that is done, not only the
// first: a program may end when ServeCodec returns, which closes a duplex that
// its last answer has begun to close.
func (s *server) Close() error {
	if !s.beginClose() {
		return nil
	}
	defer close(s.done)
	s.endReading(rpc.ErrShutdown)
	if s.client != nil {
		s.client.endReading(s.reason()) // or a call would find the writer closing
	}
	s.dropQueue()
	err := s.flushAndClose(false)
	if s.client != nil {
		s.client.fail(rpc.ErrShutdown)
	}
	return err
}
