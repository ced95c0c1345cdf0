package rpcutil_test

import (
	"context"
	"net"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

func TestContextsTellWhatWasRequestedAndByWhom(t *testing.T) {
	var m rpcutil.Mux
	m.Handle("who", func(ctx context.Context, _ int) string {
		r := rpcutil.RequestFrom(ctx)
		return r.Method + " " + r.RemoteAddr.String()
	})
	m.Use(func(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
		if rpcutil.RequestFrom(ctx) != r.Request {
			t.Error("interceptors have another request")
		}
		return next(context.WithValue(ctx, t, t))
	})
	near, far := codectest.Pair(t)
	go m.ServeCodec(codec.NewServerCodec(far))
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	defer client.Close()
	if got, err := rpcutil.Call[string](t.Context(), client, "who", 1); err != nil || got != "who "+near.LocalAddr().String() {
		t.Error(got, err)
	}
	if r := rpcutil.RequestFrom(t.Context()); r != nil {
		t.Error(r)
	}
}

// TestTwoPeersCallEachOtherOnOneConnection is a duplex with a Mux and a Client on
// either side, whose methods call back.
func TestTwoPeersCallEachOtherOnOneConnection(t *testing.T) {
	near, far := net.Pipe()
	sides := make([]*rpcutil.Client, 2)
	for i, conn := range []net.Conn{near, far} {
		serve, call := codec.NewDuplex(conn)
		client := rpcutil.NewClientWithCodec(call, rpcutil.ClientOptions{})
		sides[i] = client
		var m rpcutil.Mux
		m.Handle("down", func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				return 0, nil
			}
			got, err := rpcutil.Call[int](ctx, client, "down", n-1)
			return got + 1, err
		})
		ended := make(chan struct{})
		go func() {
			m.ServeCodec(serve)
			close(ended)
		}()
		defer func() { <-ended }()
	}
	defer sides[0].Close()
	for i, client := range sides {
		if got, err := rpcutil.Call[int](t.Context(), client, "down", 10+i); err != nil || got != 10+i {
			t.Error(got, err)
		}
	}
}

func TestMethodsWhoseNameIsTakenAreListedByTheirGoName(t *testing.T) {
	var m rpcutil.Mux
	m.Handle("sum", func() int { return 0 })
	if err := m.Register(new(Clerk)); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	go m.ServeCodec(codec.NewServerCodec(far))
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	defer client.Close()
	list, err := rpcutil.Call[[]struct{ Name string }](t.Context(), client, "rpc.methods")
	names := map[string]bool{}
	for _, method := range list {
		names[method.Name] = true
	}
	if err != nil || !names["sum"] || !names["Clerk.Sum"] || !names["fail"] {
		t.Error(names, err)
	}
}
