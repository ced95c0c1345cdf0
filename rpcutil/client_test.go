package rpcutil_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// Clerk is a plain net/rpc service.
type Clerk struct {
	release chan struct{} // Wait returns when it is closed
}

func (*Clerk) Sum(a struct{ X, Y int }, r *int) error { *r = a.X + a.Y; return nil }
func (*Clerk) Fail(text string, _ *struct{}) error    { return errors.New(text) }
func (*Clerk) Pair(_ struct{}, r *[]any) error        { *r = []any{7, "seven"}; return nil }
func (*Clerk) User(_ struct{}, r *map[string]any) error {
	*r = map[string]any{"a": 7, "b": "seven"}
	return nil
}
func (*Clerk) Coded(_ struct{}, r *any) error {
	*r = &codec.Error{Code: 5, Message: "five", Data: "more"}
	return nil
}
func (c *Clerk) Wait(n int, r *int) error { <-c.release; *r = n; return nil }

// clerkOf returns a client of a Clerk over an in-memory connection.
func clerkOf(t *testing.T, o rpcutil.ClientOptions) (*rpcutil.Client, *Clerk) {
	clerk := &Clerk{release: make(chan struct{})}
	var names rpcutil.Names
	server := rpc.NewServer()
	if err := names.Register(server, clerk); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	served := make(chan struct{})
	go func() {
		server.ServeCodec(codec.Options{Names: &names, Errors: codec.ErrorMap}.NewServerCodec(far))
		close(served)
	}()
	client := rpcutil.NewClient(near, o)
	t.Cleanup(func() {
		client.Close()
		<-served
	})
	return client, clerk
}

func TestClientCallsAsNetRPCDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := clerkOf(t, rpcutil.ClientOptions{})
		var sum int
		if err := client.Call("sum", codec.Args{1, 2}, &sum); err != nil || sum != 3 {
			t.Error(sum, err)
		}
		done := make(chan *rpc.Call, 2)
		args := struct{ X, Y int }{3, 4}
		call := client.Go("sum", args, &sum, done)
		if got := <-done; got != call || got.Error != nil || sum != 7 || got.ServiceMethod != "sum" || got.Args != args || got.Reply != &sum {
			t.Errorf("%+v, sum %d", got, sum)
		}
		if call := <-client.Go("fail", "no", nil, nil).Done; call.Error == nil || call.Error.Error() != "no" {
			t.Error(call.Error)
		}
		if err := client.RPC().Call("sum", codec.Args{5, 6}, &sum); err != nil || sum != 11 {
			t.Error(sum, err)
		}
		client.Close()
		if err := client.Call("sum", args, &sum); err != rpc.ErrShutdown {
			t.Error(err)
		}
		defer func() {
			if recover() == nil {
				t.Error("Go takes a channel without buffer")
			}
		}()
		client.Go("sum", args, &sum, make(chan *rpc.Call))
	})
}

func TestClientErrorsKeepTheirStructureAndCostOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := clerkOf(t, rpcutil.ClientOptions{})
		var e *codec.Error
		if err := client.Call("coded", nil, nil); !errors.As(err, &e) || e.Code != 5 || e.Message != "five" || e.Data != "more" {
			t.Errorf("%#v", err)
		}
		if err := client.Call("sum", codec.Args{1, 2}, new(string)); err == nil {
			t.Error("3 fits a string")
		}
		if sum, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); sum != 3 || err != nil {
			t.Error(sum, err)
		}
	})
}

func TestCallReturnsSeveralResultsAsAStruct(t *testing.T) {
	type pair struct {
		A int
		B string
	}
	synctest.Test(t, func(t *testing.T) {
		client, _ := clerkOf(t, rpcutil.ClientOptions{})
		for _, method := range []string{"pair", "user"} {
			if got, err := rpcutil.Call[pair](t.Context(), client, method); err != nil || got != (pair{7, "seven"}) {
				t.Errorf("%s: %+v, %v", method, got, err)
			}
		}
		if got, err := rpcutil.Call[int](t.Context(), client, "pair"); err == nil || got != 0 {
			t.Error(got, err)
		}
	})
}

func TestACallEndsWithItsContextAndTheLateReplyIsDropped(t *testing.T) {
	for name, test := range map[string]struct {
		options rpcutil.ClientOptions
		ctx     func(context.Context) (context.Context, context.CancelFunc)
		want    error
	}{
		"deadline": {rpcutil.ClientOptions{}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded},
		"cancel": {rpcutil.ClientOptions{}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, context.Canceled},
		"CallTimeout": {rpcutil.ClientOptions{CallTimeout: time.Second}, context.WithCancel, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, clerk := clerkOf(t, test.options)
				ctx, cancel := test.ctx(t.Context())
				defer cancel()
				start, reply := time.Now(), 1
				err := client.CallContext(ctx, "wait", 2, &reply)
				if !errors.Is(err, test.want) || time.Since(start) != time.Second {
					t.Errorf("%v after %v, want %v", err, time.Since(start), test.want)
				}
				close(clerk.release)
				if sum, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); sum != 3 || err != nil {
					t.Error(sum, err)
				}
				if reply != 1 {
					t.Error("the late reply was stored")
				}
			})
		})
	}
}

