package rpcutil_test

import (
	"context"
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

// Quick is a service whose methods do what is awkward for a server that runs
// methods on the goroutine that reads.
type Quick struct {
	meeting chan struct{}
	exits   atomic.Int64
}

func (*Quick) Sum(a struct{ X, Y int }, r *int) error { *r = a.X + a.Y; return nil }

// Meet returns when another call of Meet does.
func (q *Quick) Meet(n int, r *int) error {
	select {
	case q.meeting <- struct{}{}:
	case <-q.meeting:
	}
	*r = n
	return nil
}

// Spin takes 80 to 120 µs, as methods do that are neither quick nor slow.
func (*Quick) Spin(n int, r *int) error {
	for end := time.Now().Add(time.Duration(80+n%41) * time.Microsecond); time.Now().Before(end); {
	}
	*r = n
	return nil
}

// Nap takes 0.8 to 2.2 ms, about as long as a method may keep the reading.
func (*Quick) Nap(n int, r *int) error {
	time.Sleep(time.Duration(800+n*37%1400) * time.Microsecond)
	*r = n
	return nil
}

// Long takes so long that the reading is taken from it in any case.
func (*Quick) Long(n int, r *int) error {
	time.Sleep(50 * time.Millisecond)
	*r = n
	return nil
}

// Exit ends its goroutine.
func (q *Quick) Exit(int, *int) error {
	q.exits.Add(1)
	runtime.Goexit()
	return nil
}

func (*Quick) Panic(int, *int) error { panic("SECRET") }

// quickServers are a Server with the service as net/rpc has it, and one with a Mux.
func quickServers(t *testing.T) map[string]*rpcutil.Server {
	q := &Quick{meeting: make(chan struct{})}
	var names rpcutil.Names
	server, mux := rpc.NewServer(), &rpcutil.Mux{Logger: quiet}
	if err := names.Register(server, q); err != nil {
		t.Fatal(err)
	}
	if err := mux.Register(q); err != nil {
		t.Fatal(err)
	}
	return map[string]*rpcutil.Server{
		"net/rpc": {Handler: server, Codec: codec.Options{Names: &names, Logger: quiet}},
		"Mux":     {Handler: mux, Codec: codec.Options{Logger: quiet}},
	}
}

// TestNoCallHoldsUpAnotherOnItsConnection makes thousands of calls on one
// connection, of methods that wait for one another, that take about as long as
// they may, that end their goroutine and that panic, all at the same time.
func TestNoCallHoldsUpAnotherOnItsConnection(t *testing.T) {
	for name, s := range quickServers(t) {
		t.Run(name, func(t *testing.T) {
			client := dialed(t, "tcp", listening(t, s))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			const each = 2000
			var wg sync.WaitGroup
			many := func(method, want string) {
				wg.Go(func() {
					for i := range each {
						got, err := rpcutil.Call[int](ctx, client, method, i)
						if want == "" && (err != nil || got != i) || want != "" && errText(err) != want {
							t.Errorf("%s(%d) = %d, %v", method, i, got, err)
							return
						}
					}
				})
			}
			for range 2 {
				many("meet", "")
				many("spin", "")
			}
			many("exit", "internal error")
			many("panic", "internal error")
			wg.Go(func() { sums(t, client) })
			wg.Wait()
		})
	}
}

// TestTheReadingIsTakenAsTheMethodEnds, or just before or after: each connection is
// new, so that its first calls run where they were read.
func TestTheReadingIsTakenAsTheMethodEnds(t *testing.T) {
	for name, s := range quickServers(t) {
		t.Run(name, func(t *testing.T) {
			address := listening(t, s)
			first := dialed(t, "tcp", address)
			if _, err := rpcutil.Call[int](t.Context(), first, "long", 0); err != nil { // from now on the server looks every millisecond
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for w := range 16 {
				all.Go(func() {
					for i := range 60 {
						client, err := rpcutil.Dial(context.Background(), "tcp", address, rpcutil.ClientOptions{})
						if err != nil {
							t.Error(err)
							return
						}
						var calls sync.WaitGroup
						for j := range 3 {
							calls.Go(func() {
								n := 7*w + 5*i + j
								if got, err := rpcutil.Call[int](context.Background(), client, "nap", n); err != nil || got != n {
									t.Errorf("nap(%d) = %d, %v", n, got, err)
								}
							})
						}
						calls.Wait()
						client.Close()
					}
				})
			}
			all.Wait()
		})
	}
}

// TestTwoCallsInOneSegmentThatWaitForEachOther is what hangs mprpc's server.
func TestTwoCallsInOneSegmentThatWaitForEachOther(t *testing.T) {
	for _, name := range []string{"net/rpc", "Mux"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &Quick{meeting: make(chan struct{})} // channels belong to the bubble
				m := &rpcutil.Mux{}
				if err := m.Register(q); err != nil {
					t.Fatal(err)
				}
				s := &rpcutil.Server{Handler: m}
				if name == "net/rpc" {
					server := rpc.NewServer()
					server.RegisterName("Quick", q)
					s = &rpcutil.Server{Handler: server}
				}
				peer := servedPeer(t, s)
				go peer.Send("94 00 01 aa 'Quick.Meet' 91 07  94 00 02 aa 'Quick.Meet' 91 08  94 00 03 a9 'Quick.Sum' 92 01 02")
				replies := map[string]bool{}
				for range 3 {
					b, err := peer.Receive()
					if err != nil {
						t.Fatal(err)
					}
					replies[string(b)] = true
				}
				for _, want := range []string{"\x94\x01\x01\xc0\x07", "\x94\x01\x02\xc0\x08", "\x94\x01\x03\xc0\x03"} {
					if !replies[want] {
						t.Errorf("no reply %q in %v", want, replies)
					}
				}
			})
		})
	}
}

