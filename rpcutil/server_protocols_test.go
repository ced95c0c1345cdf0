package rpcutil_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// Fleet is a service of an existing program.
type Fleet struct {
	entered chan struct{}
	release chan struct{}
}

type FleetArgs struct{ X, Y int }

func (*Fleet) Sum(a FleetArgs, r *int) error  { *r = a.X + a.Y; return nil }
func (*Fleet) Fail(text string, _ *int) error { return errors.New(text) }
func (*Fleet) Panic(int, *int) error          { panic("SECRET") }
func (*Fleet) Unsendable(_ int, r *any) error { *r = make(chan int); return nil }
func (f *Fleet) Wait(n int, r *int) error     { f.entered <- struct{}{}; <-f.release; *r = n; return nil }
func (*Fleet) Blob(n int, r *[]byte) error    { *r = make([]byte, n); return nil }

func fleetServer(t testing.TB) (*rpcutil.Server, *Fleet) {
	f := &Fleet{entered: make(chan struct{}, 100), release: make(chan struct{})}
	server := rpc.NewServer()
	var names rpcutil.Names
	if err := names.Register(server, f); err != nil {
		t.Fatal(err)
	}
	return &rpcutil.Server{Handler: server, Gob: true, JSON: true, Codec: codec.Options{Names: &names, Logger: quiet}}, f
}

// A caller is what rpc.Client and rpcutil.Client have in common.
type caller interface {
	Call(serviceMethod string, args, reply any) error
	Go(serviceMethod string, args, reply any, done chan *rpc.Call) *rpc.Call
	Close() error
}

// fleet makes a client of each kind.
func fleet(t testing.TB, address string) map[string]caller {
	clients := map[string]caller{}
	for name, dial := range map[string]func(network, address string) (*rpc.Client, error){
		"gob": rpc.Dial, "json": jsonrpc.Dial, "MessagePack-RPC": codec.Options{Logger: quiet}.Dial,
	} {
		client, err := dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		clients[name] = client
	}
	return clients
}

func TestOnePortServesGobJSONAndMessagePackRPC(t *testing.T) {
	s, f := fleetServer(t)
	for name, client := range fleet(t, listening(t, s)) {
		t.Run(name, func(t *testing.T) {
			waiting := client.Go("Fleet.Wait", 7, new(int), nil)
			<-f.entered
			var calls sync.WaitGroup
			for i := range 50 {
				calls.Go(func() {
					var sum int
					if err := client.Call("Fleet.Sum", FleetArgs{i, 1}, &sum); err != nil || sum != i+1 {
						t.Errorf("%d, %v", sum, err)
					}
				})
			}
			calls.Wait()
			if err := client.Call("Fleet.Fail", "no", new(int)); errText(err) != "no" {
				t.Error(err)
			}
			if err := client.Call("Fleet.Panic", 0, new(int)); errText(err) != "internal error" {
				t.Error(err)
			}
			if err := client.Call("Fleet.None", 0, new(int)); err == nil {
				t.Error("a method that does not exist can be called")
			}
			f.release <- struct{}{}
			if call := <-waiting.Done; call.Error != nil || *call.Reply.(*int) != 7 {
				t.Error(call.Error)
			}
			// The standard library has no other answer to what it cannot send.
			if err := client.Call("Fleet.Unsendable", 0, new(any)); err == nil {
				t.Error("a channel can be sent")
			}
		})
	}
}

func TestShutdownLetsClientsOfEveryProtocolFinish(t *testing.T) {
	s, f := fleetServer(t)
	var calls []*rpc.Call
	for _, client := range fleet(t, listening(t, s)) {
		for i := range 3 {
			calls = append(calls, client.Go("Fleet.Wait", i, new(int), nil))
			<-f.entered
		}
	}
	down := make(chan error)
	go func() { down <- s.Shutdown(context.Background()) }()
	close(f.release)
	for _, call := range calls {
		if call := <-call.Done; call.Error != nil || *call.Reply.(*int) != call.Args.(int) {
			t.Error(call.Error)
		}
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// TestTheFirstByteOfEveryGobClient: the length of the first gob depends on how many
// types the client's program has registered before.
func TestTheFirstByteOfEveryGobClient(t *testing.T) {
	first := func() byte {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(rpc.Request{ServiceMethod: "Fleet.Sum"}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()[0]
	}
	if c := first(); c == '{' || c >= 0x80 && c < 0xf8 {
		t.Errorf("first byte is %#x", c)
	}
}

func TestOnlyTheChosenProtocolsAreServed(t *testing.T) {
	for _, test := range []struct {
		gob, json bool
		served    string
	}{{true, false, "gob MessagePack-RPC"}, {false, true, "json MessagePack-RPC"}, {false, false, "MessagePack-RPC"}} {
		s, _ := fleetServer(t)
		s.Gob, s.JSON = test.gob, test.json
		for name, client := range fleet(t, listening(t, s)) {
			var sum int
			err := client.Call("Fleet.Sum", FleetArgs{1, 2}, &sum)
			if strings.Contains(test.served, name) != (err == nil) {
				t.Errorf("%s on a server of %s: %v", name, test.served, err)
			}
		}
	}
}

// TestClientsOfTheStandardLibraryAreCutOffIfTheyDoNotRead: WriteTimeout holds for
// them, and Close ends what is left.
func TestClientsOfTheStandardLibraryAreCutOffIfTheyDoNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := fleetServer(t)
		s.Handler.(*rpc.Server).RegisterName("Blobs", new(Blobs))
		s.Codec.WriteTimeout = time.Minute
		peer := servedPeer(t, s)
		start := time.Now()
		if _, err := io.WriteString(peer.Conn, `{"method": "Blobs.Get", "params": [100000], "id": 1}`); err != nil {
			t.Fatal(err)
		}
		time.Sleep(61 * time.Second)
		if _, err := peer.Conn.Write([]byte{' '}); err == nil {
			t.Errorf("open after %v", time.Since(start))
		}
	})
}