// An mprpc server takes one request at a time. What waits behind a call that is
// never answered fails as not sent, once the grace is over.
func TestCallsBehindAStuckOneFailAsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := codectest.NewPeer(t, far)
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: codec.Options{Pipeline: codec.Never}})
		defer client.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var calls sync.WaitGroup
		calls.Go(func() {
			if err := client.CallContext(ctx, "stuck", nil, nil); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, codec.ErrNotSent) {
				t.Error(err)
			}
		})
		peer.Expect("94 00 01 a5 'stuck' 90")
		start := time.Now()
		calls.Go(func() {
			err := client.Call("behind", nil, nil)
			if !errors.Is(err, codec.ErrNotSent) || time.Since(start) != 11*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
		})
		calls.Wait()
	})
}

// net/rpc holds its lock while a request waits for room; those behind it must
// still end with their contexts.
func TestACallThatWaitsForRoomEndsWithItsContext(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: codec.Options{Pipeline: codec.Always}})
	ctx, cancel := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	failed := make(chan error, 8)
	for range 8 { // the peer reads nothing: 200 KiB each is more than may wait
		calls.Go(func() { failed <- client.CallContext(ctx, "m", make([]byte, 200<<10), nil) })
	}
	cancel()
	calls.Wait()
	for range 8 {
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	far.Close()
	client.Close()
}

func TestClientInterceptorsStandAroundCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		note := func(name string) rpcutil.ClientInterceptor {
			return func(ctx context.Context, v *rpcutil.Invocation, next func(context.Context) error) error {
				seen = append(seen, name+" "+v.Method)
				err := next(ctx)
				seen = append(seen, name+" after")
				return err
			}
		}
		rename := func(ctx context.Context, v *rpcutil.Invocation, next func(context.Context) error) error {
			if v.Method == "add" {
				v.Method, v.Args = "sum", codec.Args{20, 22}
			}
			if v.Method == "secret" {
				return errors.New("refused")
			}
			return next(ctx)
		}
		client, _ := clerkOf(t, rpcutil.ClientOptions{Interceptors: []rpcutil.ClientInterceptor{note("outer"), rename, note("inner")}})
		if got, err := rpcutil.Call[int](t.Context(), client, "add"); got != 42 || err != nil {
			t.Error(got, err)
		}
		want := []string{"outer add", "inner sum", "inner after", "outer after"}
		if !reflect.DeepEqual(seen, want) {
			t.Errorf("%q, want %q", seen, want)
		}
		if err := client.Call("secret", nil, nil); err == nil || err.Error() != "refused" {
			t.Error(err)
		}
	})
}

func TestClientNotifies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := codectest.NewPeer(t, far)
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
		sent := make(chan error, 1)
		go func() { sent <- client.Notify("n", 1) }()
		peer.Expect("93 02 a1 'n' 91 01")
		if err := <-sent; err != nil {
			t.Error(err)
		}
		client.Close()
	})
}

func TestAHangUpSaysWhatWasPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
		defer client.Close()
		peer := codectest.NewPeer(t, far)
		go func() { peer.Receive(); far.Close() }()
		err := client.Call("nope", nil, nil)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rpcutil.Dial(ctx, "tcp", "127.0.0.1:1", rpcutil.ClientOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := rpcutil.Dial(t.Context(), "tcp", l.Addr().String(), rpcutil.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}

func TestACallWhoseContextHasEndedIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := codectest.NewPeer(t, far)
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := client.CallContext(ctx, "m", nil, nil)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, codec.ErrNotSent) {
			t.Error(err)
		}
		client.Close()
		peer.ExpectEnd()
	})
}

func TestGoSendsInItsOrderAndEncodesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		peer := codectest.NewPeer(t, far)
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: codec.Options{Pipeline: codec.Always}})
		args := new(struct{ N int })
		var calls []*rpc.Call
		received := make(chan []byte, 30)
		go func() {
			for range 30 {
				frame, _ := peer.Receive()
				received <- frame
			}
		}()
		for i := range 30 {
			args.N = i
			calls = append(calls, client.Go("n", args, nil, nil))
		}
		for i := range 30 {
			if got := <-received; got[len(got)-1] != byte(i) {
				t.Errorf("request %d is % x", i, got)
			}
		}
		client.Close()
		for _, call := range calls {
			if <-call.Done; call.Error != rpc.ErrShutdown {
				t.Error(call.Error)
			}
		}
	})
}

// panicky is a mapper that panics for one name.
type panicky struct{ codec.NameMapper }

func (panicky) ToWire(name string) string {
	if name == "panic" {
		panic("no")
	}
	return name
}

func TestAPanicInAMapperHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := clerkOf(t, rpcutil.ClientOptions{Codec: codec.Options{Names: panicky{}}})
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			client.Call("panic", nil, nil)
		}()
		if got, err := rpcutil.Call[int](t.Context(), client, "sum", 1, 2); got != 3 || err != nil {
			t.Error(got, err)
		}
	})
}

func TestANilInterceptorPanics(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	defer func() {
		if recover() == nil {
			t.Error("a nil interceptor is accepted")
		}
	}()
	rpcutil.NewClient(near, rpcutil.ClientOptions{Interceptors: []rpcutil.ClientInterceptor{nil}})
}

func TestAnExchangePassedToAClientGivesItsArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := clerkOf(t, rpcutil.ClientOptions{})
		var sum int
		if err := client.Call("sum", &codec.Exchange{Args: codec.Args{1, 2}}, &sum); sum != 3 || err != nil {
			t.Error(sum, err)
		}
	})
}
