package rpcutil

import (
	"context"

	"github.com/go-mprpc/mprpc/codec"
)

// A requestContext is the context of a connection with one of its requests.
type requestContext struct {
	context.Context
	request *codec.Request
}

type requestKey struct{}

func (c requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return c.request
	}
	return c.Context.Value(key)
}

// RequestFrom returns the request that a function of a Mux, or an interceptor, was
// called for, with the name on the wire and the caller's address: what client_host
// and client_port are to a method of mprpc. It returns nil for other contexts.
func RequestFrom(ctx context.Context) *codec.Request {
	r, _ := ctx.Value(requestKey{}).(*codec.Request)
	return r
}
