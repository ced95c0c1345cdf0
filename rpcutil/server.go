package rpcutil

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/rpc"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// A Handler serves one call from a codec. *Mux and *rpc.Server are Handlers, so
// the rpc.DefaultServer of existing net/rpc programs is one.
type Handler interface {
	// ServeRequest reads one request from the codec, calls what it names and
	// writes the response. What it returns is ignored: *rpc.Server returns errors
	// that it has answered already.
	ServeRequest(rpc.ServerCodec) error
}

// ErrServerClosed is what Serve, ListenAndServe and ServeConn return after
// Shutdown or Close.
var ErrServerClosed = errors.New("rpcutil: server closed")

// A Server serves a Handler on any number of listeners and connections, within
// limits, and can be shut down without losing a call.
//
//	server := rpcutil.Server{Handler: &mux}
//	err := server.ListenAndServe("tcp", ":6000")
//
// In every limit and duration zero means the default that its comment names, and
// a negative value means none. The fields must not be changed once the server is
// in use. A Server must not be copied after its first use; its methods may be
// called from any goroutine.
type Server struct {
	// Handler serves the calls; nil is rpc.DefaultServer.
	Handler Handler

	// Codec says how MessagePack-RPC is spoken: names for net/rpc services, form
	// of errors, limits of messages, time-outs. MaxPending is how many calls of
	// one connection may run; while they do nothing is read, and a peer that is gone
	// is not noticed, nor do their contexts end. ReadTimeout is how long a message may take to arrive,
	// WriteTimeout how long the peer may leave answers unread. Its Logger is the
	// server's. A Mux knows its names itself, so Names stays nil with it.
	Codec codec.Options

	// Gob and JSON serve clients of net/rpc and of net/rpc/jsonrpc as well, on
	// the same port and of the same services, told apart by the first byte that
	// they send. They are for the clients of an existing program: their codecs
	// have none of the limits on messages but the time-outs. A Mux cannot be called
	// by them.
	Gob, JSON bool

	// MaxConns is how many connections may be open; more of them wait, unserved,
	// until one is closed. The default is 16,384.
	MaxConns int
	// MaxCalls is how many calls of all connections may run; those that come
	// beyond wait, and their connections are not read. The default is 16,384.
	MaxCalls int
	// IdleTimeout is how long a connection may be open without a call; it is
	// closed then, up to a quarter of the time later. The default is one hour. A
	// Python RPCClient does not connect again by itself.
	IdleTimeout time.Duration

	// Hooks are told of connections and calls.
	Hooks Hooks

	once    sync.Once
	places  chan struct{} // one for each connection
	running chan struct{} // one for each call, or run of short calls
	closing chan struct{} // closed by Shutdown and Close
	watch   watch

	mu sync.Mutex
	// Protected by mu:
	listeners map[net.Listener]struct{}
	conns     map[*serverConn]struct{}
	isClosing bool            // closing is closed
	drained   []chan struct{} // closed when no connection is left
}

const (
	defaultMaxConns    = 16384
	defaultMaxCalls    = 16384
	defaultMaxPending  = 1000
	defaultIdleTimeout = time.Hour
	defaultReadTimeout = time.Minute
)

// pick returns what an option means: its default for zero, none for negative.
func pick[T ~int | ~int64](v, byDefault, none T) T {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return none
	}
	return v
}

func (s *Server) init() {
	s.once.Do(func() {
		// Channels of empty structs take no memory for what they hold.
		s.places = make(chan struct{}, pick(s.MaxConns, defaultMaxConns, math.MaxInt))
		s.running = make(chan struct{}, pick(s.MaxCalls, defaultMaxCalls, math.MaxInt))
		s.closing = make(chan struct{})
		s.listeners = make(map[net.Listener]struct{})
		s.conns = make(map[*serverConn]struct{})
	})
}

// check finds what cannot work together.
func (s *Server) check() error {
	if _, ok := s.handler().(*Mux); ok {
		switch {
		case s.Gob || s.JSON:
			return errors.New("rpcutil: a Mux cannot serve gob or JSON clients; register net/rpc services with an rpc.Server for them")
		case s.Codec.Names != nil:
			return errors.New("rpcutil: a Mux knows its names itself; leave Codec.Names nil")
		}
	}
	return nil
}

