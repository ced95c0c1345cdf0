package codec_test

import (
	"io"
	"net"
	"net/rpc"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// A peer that has finished sending gets its answers; the last closes the
// connection, also where it is the end of a notification that nobody sees.
func TestDuplexAnswersBeforeItEnds(t *testing.T) {
	for name, test := range map[string]struct{ send, answer string }{
		"request":      {"94 00 01 a1'w' 90", "94 01 01 c0 c0"},
		"notification": {"93 02 a1'w' 90", ""},
		"both":         {"93 02 a1'w' 90  94 00 01 a1'w' 90  94 00 02 a1'w' 90", "94 01 01 c0 c0  94 01 02 c0 c0"},
		"nothing":      {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := newBufferedPipe()
				seer := newSeer()
				p := newPeered(t, codec.Options{}, seer, seerNames, near, far)
				p.Send(test.send)
				near.CloseWrite()
				synctest.Wait()
				select {
				case <-p.done:
					if test.send != "" {
						t.Error("the connection ends before its calls")
					}
				default:
				}
				// The client half is over: nobody will answer its calls.
				if err := p.client.Call("one", nil, nil); err == nil {
					t.Error("a call succeeds")
				}
				close(seer.release)
				p.expectAll(t, test.answer)
				p.ExpectEnd()
				<-p.done
				p.log.expectEmpty(t)
			})
		})
	}
}

// The answer is on its way when the peer finishes sending: it must not be lost
// because nothing is pending any more.
func TestDuplexSendsAnAnswerThatIsBeingEncodedWhenThePeerFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := newBufferedPipe()
		late := &Late{begun: make(chan struct{}), finish: make(chan struct{})}
		p := newPeered(t, codec.Options{}, late, nameTable{"do": "Late.Do"}, near, far)
		p.Send("94 00 01 a2'do' 90")
		<-late.begun // encoding
		near.CloseWrite()
		synctest.Wait()
		close(late.finish)
		p.Expect("94 01 01 c0 01")
		p.ExpectEnd()
		<-p.done
	})
}

// Late answers with a value that takes its time to be encoded.
type Late struct{ begun, finish chan struct{} }

// Do returns l itself.
func (l *Late) Do(_ struct{}, r *any) error { *r = l; return nil }

// MarshalMsgpack implements msgpack.Marshaler.
func (l *Late) MarshalMsgpack() ([]byte, error) {
	close(l.begun)
	<-l.finish
	return []byte{1}, nil
}

func TestDuplexClosesBothHalvesWithEither(t *testing.T) {
	for i, half := range []string{"server", "client"} {
		t.Run(half, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				seer := newSeer()
				p := newPeered(t, codec.Options{}, seer, seerNames, near, far)
				p.Send("94 00 01 a1'w' 90")
				r := <-seer.seen
				failed := make(chan error, 1)
				go func() { failed <- p.client.Call("one", nil, nil) }()
				p.Expect("94 00 01 db 00000003'one' 90")
				ended := make(chan struct{})
				go func() { // the answer of a handler that Close wakes may just be in time
					defer close(ended)
					for {
						if _, err := p.Receive(); err != nil {
							return
						}
					}
				}()
				if err := p.close[i](); err != nil {
					t.Error(err)
				}
				if err := <-failed; err != rpc.ErrShutdown {
					t.Error(err)
				}
				<-r.Context().Done()
				<-p.done
				<-ended
				p.close[1-i]()
				p.log.expectEmpty(t)
			})
		})
	}
}

// A request that comes while Close flushes is not served.
func TestDuplexServesNothingAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s, _ := codec.NewDuplex(far)
		p := codectest.NewPeer(t, near)
		p.Send("94 00 01 a1'f' 90")
		var r rpc.Request
		if err := s.ReadRequestHeader(&r); err != nil {
			t.Fatal(err)
		}
		s.ReadRequestBody(nil)
		go s.WriteResponse(&rpc.Response{Seq: r.Seq}, nil) // is stuck: the pipe has no memory
		synctest.Wait()
		go s.Close()
		synctest.Wait()
		p.Send("94 00 02 a1'f' 90")
		synctest.Wait()
		if err := s.ReadRequestHeader(&r); err != io.EOF {
			t.Errorf("after Close: %+v, %v", r, err)
		}
		p.Expect(errorReply("01", "method not found: f"))
		p.ExpectEnd()
	})
}