// TestShortCallsShareAWrite: answers to requests that arrive together leave
// together, and one of them that takes long does not hold back the others.
func TestShortCallsShareAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := muxOfSum()
		release := make(chan struct{})
		m.Handle("wait", func() { <-release })
		near, far := net.Pipe()
		s := &rpcutil.Server{Handler: m}
		go s.ServeConn(far)
		requests := strings.Repeat("\x94\x00\x05\xa3sum\x92\x01\x02", 10) + "\x94\x00\x06\xa4wait\x90"
		if _, err := near.Write([]byte(requests)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1000)
		n, err := near.Read(buf) // a pipe gives what one write wrote
		if want := strings.Repeat("\x94\x01\x05\xc0\x03", 10); err != nil || string(buf[:n]) != want {
			t.Errorf("%q, %v", buf[:n], err)
		}
		close(release)
		if n, err := near.Read(buf); err != nil || string(buf[:n]) != "\x94\x01\x06\xc0\xc0" {
			t.Errorf("%q, %v", buf[:n], err)
		}
		near.Close()
		s.Shutdown(t.Context())
	})
}

// TestALongMethodHoldsUpOthersForTwentyMilliseconds at most, and where there has
// been one before, for two.
func TestALongMethodHoldsUpOthersForTwentyMilliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := muxOfSum()
		m.Handle("wait", func() { time.Sleep(time.Hour) })
		s := &rpcutil.Server{Handler: m, Codec: codec.Options{MaxPending: 10}}
		peer := servedPeer(t, s)
		for i, most := range []time.Duration{20, 2, 2, 2} {
			most *= time.Millisecond
			start := time.Now()
			go peer.Send("94 00 02 a4 'wait' 90  94 00 01 a3 'sum' 92 01 02")
			peer.Expect("94 01 01 c0 03")
			if d := time.Since(start); d > most {
				t.Errorf("time %d: the call behind a long one has waited for %v", i, d)
			}
			for range 64 << i { // for as long as calls run on goroutines of their own after a long one
				go peer.Send("94 00 01 a3 'sum' 92 01 02")
				peer.Expect("94 01 01 c0 03")
			}
		}
	})
}

// TestMethodsOfSomeMillisecondsComeToRunAtTheSameTime: each is over before the server
// would look twice, but they keep their connection busy.
func TestMethodsOfSomeMillisecondsComeToRunAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &rpcutil.Mux{}
		m.Handle("wait", func() { time.Sleep(5 * time.Millisecond) })
		s := &rpcutil.Server{Handler: m}
		near, far := net.Pipe()
		go s.ServeConn(far)
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: codec.Options{Pipeline: codec.Always}})
		start := time.Now()
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				for range 20 {
					if err := client.CallContext(t.Context(), "wait", codec.Args{}, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		callers.Wait()
		if d := time.Since(start); d > 130*time.Millisecond { // one after the other they take 200
			t.Errorf("two callers of 20 calls of 5 ms have taken %v", d)
		}
		client.Close()
		s.Shutdown(t.Context())
	})
}

