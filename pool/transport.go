package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"sync/atomic"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/internal/sysconn"
)

// A transport makes calls on one connection: an exclusive one, or its part of a
// shared one. Between acquiring and releasing one caller uses it.
type transport interface {
	// call makes a call that ends with ctx and at the time until, if there is one. The
	// error of call and notify is errUnsound where the look that ready has left finds
	// the connection of no use.
	call(ctx context.Context, until time.Time, method string, args, reply any) error
	// notify sends a notification, within the same limits.
	notify(ctx context.Context, until time.Time, method string, args any) error
	// reusable reports whether nothing on this side speaks against another call.
	reusable() bool
	// ready reports whether an idle transport may be used: the peer is there and has sent
	// nothing, by a look at the connection. That may be left to call, notify or looked,
	// whichever comes first.
	ready() bool
	// looked is what a look that ready has left finds.
	looked() bool
	// spoil makes it not reusable.
	spoil()
	// drop gives the connection up, without waiting for anything.
	drop()
	// close gives it up after what was accepted for sending has left.
	close()
	// abort ends what is under way on the connection, whoever does it.
	abort()
	remote() net.Addr
}

// errUnsound is the error of a call on a connection that had ended while it was idle,
// or brought bytes that nobody had asked for. Nothing was sent.
var errUnsound = errors.New("the connection ended while it was idle")

// errUnasked is the error of a call whose answer was there before its request.
var errUnasked = fmt.Errorf("%w: its answer was there before", codec.ErrNotSent)

// A stream is a connection as the codec sees it. When it was closed on purpose
// the codec learns rpc.ErrShutdown, which is nothing to log.
type stream struct {
	net.Conn
	aborted atomic.Bool
	reads   atomic.Uint64 // those that brought something
}

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if n > 0 {
		s.reads.Add(1)
	}
	if err != nil && s.aborted.Load() {
		err = rpc.ErrShutdown
	}
	return n, err
}

func (s *stream) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	if err != nil && s.aborted.Load() {
		err = rpc.ErrShutdown
	}
	return n, err
}

// Below implements sysconn.Above.
func (s *stream) Below() sysconn.Below { return s.Conn }

// abort closes the connection under a call. Unlike a deadline this cannot be
// overtaken by the deadlines that the codec sets for single messages.
func (s *stream) abort() {
	s.aborted.Store(true)
	s.Conn.Close()
}
