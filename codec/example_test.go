package codec_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/go-mprpc/mprpc/codec"
)

// Greeter is a net/rpc service like any other.
type Greeter struct{}

// Greet is called with one parameter, a text.
func (*Greeter) Greet(name string, reply *string) error {
	if name == "" {
		return errors.New("who are you?")
	}
	*reply = "Hello, " + name + "!"
	return nil
}

// Who sees the request as it was received.
func (*Greeter) Who(r *codec.Request, reply *string) error {
	var name string
	if err := r.Params.Decode(&name); err != nil {
		return err
	}
	*reply = fmt.Sprintf("%s from %s called %s", name, r.RemoteAddr.Network(), r.Method)
	return nil
}

// Status answers with an error that has a code.
func (*Greeter) Status(_ struct{}, reply *any) error {
	*reply = &codec.Error{Code: 503, Message: "closed on Sundays"}
	return nil
}

// Sleep takes its time.
func (*Greeter) Sleep(struct{}, *struct{}) error { time.Sleep(50 * time.Millisecond); return nil }

// connect serves a Greeter in memory.
func connect(o codec.Options) *rpc.Client {
	server := rpc.NewServer()
	server.Register(new(Greeter))
	near, far := net.Pipe()
	go server.ServeCodec(o.NewServerCodec(far))
	return o.NewClient(near)
}

func ExampleNewClient() {
	server := rpc.NewServer()
	server.Register(new(Greeter))
	near, far := net.Pipe() // or net.Dial and a net.Listener's Accept
	go server.ServeCodec(codec.NewServerCodec(far))

	client := codec.NewClient(near)
	defer client.Close()
	var text string
	err := client.Call("Greeter.Greet", "Ada", &text)
	fmt.Println(text, err)
	err = client.Call("Greeter.Greet", 5, &text)
	fmt.Println(err)
	// Output:
	// Hello, Ada! <nil>
	// Greeter.Greet: parameter 1: 5 does not fit string
}

func ExampleExchange() {
	client := connect(codec.Options{})
	defer client.Close()

	var wrong int // the result is a text: an Exchange fails alone, the client goes on
	x := &codec.Exchange{Args: "Ada", Reply: &wrong}
	err := client.Call("Greeter.Greet", x, nil)
	if err == nil {
		err = x.Err
	}
	fmt.Println(err)

	var text string
	fmt.Println(client.Call("Greeter.Greet", "Ada", &text), text)
	// Output:
	// codec: Greeter.Greet: result: text does not fit int
	// <nil> Hello, Ada!
}

func ExampleExchange_GiveUp() {
	client := connect(codec.Options{})
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	x := new(codec.Exchange)
	call := client.Go("Greeter.Sleep", x, nil, nil)
	select {
	case <-call.Done:
	case <-ctx.Done():
		x.GiveUp(ctx.Err())
	}
	fmt.Println(x.Err)
	// Output: context deadline exceeded
}

func ExampleArgs() {
	client := connect(codec.Options{})
	defer client.Close()
	var text string
	fmt.Println(client.Call("Greeter.Greet", codec.Args{"Ada", "Charles"}, &text))
	fmt.Println(client.Call("Greeter.Greet", codec.Args{"Ada"}, &text), text)
	// Output:
	// Greeter.Greet: want 1 parameter, got 2
	// <nil> Hello, Ada!
}

func ExampleRequest() {
	client := connect(codec.Options{})
	defer client.Close()
	var text string
	fmt.Println(client.Call("Greeter.Who", "Ada", &text), text)
	fmt.Println(client.Call("Greeter.Who", 5, &text))
	// Output:
	// <nil> Ada from pipe called Greeter.Who
	// Greeter.Who: parameter 1: 5 does not fit string
}

func ExampleError() {
	client := connect(codec.Options{Errors: codec.ErrorPair})
	defer client.Close()
	x := new(codec.Exchange)
	client.Call("Greeter.Status", x, nil)
	var e *codec.Error
	fmt.Println(errors.As(x.Err, &e), e.Code, e.Message)
	// Output: true 503 closed on Sundays
}

func ExampleNotifier() {
	near, far := net.Pipe()
	heard := make(chan string)
	listener := codec.Options{OnNotify: func(r *codec.Request) {
		var line string
		r.Params.Decode(&line)
		heard <- r.Method + " " + line
	}}.NewClient(far)
	defer listener.Close()

	c := codec.NewClientCodec(near)
	defer c.Close()
	c.(codec.Notifier).Notify("say", "hello")
	fmt.Println(<-heard)
	// Output: say hello
}

// Two programs that call each other on one connection.
func ExampleNewDuplex() {
	near, far := net.Pipe()
	join := func(conn net.Conn) *rpc.Client {
		server := rpc.NewServer()
		server.Register(new(Greeter))
		s, c := codec.NewDuplex(conn)
		go server.ServeCodec(s)
		return rpc.NewClientWithCodec(c)
	}
	a, b := join(near), join(far)
	defer b.Close()
	defer a.Close()
	var text string
	fmt.Println(a.Call("Greeter.Greet", "B", &text), text)
	fmt.Println(b.Call("Greeter.Greet", "A", &text), text)
	// Output:
	// <nil> Hello, B!
	// <nil> Hello, A!
}

// A peer whose text is in Latin-1, as mprpc's is with pack_encoding and
// unpack_encoding.
func ExampleOptions() {
	client := connect(codec.Options{
		EncodeText: charmap.ISO8859_1.NewEncoder().Bytes,
		DecodeText: charmap.ISO8859_1.NewDecoder().Bytes,
	})
	defer client.Close()
	var text string
	fmt.Println(client.Call("Greeter.Greet", "José", &text), text)
	fmt.Println(client.Call("Greeter.Greet", "日本", &text))
	// Output:
	// <nil> Hello, José!
	// codec: Greeter.Greet: parameter 1: text cannot be encoded: encoding: rune not supported by encoding.
}
