package codec_test

import (
	"errors"
	"io"
	"net"
	"net/rpc"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// duplexed is scripted for the client half of a duplex, where the duplex reads
// and net/rpc fetches what it has read.
func duplexed(t *testing.T, o codec.Options) (*rpc.Client, *script) {
	near, far := net.Pipe()
	o.Logger = (&ledger{}).logger()
	server, c := o.NewDuplex(near)
	go rpc.NewServer().ServeCodec(server)
	client := rpc.NewClientWithCodec(c)
	t.Cleanup(func() { client.Close() })
	return client, newScript(t, far)
}

func TestTheClientOfADuplexCallsInLockStepToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := duplexed(t, codec.Options{Pipeline: codec.Never})
		var a int
		var b string
		first, second := client.Go("a", nil, &a, nil), client.Go("b", nil, &b, nil)
		peer.want("94 00 01 a1 'a' 90")
		peer.wantNone()
		peer.Send("94 01 01 c0 05")
		peer.want("94 00 02 a1 'b' 90")
		peer.Send("94 01 02 c0 a1 'x'")
		if wantDone(t, first, second); a != 5 || b != "x" {
			t.Errorf("results %d and %q", a, b)
		}
	})
}

func TestTheClientOfADuplexForgetsACallGivenUpInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := duplexed(t, codec.Options{})
		first, x := client.Go("f", nil, nil, nil), new(codec.Exchange)
		queued := client.Go("g", x, nil, nil)
		peer.want(asksF)
		giveUp(t, x)
		peer.Send(greeting)
		wantDone(t, queued)
		peer.wantNone()
		peer.Send("94 01 01 c0 c0")
		wantDone(t, first)
	})
}

func TestTheEndOfADuplexTellsEachCallOfItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := duplexed(t, codec.Options{Pipeline: codec.Never})
		x, y := new(codec.Exchange), new(codec.Exchange)
		sent, queued := client.Go("nope", x, nil, nil), client.Go("q", y, nil, nil)
		<-peer.got
		peer.Conn.Close()
		wantDone(t, sent, queued)
		if !contains(x.Err, `before answering "nope"`) || !errors.Is(y.Err, codec.ErrNotSent) {
			t.Errorf("errors %v and %v", x.Err, y.Err)
		}
	})
}

// A halfClosed is a connection whose peer can finish sending and go on reading.
type halfClosed struct {
	net.Conn
	finished chan struct{}
}

func (c halfClosed) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.finished:
		return 0, io.EOF
	default:
		return n, err
	}
}

// A duplex goes on answering a peer that has finished sending; its client's
// callers that wait for room have nothing to wait for.
func TestACallerThatWaitsForRoomLearnsThatTheDuplexsPeerHasFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := halfClosed{near, make(chan struct{})}
		server, c := codec.Options{Pipeline: codec.Always, Logger: (&ledger{}).logger()}.NewDuplex(conn)
		rendezvous := &Rendezvous{make(chan int)}
		services := rpc.NewServer()
		services.Register(rendezvous)
		go services.ServeCodec(server)
		client := rpc.NewClientWithCodec(c)
		far.Write(codectest.Bytes("94 00 01 af 'Rendezvous.Wait' 90"))
		fill(t, c)
		result := make(chan error, 1)
		go func() { result <- client.Call("f", nil, nil) }()
		synctest.Wait()
		close(conn.finished)
		far.Write([]byte{0}) // makes Read look
		if err := <-result; !errors.Is(err, codec.ErrNotSent) {
			t.Errorf("error %v, want ErrNotSent", err)
		}
		far.Close()
		rendezvous.c <- 5
		client.Close()
	})
}
