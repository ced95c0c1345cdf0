package rpcutil

import (
	"context"
	"fmt"
	"net/rpc"
)

// Shutdown ends the server without losing a call. It closes the listeners, reads
// nothing more, lets all calls that have been read finish and their answers
// leave, and closes each connection when that is done, idle ones at once. When
// ctx ends before, the rest is cut: connections are closed, the contexts of their
// calls end, and the error is that of ctx. Methods that still run then are not
// waited for.
//
// A connection without deadlines, such as standard input, is closed as soon as no
// call runs; what arrives at that moment may be lost.
func (s *Server) Shutdown(ctx context.Context) error {
	conns, drained := s.beginClosing()
	for _, c := range conns {
		c.stop()
	}
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		select {
		case <-drained:
			return nil
		default:
		}
	}
	for _, c := range s.connections() {
		c.cut(fmt.Errorf("rpcutil: shutdown was cut short: %w", ctx.Err()))
	}
	return ctx.Err()
}

// Close ends the server at once: it closes listeners and connections, and the
// contexts of calls end. It does not wait for methods that still run. Shutdown
// is the gentle way.
func (s *Server) Close() error {
	s.beginClosing()
	for _, c := range s.connections() {
		c.cut(rpc.ErrShutdown)
	}
	return nil
}

// beginClosing closes the listeners and lets nothing new in. The channel is
// closed when no connection is left.
func (s *Server) beginClosing() (conns []*serverConn, drained chan struct{}) {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isClosing {
		s.isClosing = true
		close(s.closing)
	}
	for l := range s.listeners {
		l.Close()
	}
	drained = make(chan struct{})
	if len(s.conns) == 0 {
		close(drained)
	} else {
		s.drained = append(s.drained, drained)
	}
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns, drained
}

// connections lists those that are open.
func (s *Server) connections() (conns []*serverConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}
