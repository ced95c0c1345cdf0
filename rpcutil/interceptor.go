package rpcutil

import (
	"context"
	"reflect"

	"github.com/go-mprpc/mprpc/codec"
)

// An Interceptor stands around the calls of a Mux. It sees a call whose method
// exists and whose parameters fit, rpc.methods included, runs it with next, or
// does not, and returns its result and error or others. A call of a method that
// does not exist, or with parameters that do not fit, is answered without it. The
// context that it passes on reaches the method. Next must not be kept after the
// interceptor has returned.
//
// Interceptors run on the goroutine of the call, in the order of Use, the first
// outermost. A panic in the method is the error "internal error" of next; one in
// an interceptor goes past those around it and reaches the caller as that too.
type Interceptor func(ctx context.Context, r *Received, next func(context.Context) (any, error)) (any, error)

// A Received is a call as its interceptors see it.
type Received struct {
	// Request has the name on the wire, the parameters as they came and the
	// peer's address.
	*codec.Request
	// Args are the decoded parameters as the function takes them: those of a
	// variadic one's end are a slice, and of net/rpc's form there is the argument
	// alone. Putting something else in their place has no effect on the call, but
	// what they point to, maps and slices included, is the method's own.
	Args []any
}

// around puts the interceptors around next.
func (s *muxState) around(r *codec.Request, in []reflect.Value, next func(context.Context) (any, error)) func(context.Context) (any, error) {
	received := &Received{Request: r, Args: make([]any, len(in))}
	for i, v := range in {
		received.Args[i] = v.Interface()
	}
	for i := len(s.interceptors) - 1; i >= 0; i-- {
		inner, around := next, s.interceptors[i]
		next = func(ctx context.Context) (any, error) { return around(ctx, received, inner) }
	}
	return next
}
