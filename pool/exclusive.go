package pool

import (
	"context"
	"errors"
	"net"
	"net/rpc"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// An exclusive transport has its connection to itself. A call runs on the
// caller's goroutine from its first byte to its last: it writes, reads and decodes.
type exclusive struct {
	stream *stream
	conn   *codec.SerialConn
	trip   *roundTrip // nil where the bytes of a call go through more than a socket
	probe  *probe
	stop   func()      // ends the call, for context.AfterFunc: aborts the stream
	timer  *time.Timer // calls stop; made for the first call that has a limit

	unlooked bool        // ready has left the look to what follows
	unlinked func() bool // ends the watch over the context of the call, or nil
	timed    bool        // timer runs
}

func newExclusive(s *stream, o codec.Options) *exclusive {
	e := &exclusive{stream: s, trip: newRoundTrip(s.Conn), probe: newProbe(s.Conn)}
	if e.trip != nil {
		s.Conn = e.trip
	}
	e.conn = o.NewSerialConn(s)
	e.stop = s.abort
	return e
}

func (e *exclusive) call(ctx context.Context, until time.Time, method string, args, reply any) error {
	e.watch(ctx, until)
	err := e.exchange(method, args, reply)
	if err == errUnsound || err == errUnasked {
		e.stream.abort()
	}
	return e.unwatch(ctx, err)
}

// exchange makes a call, in one round trip where that is possible.
func (e *exclusive) exchange(method string, args, reply any) error {
	if e.trip == nil {
		return outcome(e.conn.Call(method, args, reply))
	}
	e.conn.Flush() // or trip would be written to by two
	e.trip.begin(e.unlooked)
	e.unlooked = false
	return e.trip.end(outcome(e.conn.Call(method, args, reply)))
}

// outcome makes a misfit of an error of this side about an answer.
func outcome(answered bool, err error) error {
	if answered && err != nil && !reported(err) {
		return &misfit{err}
	}
	return err
}

func (e *exclusive) notify(ctx context.Context, until time.Time, method string, args any) error {
	if !e.looked() {
		e.stream.abort()
		return errUnsound
	}
	e.watch(ctx, until)
	return e.unwatch(ctx, e.conn.Notify(method, args))
}

// watch aborts the connection when ctx ends or the time has come. Without
// either it costs nothing.
func (e *exclusive) watch(ctx context.Context, until time.Time) {
	e.unlinked, e.timed = nil, !until.IsZero()
	if ctx.Done() != nil {
		e.unlinked = context.AfterFunc(ctx, e.stop)
		if d, ok := ctx.Deadline(); ok && !d.After(until) {
			e.timed = false
		}
	}
	if !e.timed {
		return
	}
	if d := time.Until(until); e.timer == nil {
		e.timer = time.AfterFunc(d, e.stop)
	} else {
		e.timer.Reset(d)
	}
}

// unwatch ends what watch began and says what err means then.
func (e *exclusive) unwatch(ctx context.Context, err error) error {
	inTime := e.unlinked == nil || e.unlinked()
	if e.timed && !e.timer.Stop() {
		inTime = false
	}
	e.unlinked = nil
	if inTime {
		return err
	}
	// The connection is being aborted on another goroutine, perhaps not yet. Done
	// here as well, nobody can take it for a good one meanwhile.
	e.stream.abort()
	if errors.Is(err, rpc.ErrShutdown) { // errUnsound stays: the search for another connection ends with ctx
		return ended(ctx)
	}
	return err
}

// ended says why a call was aborted: by its context, or else by CallTimeout. It
// does not report a context's own cause, which need not be one of the two errors
// that callers know.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil && context.Cause(ctx) != errCallTimeout {
		return err
	}
	return errCallTimeout
}

// errCallTimeout is a context.DeadlineExceeded of our own.
var errCallTimeout error = timeoutError{}

type timeoutError struct{}

func (timeoutError) Error() string   { return "CallTimeout has passed" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }
func (timeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded
}

func (e *exclusive) reusable() bool { return !e.stream.aborted.Load() && e.conn.Idle() }

func (e *exclusive) ready() bool {
	e.unlooked = e.trip != nil
	return e.unlooked || e.probe.quiet()
}

func (e *exclusive) looked() bool {
	due := e.unlooked
	e.unlooked = false
	return !due || e.probe.quiet()
}

func (e *exclusive) spoil() { e.stream.abort() }

func (e *exclusive) drop() {
	e.stream.abort()
	e.conn.Close()
}

func (e *exclusive) close() { e.conn.Close() }

func (e *exclusive) abort() { e.stream.abort() }

func (e *exclusive) remote() net.Addr { return e.stream.RemoteAddr() }

// reported reports whether an error is the peer's answer.
func reported(err error) bool {
	if err == nil { // before answer, which is an allocation
		return false
	}
	var answer *codec.Error
	return errors.As(err, &answer)
}