// Blobs is a service with long answers.
type Blobs struct{}

func (*Blobs) Get(n int, r *[]byte) error { *r = make([]byte, n); return nil }

func TestHooksSeeConnectionsAndCalls(t *testing.T) {
	type event struct {
		what string
		call rpcutil.CallInfo
		err  error
	}
	var mu sync.Mutex
	var events []event
	add := func(e event) { mu.Lock(); events = append(events, e); mu.Unlock() }
	closed := make(chan struct{}, 10)
	s, _ := fleetServer(t)
	s.Hooks = rpcutil.Hooks{
		ConnOpened: func(c rpcutil.ConnInfo) {
			if c.LocalAddr == nil || c.RemoteAddr == nil {
				t.Error("no addresses")
			}
			add(event{what: "opened"})
		},
		ConnClosed:   func(_ rpcutil.ConnInfo, err error) { add(event{what: "closed", err: err}); closed <- struct{}{} },
		CallStarted:  func(c rpcutil.CallInfo) { add(event{what: "started", call: c}) },
		CallFinished: func(c rpcutil.CallInfo) { add(event{what: "finished", call: c}) },
	}
	address := listening(t, s)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	client := codec.NewClient(conn)
	client.Call("sum", FleetArgs{1, 2}, new(int))
	client.Call("fail", "no", nil)
	client.Call("panic", 0, nil)
	client.Call("nope", nil, nil)
	client.Close()
	<-closed
	for _, dial := range []func(network, address string) (*rpc.Client, error){rpc.Dial, jsonrpc.Dial} {
		client, err := dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		client.Call("Fleet.Fail", "no", new(int))
		client.Close()
		<-closed
	}
	s.Shutdown(t.Context())

	var got []string
	for _, e := range events {
		text := e.what
		if c := e.call; e.what == "started" || e.what == "finished" {
			text += " " + c.Method
			if c.Err != nil {
				text += ": " + c.Err.Error()
			}
			if c.RemoteAddr == nil || c.Notification || (e.what == "finished") != (c.Duration > 0) {
				t.Errorf("%+v", c)
			}
			if strings.HasPrefix(c.Method, "Fleet") { // of gob or JSON
				if c.RequestSize != 0 || c.AnswerSize != 0 {
					t.Errorf("%+v", c)
				}
			} else if c.RequestSize == 0 || (e.what == "finished") != (c.AnswerSize > 0) {
				t.Errorf("%+v", c)
			}
		}
		got = append(got, text)
	}
	want := "opened, started sum, finished sum, started fail, finished fail: no, started panic, finished panic: internal error, " +
		"started nope, finished nope: method not found: nope, closed, " +
		"opened, started Fleet.Fail, finished Fleet.Fail: no, closed, opened, started Fleet.Fail, finished Fleet.Fail: no, closed"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestServerIsSilentOnSuccessAndSaysWhatWentWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, _ := fleetServer(t)
		s.Codec.Logger = slog.New(slog.NewTextHandler(&log, nil))
		peer := servedPeer(t, s)
		peer.Send("94 00 01 a3 'sum' 92 01 02")
		peer.Expect("94 01 01 c0 03")
		peer.Conn.Close()
		synctest.Wait()
		if log.Len() > 0 {
			t.Errorf("log %q", log.String())
		}
		peer = servedPeer(t, s)
		peer.Send("94 00 01 a5 'panic' 91 01")
		peer.Expect("94 01 01 ae 'internal error' c0")
		peer.Send("c1")
		peer.ExpectEnd()
		synctest.Wait()
		for _, want := range []string{"panic=SECRET", "method=panic", "stack=", "not MessagePack"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("log %q has no %s", log.String(), want)
			}
		}
	})
}
