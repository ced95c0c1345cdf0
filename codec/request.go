package codec

import (
	"context"
	"fmt"
	"net"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// A Request is a request or notification as it was received. A net/rpc method
// whose argument is *Request (or Request) sees which name it was called by, from
// where, and decodes the parameters itself. It owns its bytes and may be kept.
type Request struct {
	// Method is the name on the wire, in UTF-8.
	Method string
	// Params holds the parameters, not yet decoded.
	Params Params
	// Notification reports that nobody waits for an answer.
	Notification bool
	// RemoteAddr is the peer's address: what mprpc's client_host and client_port
	// tell. It is nil where the connection is no net.Conn.
	RemoteAddr net.Addr

	ctx context.Context
}

// Context returns a context that ends when the connection is closed or fails.
// It does not end when the peer has only finished sending: such a peer still
// gets its answer. For a notification that reached a client it does.
func (r *Request) Context() context.Context {
	if r.ctx == nil {
		return context.Background()
	}
	return r.ctx
}

// Params are the parameters of a Request.
type Params struct {
	raw    []byte
	values *value.Values
	log    *journal
	method string
}

// Len returns how many parameters there are.
func (p Params) Len() int { return value.Count(p.raw) }

// Decode stores the parameters in what the pointers point to, one for each; a
// different number is an error. The error is fit to be returned to the caller.
func (p Params) Decode(to ...any) error {
	return p.named(p.wireValues().DecodeEach(p.raw, to...))
}

// DecodeVariadic stores the first parameters in what the pointers of fixed point
// to, one for each, and all that follow in the slice that rest points to, as a
// variadic function takes them. The error is fit to be returned to the caller.
func (p Params) DecodeVariadic(fixed []any, rest any) error {
	return p.named(p.wireValues().DecodeVariadic(p.raw, fixed, rest))
}

// Into stores the parameters in what args points to, by the rules for the
// argument of a net/rpc method: the fields of a struct in order, or by name, and
// so on. The error is fit to be returned to the caller.
func (p Params) Into(args any) error {
	return p.named(p.wireValues().DecodeParams(p.raw, args))
}

func (p Params) wireValues() *value.Values {
	if p.values == nil {
		return &new(Options).settings().values
	}
	return p.values
}

// named puts the method in front of an error. What a type's own decoder panics
// with is for the log: a method may return the error to its caller.
func (p Params) named(err error) error {
	if err == nil {
		return nil
	}
	if p.log != nil && p.log.panicked(p.method, err) {
		return &decoderPanic{p.method, err}
	}
	return fmt.Errorf("%s: %w", wire.QuoteName(p.method), err)
}

// A decoderPanic has a text that may be shown to a peer, and wraps the
// *value.PanicError that may not.
type decoderPanic struct {
	method string
	panic  error
}

func (e *decoderPanic) Error() string { return wire.QuoteName(e.method) + ": internal error" }
func (e *decoderPanic) Unwrap() error { return e.panic }

// Raw returns the parameters in MessagePack: an array, or nothing or nil where
// the peer sent nil.
func (p Params) Raw() []byte { return p.raw }
