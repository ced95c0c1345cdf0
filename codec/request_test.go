package codec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// Seer sees requests as they came.
type Seer struct {
	seen    chan codec.Request
	release chan struct{}
}

func newSeer() *Seer { return &Seer{make(chan codec.Request, 1000), make(chan struct{})} }

// ByPointer takes a request by pointer.
func (s *Seer) ByPointer(r *codec.Request, _ *struct{}) error { s.seen <- *r; return nil }

// ByValue takes a request by value.
func (s *Seer) ByValue(r codec.Request, _ *struct{}) error { s.seen <- r; return nil }

// Wait holds a request until its context ends, which is its error, or until it
// is released.
func (s *Seer) Wait(r *codec.Request, _ *struct{}) error {
	s.seen <- *r
	select {
	case <-r.Context().Done():
		return r.Context().Err()
	case <-s.release:
		return nil
	}
}

var seerNames = nameTable{"p": "Seer.ByPointer", "v": "Seer.ByValue", "w": "Seer.Wait"}

func TestRequestShowsWhatWasReceived(t *testing.T) {
	for name, method := range map[string]string{"pointer": "a1'p'", "value": "c4 01'v'"} {
		t.Run(name, func(t *testing.T) {
			seer := newSeer()
			s := serveService(t, codec.Options{}, seer, seerNames)
			s.Send("94 00 01 " + method + " 92 01 a1'x'")
			s.Expect("94 01 01 c0 c0")
			r := <-seer.seen
			if r.Method != name[:1] || r.Notification || r.RemoteAddr.String() != "pipe" || r.Context().Err() != nil {
				t.Errorf("%+v, context %v", r, r.Context().Err())
			}
			if got := r.Params.Raw(); r.Params.Len() != 2 || !bytes.Equal(got, codectest.Bytes("92 01 a1'x'")) {
				t.Errorf("%d parameters, % x", r.Params.Len(), got)
			}
			var n int8
			var x string
			if err := r.Params.Decode(&n, &x); err != nil || n != 1 || x != "x" {
				t.Error(n, x, err)
			}
			s.Send("93 02 " + method + " c0")
			r = <-seer.seen
			if !r.Notification || r.Params.Len() != 0 || r.Params.Decode() != nil {
				t.Errorf("%+v", r)
			}
			s.Send("94 00 01 " + method + " dc 0001 c0")
			s.Expect("94 01 01 c0 c0")
			if r = <-seer.seen; r.Params.Len() != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestRequestDecodeNamesMethodAndParameter(t *testing.T) {
	seer := newSeer()
	s := serveService(t, codec.Options{MaxDecoded: 100}, seer, seerNames)
	s.Send("94 00 01 a1'p' 92 cd 0100 a1'x'")
	s.Expect("94 01 01 c0 c0")
	r := <-seer.seen
	var small int8
	var list []int
	var text string
	for want, to := range map[string][]any{
		"p: want no parameters, got 2":                               {},
		"p: want 3 parameters, got 2":                                {&small, &text, &text},
		"p: parameter 1: 256 does not fit int8":                      {&small, &text},
		"p: parameter 2: text does not fit []int":                    {new(int), &list},
		"p: parameter 1: want a pointer to decode into, got int":     {1, &text},
		"p: parameter 2: want a pointer to decode into, got *string": {new(int), (*string)(nil)},
	} {
		if err := r.Params.Decode(to...); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	s.Send("94 00 01 a1'p' 91 d9 65'" + strings.Repeat("x", 101) + "'")
	s.Expect("94 01 01 c0 c0")
	r = <-seer.seen
	if err := r.Params.Decode(&text); err == nil || !strings.Contains(err.Error(), "MaxDecoded (100)") {
		t.Error(err)
	}
}

// A Request made by a program's own tests is usable.
func TestRequestZeroValue(t *testing.T) {
	var r codec.Request
	if r.Context() == nil || r.Params.Len() != 0 || r.Params.Raw() != nil {
		t.Error(r.Context(), r.Params.Len(), r.Params.Raw())
	}
	if err := r.Params.Decode(); err != nil {
		t.Error(err)
	}
	if err := r.Params.Decode(new(int), new(int)); err == nil || err.Error() != `"": want 2 parameters, got 0` {
		t.Error(err)
	}
}

func TestRequestOwnsItsBytes(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			seer := newSeer()
			s := serveForm(t, form, codec.Options{}, seer, seerNames)
			const n = 300
			var requests bytes.Buffer
			for i := range n {
				requests.Write(codectest.Bytes(fmt.Sprintf("94 00 01 a1'p' 92 cd %04x da 0400 %s", i, strings.Repeat(fmt.Sprintf("%02x", 'a'+i%26), 1024))))
			}
			go s.Conn.Write(requests.Bytes())
			for range n {
				s.Expect("94 01 01 c0 c0")
			}
			var seen []int
			for range n {
				r := <-seer.seen
				var i int
				var text string
				if err := r.Params.Decode(&i, &text); err != nil || text != strings.Repeat(string(rune('a'+i%26)), 1024) {
					t.Fatal(i, text, err)
				}
				seen = append(seen, i)
			}
			slices.Sort(seen)
			if len(slices.Compact(seen)) != n {
				t.Error(seen)
			}
		})
	}
}

// What ends a request's context, and what does not.
func TestRequestContext(t *testing.T) {
	for name, end := range map[string]func(s *served, far net.Conn, c interface{ Close() error }){
		"Close":       func(_ *served, _ net.Conn, c interface{ Close() error }) { c.Close() },
		"bad message": func(s *served, _ net.Conn, _ interface{ Close() error }) { s.Send("c1") },
		"reset": func(s *served, _ net.Conn, _ interface{ Close() error }) {
			s.Conn.(*net.TCPConn).SetLinger(0)
			s.Conn.Close()
		},
		"cut within a message": func(s *served, _ net.Conn, _ interface{ Close() error }) {
			s.Send("94 00")
			s.Conn.(*net.TCPConn).CloseWrite()
		},
	} {
		t.Run(name, func(t *testing.T) {
			seer := newSeer()
			near, far := codectest.Pair(t)
			server := newServerOf(t, seer)
			c := codec.Options{Names: seerNames, Logger: new(logBook).logger()}.NewServerCodec(far)
			s := &served{Peer: codectest.NewPeer(t, near), done: make(chan struct{})}
			go func() { defer close(s.done); server.ServeCodec(c) }()
			s.Send("94 00 01 a1'w' 90")
			r := <-seer.seen
			end(s, far, c)
			select {
			case <-r.Context().Done():
			case <-time.After(patience):
				t.Fatal("the context does not end")
			}
			if !errors.Is(r.Context().Err(), context.Canceled) {
				t.Error(r.Context().Err())
			}
			s.wait(t)
		})
	}
}

// A peer that has finished sending waits for its answer.
func TestRequestContextGoesOnAfterAHalfClose(t *testing.T) {
	seer := newSeer()
	near, far := codectest.Pair(t)
	s := serveWith(t, newServerOf(t, seer), codec.Options{Names: seerNames}, near, far)
	s.Send("94 00 01 a1'w' 90  94 00 02 a1'p' 90")
	s.Expect("94 01 02 c0 c0")
	near.(*net.TCPConn).CloseWrite()
	r, r2 := <-seer.seen, <-seer.seen
	// The server has the end of the stream when it reads it, which nothing shows;
	// a context that ended then would soon be seen here.
	for range 100 {
		select {
		case <-r.Context().Done():
			t.Fatal("the context has ended")
		case <-time.After(100 * time.Microsecond):
		}
	}
	close(seer.release)
	s.Expect("94 01 01 c0 c0")
	s.ExpectEnd()
	s.wait(t)
	if r.Context().Err() == nil || r2.Context().Err() == nil {
		t.Error("the contexts outlive the connection")
	}
}

// A failed write ends the contexts of all who still work on an answer.
func TestRequestContextEndsWithAFailedWrite(t *testing.T) {
	seer := newSeer()
	near, far := net.Pipe()
	s := serveWith(t, newServerOf(t, seer), codec.Options{Names: seerNames}, near, failingConn{far})
	s.Send("94 00 01 a1'w' 90")
	r := <-seer.seen
	s.Send("94 00 02 a1'p' 90")
	select {
	case <-r.Context().Done():
	case <-time.After(patience):
		t.Fatal("the context does not end")
	}
	s.wait(t)
}

// failingConn fails every write.
type failingConn struct{ net.Conn }

var errBrokenWire = errors.New("wire is broken")

func (failingConn) Write([]byte) (int, error) { return 0, errBrokenWire }

// Intake reads its parameters by the rules for arguments.
type Intake struct{}

func (Intake) Do(r *codec.Request, reply *int) error {
	var args struct {
		X int `msgpack:"x"`
		Y int `msgpack:"y"`
	}
	if err := r.Params.Into(&args); err != nil {
		return err
	}
	*reply = args.X*10 + args.Y
	return nil
}

func TestRequestIntoTakesParametersAsAnArgumentDoes(t *testing.T) {
	server := rpc.NewServer()
	server.Register(Intake{})
	near, far := net.Pipe()
	go server.ServeCodec(codec.NewServerCodec(far))
	client := codec.NewClient(near)
	defer client.Close()
	var got int
	for _, args := range []any{codec.Args{1, 2}, map[string]int{"y": 2, "x": 1}} {
		if err := client.Call("Intake.Do", args, &got); err != nil || got != 12 {
			t.Error(got, err)
		}
	}
	err := client.Call("Intake.Do", codec.Args{1}, &got)
	if err == nil || err.Error() != "Intake.Do: want 2 parameters (x, y), got 1" {
		t.Error(err)
	}
}

// Trusting returns what Params says of its parameters, as a method may.
type Trusting struct{}

func (Trusting) Take(r *codec.Request, _ *int) error { return r.Params.Decode(new(Explosive)) }

func TestWhatADecoderPanicsWithIsNotForTheCaller(t *testing.T) {
	s := serveService(t, codec.Options{}, Trusting{}, nameTable{"take": "Trusting.Take"})
	s.Send("94 00 01 a4 'take' 91 01")
	s.Expect("94 01 01 b4 'take: internal error' c0")
	s.Conn.Close()
	<-s.done
	if text := s.log.String(); !strings.Contains(text, "boom in") || !strings.Contains(text, "stack=") {
		t.Errorf("log %q", text)
	}
}