// Whoever uses one half only leaves nothing behind: a bubble fails if a
// goroutine is left.
func TestDuplexHalfUsed(t *testing.T) {
	t.Run("server only, peer hangs up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			s, _ := codec.Options{Names: testNames, Logger: new(logBook).logger()}.NewDuplex(far)
			go newTestServer(t).ServeCodec(s)
			p := &served{Peer: codectest.NewPeer(t, near)}
			p.goesOn(t)
			p.Send("94 01 01 c0 c0  93 02 a3'sum' 90")
			p.goesOn(t)
			near.Close()
		})
	})
	t.Run("client only, peer hangs up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			_, c := codec.Options{Logger: new(logBook).logger()}.NewDuplex(far)
			client := rpc.NewClientWithCodec(c)
			p := codectest.NewPeer(t, near)
			p.Send("94 00 01 a3'sum' 92 01 02  93 02 a3'sum' 90")
			failed := make(chan error, 1)
			go func() { failed <- client.Call("one", nil, nil) }()
			p.Expect("94 00 01 db 00000003'one' 90")
			near.Close()
			if err := <-failed; err == nil {
				t.Error("a call succeeds")
			}
			client.Close()
		})
	})
	t.Run("neither, peer hangs up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := newBufferedPipe()
			codec.NewDuplex(far)
			near.CloseWrite()
			codectest.NewPeer(t, near).ExpectEnd()
		})
	})
	t.Run("neither, closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			s, c := codec.NewDuplex(far)
			c.Close()
			s.Close()
			codectest.NewPeer(t, near).ExpectEnd()
		})
	})
}

// After the peer has finished sending, a write that fails ends what still runs.
func TestDuplexEndsWithAFailedWriteAfterAHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := newBufferedPipe()
		far.stuck = true
		seer := newSeer()
		p := newPeered(t, codec.Options{WriteTimeout: time.Second}, seer, seerNames, near, far)
		p.Send("94 00 01 a1'w' 90  94 00 02 a1'p' 90")
		near.CloseWrite()
		<-p.done
		p.log.expect(t, "peer does not read")
	})
}

// A connection without read deadlines cannot be lingered on: nothing would end
// that but the peer.
func TestCloseDoesNotWaitForAPeerThatWasRefusedAndHasNoDeadline(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := newBufferedPipe()
				done := make(chan struct{})
				c := forms[form](codec.Options{Logger: new(logBook).logger()}, far)
				go func() { defer close(done); newTestServer(t).ServeCodec(c) }()
				p := codectest.NewPeer(t, near)
				p.Send("94 00 01 a1'x' dd ffffffff")
				p.Expect(errorReply("01", "message exceeds MaxMessage (16777216)"))
				p.ExpectEnd()
				<-done
			})
		})
	}
}

// What Close has accepted leaves, whatever the other half does meanwhile.
func TestDuplexAnswersSurviveACallDuringClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s, c := codec.NewDuplex(near)
		peer := codectest.NewPeer(t, far)
		const calls = 20
		var seqs []uint64
		for range calls {
			go peer.Send("94 00 01 a1'w' 90")
			var r rpc.Request
			if err := s.ReadRequestHeader(&r); err != nil {
				t.Fatal(err)
			}
			s.ReadRequestBody(nil)
			seqs = append(seqs, r.Seq)
		}
		for _, seq := range seqs { // the peer reads nothing yet: all but the first wait
			if err := s.WriteResponse(&rpc.Response{Seq: seq}, nil); err != nil {
				t.Fatal(err)
			}
		}
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		synctest.Wait()
		if err := c.WriteRequest(&rpc.Request{ServiceMethod: "x"}, nil); err != rpc.ErrShutdown {
			t.Errorf("a call during Close: %v, want ErrShutdown", err)
		}
		if err := c.(codec.Notifier).Notify("x", nil); err != rpc.ErrShutdown {
			t.Errorf("a notification during Close: %v, want ErrShutdown", err)
		}
		for range calls {
			peer.ExpectText("method not found: w")
		}
		peer.ExpectEnd()
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}
