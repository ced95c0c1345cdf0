package rpcutil_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"log/slog"
	"net"
	"net/rpc"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// Each test here is a mistake that the server has had.

// TestAnAnswerDoesNotWaitForACallThatBlocks although no goroutine may read on. Nor
// does the watch look at such a connection, which a thousand hours would show.
func TestAnAnswerDoesNotWaitForACallThatBlocks(t *testing.T) {
	for name, s := range map[string]*rpcutil.Server{
		"no limit":   {},
		"MaxPending": {Codec: codec.Options{MaxPending: 1}},
		"MaxCalls":   {MaxCalls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := muxOfSum()
				release := make(chan struct{})
				m.Handle("wait", func() { <-release })
				s := &rpcutil.Server{Handler: m, MaxCalls: s.MaxCalls, IdleTimeout: -1, Codec: s.Codec}
				peer := servedPeer(t, s)
				// The third is not answered before the second, where there is a limit.
				go peer.Send("94 00 01 a3 'sum' 92 01 02  94 00 02 a4 'wait' 90  94 00 03 a4 'wait' 90")
				peer.Expect("94 01 01 c0 03")
				time.Sleep(1000 * time.Hour)
				close(release)
				peer.ExpectText("\xc0\xc0")
				peer.ExpectText("\xc0\xc0")
			})
		})
	}
}

// TestNothingIsServedBehindWhatIsNoMessage, also if the answers before it leave so
// slowly that the reading changes hands.
func TestNothingIsServedBehindWhatIsNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int64
		m := &rpcutil.Mux{}
		m.Handle("count", func() { ran.Add(1) })
		peer := servedPeer(t, &rpcutil.Server{Handler: m, Codec: codec.Options{Logger: quiet}})
		go peer.Send("94 00 01 a5 'count' 90  01  94 00 02 a5 'count' 90")
		time.Sleep(time.Second)
		peer.Expect("94 01 01 c0 c0")
		peer.ExpectEnd()
		if n := ran.Load(); n != 1 {
			t.Errorf("%d calls ran", n)
		}
	})
}

func TestCloseStartsNoCallThatIsBuffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int64
		m := &rpcutil.Mux{}
		m.Handle("count", func() { ran.Add(1); time.Sleep(10 * time.Microsecond) })
		s := &rpcutil.Server{Handler: m}
		peer := servedPeer(t, s)
		go peer.Conn.Write([]byte(strings.Repeat("\x94\x00\x01\xa5count\x90", 100)))
		time.Sleep(55 * time.Microsecond)
		s.Close()
		before := ran.Load()
		time.Sleep(time.Second)
		if n := ran.Load(); n != before || n > 10 {
			t.Errorf("%d calls ran, %d of them after Close", n, n-before)
		}
	})
}

// TestAGobClientThatStallsIsCutOff within its message, in the header and in the
// body, and does not keep others from being served.
func TestAGobClientThatStallsIsCutOff(t *testing.T) {
	var header bytes.Buffer
	if err := gob.NewEncoder(&header).Encode(&rpc.Request{ServiceMethod: "Fleet.Sum", Seq: 1}); err != nil {
		t.Fatal(err)
	}
	for name, sent := range map[string][]byte{
		"header": header.Bytes()[:header.Len()-3],
		"body":   append(header.Bytes(), 0x20),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := fleetServer(t)
				s.MaxCalls, s.Codec.ReadTimeout = 1, time.Minute
				stalls := servedPeer(t, s)
				go func() {
					for { // what is answered does not matter
						if _, err := stalls.Conn.Read(make([]byte, 100)); err != nil {
							return
						}
					}
				}()
				start := time.Now()
				for _, b := range sent { // a byte a second, while it is read
					stalls.Conn.SetWriteDeadline(time.Now().Add(time.Hour))
					if _, err := stalls.Conn.Write([]byte{b}); err != nil {
						break
					}
					time.Sleep(time.Millisecond)
				}
				other := servedPeer(t, s)
				other.Send("94 00 01 a3 'sum' 92 01 02")
				other.Expect("94 01 01 c0 03")
				stalls.Conn.SetWriteDeadline(time.Now().Add(time.Hour))
				for {
					if _, err := stalls.Conn.Write([]byte{0}); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				if d := time.Since(start); d > 2*time.Minute {
					t.Errorf("cut off after %v", d)
				}
			})
		})
	}
}

