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
// caller's goroutine from its first byte to its last: it writes, reads and
// decodes, and no other goroutine takes part.
type exclusive struct {
	stream *stream
	codec  clientCodec
	trip   *roundTrip // nil where the bytes of a call go through more than a socket
	probe  *probe
	stop   func()      // ends the call, for context.AfterFunc: aborts the stream
	timer  *time.Timer // calls stop; made for the first call that has a limit

	unlooked bool        // ready has left the look to what follows
	unlinked func() bool // ends the watch over the context of the call, or nil
	timed    bool        // timer runs

	// What a call needs, kept so that the next one need not allocate it:
	x        codec.Exchange
	request  rpc.Request
	response rpc.Response
}

// clientCodec is what a client codec of package codec can do.
type clientCodec interface {
	rpc.ClientCodec
	codec.Notifier
	Exclusive()
	Idle() bool
	Flushed() bool
}

func newExclusive(s *stream, o codec.Options) *exclusive {
	o.Pipeline = codec.Never // there is one call at a time
	e := &exclusive{stream: s, trip: newRoundTrip(s.Conn), probe: newProbe(s.Conn)}
	if e.trip != nil {
		s.Conn = e.trip
	}
	e.codec = o.NewClientCodec(s).(clientCodec)
	e.codec.Exclusive()
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

// exchange makes a call in one round trip, unless a long notification before it is
// still being written.
func (e *exclusive) exchange(method string, args, reply any) error {
	if e.trip != nil && e.codec.Flushed() {
		e.trip.begin(e.unlooked)
		e.unlooked = false
		return e.trip.end(e.exchangeMessages(method, args, reply))
	}
	if !e.looked() {
		return errUnsound
	}
	return e.exchangeMessages(method, args, reply)
}

func (e *exclusive) exchangeMessages(method string, args, reply any) error {
	x := &e.x
	*x = codec.Exchange{Args: args, Reply: reply}
	defer func() { *x = codec.Exchange{} }() // the caller's values are not kept
	e.request.ServiceMethod = method
	e.request.Seq++
	if err := e.codec.WriteRequest(&e.request, x); err != nil {
		return err
	}
	for {
		if err := e.codec.ReadResponseHeader(&e.response); err != nil {
			return err
		}
		if e.response.Seq == e.request.Seq {
			if x.Err != nil && !reported(x.Err) && e.reusable() { // or else the connection has ended
				return &misfit{x.Err}
			}
			return x.Err
		}
	}
}

func (e *exclusive) notify(ctx context.Context, until time.Time, method string, args any) error {
	if !e.looked() {
		e.stream.abort()
		return errUnsound
	}
	e.watch(ctx, until)
	return e.unwatch(ctx, e.codec.Notify(method, args))
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

func (e *exclusive) reusable() bool { return !e.stream.aborted.Load() && e.codec.Idle() }

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
	e.codec.Close()
}

func (e *exclusive) close() { e.codec.Close() }

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
