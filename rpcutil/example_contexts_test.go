package rpcutil_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/go-mprpc/mprpc/rpcutil"
)

// An Archive is a service that net/rpc has served so far.
type Archive struct {
	left chan error // gets why a search ended early
}

// Period is an argument struct, as net/rpc wants one.
type Period struct{ From, To int }

// Years is a method of net/rpc's form. It has not been touched.
func (*Archive) Years(p Period, reply *int) error {
	*reply = p.To - p.From + 1
	return nil
}

// Search was Search(word string, reply *string) error, and went on to its end,
// whatever happened meanwhile. Now it takes a context first.
func (a *Archive) Search(ctx context.Context, word string) (string, error) {
	select {
	case <-time.After(time.Hour): // so large is the archive
		return word + " is not there", nil
	case <-ctx.Done():
		a.left <- ctx.Err()
		return "", ctx.Err()
	}
}

// An existing net/rpc service gains contexts, one method at a time: a Mux serves
// methods of net/rpc's form beside those that take a context first. The context
// ends when the connection is closed or fails, so also when a Shutdown is cut
// short, and has what interceptors put into it.
func Example_contexts() {
	archive := &Archive{left: make(chan error, 1)}
	var mux rpcutil.Mux
	if err := mux.Register(archive); err != nil { // was: rpc.Register(archive)
		log.Fatal(err)
	}
	server := rpcutil.Server{Handler: &mux}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(listener) // was: rpc.Accept(listener)

	client, err := rpcutil.Dial(context.Background(), "tcp", listener.Addr().String(), rpcutil.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	var years int
	err = client.Call("Archive.Years", Period{1999, 2024}, &years) // the call sites are as they were
	fmt.Println(years, err)

	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = rpcutil.Call[string](ctx, client, "search", "needle")
	fmt.Println(errors.Is(err, context.DeadlineExceeded)) // of the client: the server searches on

	fmt.Println(errors.Is(server.Shutdown(ctx), context.DeadlineExceeded)) // a call was cut
	fmt.Println(<-archive.left)
	// Output:
	// 26 <nil>
	// true
	// true
	// context canceled
}