func (s *Server) handler() Handler {
	if s.Handler == nil {
		return rpc.DefaultServer
	}
	return s.Handler
}

func (s *Server) logger() *slog.Logger {
	return cmp.Or(s.Codec.Logger, slog.Default())
}

// ListenAndServe listens on a network address, such as "tcp" and ":6000" or
// "unix" and "/run/sum.sock", and serves the connections; see Serve.
func (s *Server) ListenAndServe(network, address string) error {
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve serves the connections of a listener, and closes it in the end. For TLS
// pass what tls.NewListener returns. The error is never nil: ErrServerClosed
// after Shutdown or Close, otherwise why no more connections can be accepted,
// while those that are open go on.
func (s *Server) Serve(l net.Listener) error {
	s.init()
	if err := s.check(); err != nil {
		l.Close()
		return err
	}
	if !s.addListener(l) {
		l.Close()
		return ErrServerClosed
	}
	defer s.removeListener(l)
	for {
		conn, err := s.accept(l)
		if err != nil {
			return err
		}
		c, err := s.open(conn)
		if err != nil {
			return err
		}
		go c.start()
	}
}

// accept waits for the next connection. What passes, such as a shortage of
// descriptors, is waited for.
func (s *Server) accept(l net.Listener) (net.Conn, error) {
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		conn, err := l.Accept()
		if err == nil {
			return conn, nil
		}
		select {
		case <-s.closing:
			return nil, ErrServerClosed
		default:
		}
		var passing interface{ Temporary() bool } // not deprecated for Accept, where it has a meaning
		if !errors.As(err, &passing) || !passing.Temporary() {
			return nil, err
		}
		s.logger().Warn("mprpc: accept failed, will try again", "error", err.Error(), "in", delay)
		select {
		case <-s.closing:
			return nil, ErrServerClosed
		case <-time.After(delay):
		}
	}
}

// ServeConn serves one connection and returns when it has ended and its calls
// are done. Standard input and output are a connection too:
//
//	server.ServeConn(struct {
//		io.Reader
//		io.WriteCloser
//	}{os.Stdin, os.Stdout})
//
// The error is nil when the peer ended the connection, ErrServerClosed after
// Shutdown or Close, and otherwise why it ended, such as a Shutdown that its
// context cut short. After that, and after Close, it does not wait for methods that
// still run.
func (s *Server) ServeConn(conn io.ReadWriteCloser) error {
	s.init()
	if err := s.check(); err != nil {
		conn.Close()
		return err
	}
	c, err := s.open(conn)
	if err != nil {
		return err
	}
	go c.start()
	<-c.done
	if c.err == nil {
		select {
		case <-s.closing:
			return ErrServerClosed
		default:
		}
	}
	return c.err
}

// serveLink is ServeConn for a connection whose protocol is known, of a server that only
// that one has.
func (s *Server) serveLink(l link) {
	s.init()
	c, _ := s.open(nil) // there is a place, and nobody closes the server
	c.begin(l)
	<-c.done
}

// open makes a connection one of the server's, when there is a place for it. It
// closes one that comes too late.
func (s *Server) open(rwc io.ReadWriteCloser) (*serverConn, error) {
	select {
	case s.places <- struct{}{}:
	case <-s.closing:
		rwc.Close()
		return nil, ErrServerClosed
	}
	c := newServerConn(s, rwc)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing {
		<-s.places
		rwc.Close()
		return nil, ErrServerClosed
	}
	s.conns[c] = struct{}{}
	return c, nil
}

// forget takes a connection that has ended off the server's.
func (s *Server) forget(c *serverConn) {
	s.mu.Lock()
	delete(s.conns, c)
	if len(s.conns) == 0 {
		for _, drained := range s.drained {
			close(drained)
		}
		s.drained = nil
	}
	s.mu.Unlock()
	<-s.places
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
	l.Close()
}

// handshake completes that of TLS, which otherwise would wait for the first read,
// within the time that a message has.
func (s *Server) handshake(conn io.ReadWriteCloser) error {
	c, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.Background(), func() {}
	if timeout := pick(s.Codec.ReadTimeout, defaultReadTimeout, 0); timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	return c.HandshakeContext(ctx)
}