// TestAnswersLeaveBeforeTheConnectionEnds for what follows their requests in the
// same segment and is no message.
func TestAnswersLeaveBeforeTheConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &rpcutil.Server{Handler: muxOfSum(), Codec: codec.Options{Logger: quiet}}
		peer := servedPeer(t, s)
		go peer.Send("94 00 01 a3 'sum' 92 01 02  94 00 02 a3 'sum' 92 03 04  c1")
		peer.Expect("94 01 01 c0 03")
		peer.Expect("94 01 02 c0 07")
		peer.ExpectEnd()
	})
}

// TestAnswersThatCannotLeaveDoNotHoldUpTheReading: a peer that sends before it
// reads gets every answer, once.
func TestAnswersThatCannotLeaveDoNotHoldUpTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &rpcutil.Mux{}
		m.Handle("echo", func(n int) int { return n })
		peer := servedPeer(t, &rpcutil.Server{Handler: m})
		const batches, each = 12, 10
		for b := range batches {
			var requests []byte
			for i := range each {
				requests = append(requests, 0x94, 0, byte(i), 0xa4, 'e', 'c', 'h', 'o', 0x91, byte(b))
			}
			if _, err := peer.Conn.Write(requests); err != nil { // nobody reads the answers meanwhile
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		got := map[string]int{}
		for range batches * each {
			answer, err := peer.Receive()
			if err != nil {
				t.Fatal(err)
			}
			got[string(answer)]++
		}
		peer.Conn.SetReadDeadline(time.Now().Add(time.Hour))
		if answer, err := peer.Receive(); err == nil {
			t.Errorf("one more answer: % x", answer)
		}
		for b := range batches {
			for i := range each {
				if n := got[string([]byte{0x94, 1, byte(i), 0xc0, byte(b)})]; n != 1 {
					t.Errorf("request %d of batch %d has %d answers", i, b, n)
				}
			}
		}
	})
}

// TestLongAnswersAndShortOnesAllArrive sends answers of every size, from methods
// that are short and long, so that they take every way out.
func TestLongAnswersAndShortOnesAllArrive(t *testing.T) {
	m := &rpcutil.Mux{}
	m.Handle("blob", func(n, wait int) []byte {
		time.Sleep(time.Duration(wait) * time.Microsecond)
		return make([]byte, n)
	})
	client := dialed(t, "tcp", listening(t, &rpcutil.Server{Handler: m}))
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 60 {
				n := []int{0, 100, 15 << 10, 17 << 10, 40 << 10, 70 << 10, 300 << 10}[(i+w)%7]
				wait := []int{0, 0, 150}[(i+w)%3]
				if got, err := rpcutil.Call[[]byte](context.Background(), client, "blob", n, wait); err != nil || len(got) != n {
					t.Errorf("%d bytes: got %d, %v", n, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

// A lazy handler does not do what a Handler should.
type lazy func(rpc.ServerCodec) error

func (f lazy) ServeRequest(c rpc.ServerCodec) error { return f(c) }

func TestHandlersThatDoNotAnswerAreAnsweredFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			want  string
			serve lazy
		}{
			{"no answer", func(rpc.ServerCodec) error { return nil }},
			{"no answer", func(c rpc.ServerCodec) error { return c.ReadRequestBody(new(codec.Args)) }},
			{"internal error", func(rpc.ServerCodec) error { panic("early") }},
			{"internal error", func(rpc.ServerCodec) error { runtime.Goexit(); return nil }},
			{"late", func(c rpc.ServerCodec) error {
				c.WriteResponse(&rpc.Response{Error: "late"}, nil)
				panic("after the answer")
			}},
			{"late", func(c rpc.ServerCodec) error {
				c.WriteResponse(&rpc.Response{Error: "late"}, nil)
				runtime.Goexit()
				return nil
			}},
		} {
			s := &rpcutil.Server{Handler: test.serve, Codec: codec.Options{Logger: quiet}}
			peer := servedPeer(t, s)
			for range 3 {
				go peer.Send("94 00 01 a1 'x' 90")
				peer.ExpectText(test.want)
			}
		}
	})
}