// TestAnAnswerThatIsNotReadTakesNoPlace among the calls that run.
func TestAnAnswerThatIsNotReadTakesNoPlace(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Second} { // on the goroutine that reads, and apart
		for _, size := range []int{10, 100_000} {
			synctest.Test(t, func(t *testing.T) {
				m := muxOfSum()
				m.Handle("blob", func() []byte { time.Sleep(wait); return make([]byte, size) })
				s := &rpcutil.Server{Handler: m, MaxCalls: 1, Codec: codec.Options{Logger: quiet}}
				servedPeer(t, s).Send("94 00 01 a4 'blob' 90") // and does not read
				time.Sleep(2 * time.Second)
				start := time.Now()
				peer := servedPeer(t, s)
				peer.Send("94 00 01 a3 'sum' 92 01 02")
				peer.Expect("94 01 01 c0 03")
				if d := time.Since(start); d > 0 {
					t.Errorf("an answer of %d bytes after %v holds up others for %v", size, wait, d)
				}
			})
		}
	}
}

// exiting ends the goroutine that encodes it.
type exiting struct{}

func (exiting) MarshalMsgpack() ([]byte, error) { runtime.Goexit(); return nil, nil }

func TestAResultWhoseEncoderEndsTheGoroutineIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := muxOfSum()
		m.Handle("exit", func() exiting { return exiting{} })
		peer := servedPeer(t, &rpcutil.Server{Handler: m, Codec: codec.Options{Logger: quiet}})
		peer.Send("94 00 01 a4 'exit' 90")
		peer.Expect("94 01 01 ae 'internal error' c0")
		peer.Send("94 00 02 a3 'sum' 92 01 02")
		peer.Expect("94 01 02 c0 03")
	})
}

func TestAMethodThatEndsItsGoroutineIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		m := &rpcutil.Mux{Logger: logger}
		m.Handle("exit", func() { runtime.Goexit() })
		peer := servedPeer(t, &rpcutil.Server{Handler: m, Codec: codec.Options{Logger: logger}})
		peer.Send("94 00 01 a4 'exit' 90")
		peer.Expect("94 01 01 ae 'internal error' c0")
		peer.Conn.Close()
		synctest.Wait()
		if n := strings.Count(log.String(), "ended its goroutine"); n != 1 {
			t.Errorf("log %q", log.String())
		}
	})
}

func TestDurationsIncludeTheWaitForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &rpcutil.Mux{}
		m.Handle("nap", func() { time.Sleep(time.Second) })
		m.Handle("quick", func() {})
		var took atomic.Int64
		s := &rpcutil.Server{Handler: m, MaxCalls: 1}
		s.Hooks.CallFinished = func(c rpcutil.CallInfo) {
			if c.Method == "quick" {
				took.Store(int64(c.Duration))
			}
		}
		servedPeer(t, s).Send("94 00 01 a3 'nap' 90")
		synctest.Wait()
		peer := servedPeer(t, s)
		peer.Send("94 00 01 a5 'quick' 90")
		peer.ExpectText("\xc0\xc0")
		if d := time.Duration(took.Load()); d != time.Second {
			t.Errorf("took %v", d)
		}
	})
}

func TestShutdownOfNothingSucceedsWhateverItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := new(rpcutil.Server).Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Unsendables has a result that gob cannot send.
type Unsendables struct{ gate chan struct{} }

func (u Unsendables) Wait(int, *int) error { <-u.gate; return nil }

func (Unsendables) Broken(int, *NoGob) error { return nil }

// NoGob is a type whose values cannot be sent.
type NoGob struct{}

func (*NoGob) GobEncode() ([]byte, error) { return nil, errors.New("cannot be sent") }
func (*NoGob) GobDecode([]byte) error     { return nil }

// duringWarn calls a function when something is logged.
type duringWarn struct {
	slog.Handler
	do func()
}

func (h duringWarn) Enabled(context.Context, slog.Level) bool { return true }

func (h duringWarn) Handle(context.Context, slog.Record) error { h.do(); return nil }

// No answer is written behind the half of one that gob could not encode: a client
// would take the two for one.
func TestNothingFollowsHalfOfAnAnswer(t *testing.T) {
	service := Unsendables{make(chan struct{})}
	registry := rpc.NewServer()
	if err := registry.Register(service); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	client := rpc.NewClient(near)
	defer client.Close()
	came := make(chan struct{})
	var once sync.Once
	server := rpcutil.Server{Handler: registry, Gob: true, Codec: codec.Options{Logger: slog.New(duringWarn{slog.DiscardHandler, func() {
		once.Do(func() {
			close(service.gate)
			<-came // the other answer, or the end
		})
	}})}}
	served := make(chan struct{})
	go func() { server.ServeConn(far); close(served) }()
	wait := client.Go("Unsendables.Wait", 1, nil, nil)
	go func() { <-wait.Done; close(came) }()
	if err := client.Call("Unsendables.Broken", 1, nil); err == nil {
		t.Error("a result that cannot be sent has arrived")
	}
	<-came
	client.Close()
	<-served
}
