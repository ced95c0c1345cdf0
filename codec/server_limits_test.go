package codec_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// Each limit ends the connection one step beyond it, not before, and the peer
// is told if the id of its request is there.
func TestServerLimits(t *testing.T) {
	for _, test := range []struct {
		name    string
		options codec.Options
		within  string // a message that is answered
		reply   string
		beyond  string
		text    string // of the answer, empty for none
	}{
		{
			"MaxMessage", codec.Options{MaxMessage: 40},
			"94 00 01 a4'echo' 91 be'twenty-nine bytes and one more'", "94 01 01 c0 be'twenty-nine bytes and one more'",
			"94 00 01 a4'echo' 91 bf'twenty-nine bytes and two more!'", "message exceeds MaxMessage (40)",
		},
		{
			"MaxDepth", codec.Options{MaxDepth: 4},
			"94 00 01 a4'echo' 91 91 90", "94 01 01 c0 91 90",
			"94 00 01 a4'echo' 91 91 91 90", "message exceeds MaxDepth (4)",
		},
		{
			"MaxDepth with maps", codec.Options{MaxDepth: 4},
			"94 00 01 a4'echo' 91 81 01 80", "94 01 01 c0 81 01 80",
			"94 00 01 a4'echo' 91 81 01 81 01 80", "message exceeds MaxDepth (4)",
		},
		{
			"MaxElements", codec.Options{MaxElements: 8},
			"94 00 01 a4'echo' 91 93 01 02 03", "94 01 01 c0 93 01 02 03",
			"94 00 01 a4'echo' 91 94 01 02 03 04", "message exceeds MaxElements (8)",
		},
		{
			"MaxElements with maps", codec.Options{MaxElements: 7},
			"94 00 01 a4'echo' 91 81 01 02", "94 01 01 c0 81 01 02",
			"94 00 01 a4'echo' 91 82 01 02 03 04", "message exceeds MaxElements (7)",
		},
		{
			"id not read", codec.Options{MaxElements: 8},
			"94 00 01 a4'echo' 91 01", "94 01 01 c0 01",
			"99 00", "",
		},
		{
			"notification", codec.Options{MaxElements: 8},
			"94 00 01 a4'echo' 91 01", "94 01 01 c0 01",
			"93 02 a4'echo' 9f", "",
		},
		{
			"response", codec.Options{MaxElements: 8},
			"94 00 01 a4'echo' 91 01", "94 01 01 c0 01",
			"94 01 05 c0 9f", "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveTCP(t, test.options)
			s.Send(test.within)
			s.Expect(test.reply)
			s.Send(test.beyond)
			if test.text != "" {
				s.Expect(errorReply("01", test.text))
			}
			s.ExpectEnd()
			s.hangUp(t)
			s.log.expect(t, "server connection ended", "message exceeds Max")
		})
	}
}

// MaxDecoded is about one call: the message itself was sound.
func TestServerLimitsWhatACallDecodesTo(t *testing.T) {
	// 10 numbers in an any: a slice, and an interface and a boxed number each.
	s := serveTCP(t, codec.Options{MaxDecoded: 264})
	s.Send("94 00 01 a4'echo' 91 9a 01 02 03 04 05 06 07 08 09 0a")
	s.Expect("94 01 01 c0 9a 01 02 03 04 05 06 07 08 09 0a")
	s.Send("94 00 02 a4'echo' 91 9b 01 02 03 04 05 06 07 08 09 0a 0b")
	s.Expect(errorReply("02", "echo: parameter 1: message exceeds MaxDecoded (264)"))
	s.goesOn(t)
}

// Negative limits are none, with nesting at what Go's stack bears.
func TestServerWithoutLimits(t *testing.T) {
	s := serveTCP(t, codec.Options{MaxMessage: -1, MaxDepth: -1, MaxElements: -1, MaxDecoded: -1, MaxPending: -1, ReadTimeout: -1, WriteTimeout: -1})
	s.Send("94 00 01 a5'count' 91" + strings.Repeat("91", 99_997) + "90")
	s.ExpectText("") // Args decode whatever comes
	s.Send("94 00 02 a5'count' dd 00200000" + strings.Repeat("01", 1<<21))
	s.Expect("94 01 02 c0 ce 00200000")
	s.Send("94 00 03 a5'count' 91 c6 01000010" + strings.Repeat("01", 1<<24+16))
	s.Expect("94 01 03 c0 01")
	s.Send("94 00 01 a5'count' 91" + strings.Repeat("91", 99_998) + "90")
	s.Expect(errorReply("01", "message exceeds MaxDepth (100000)"))
	s.ExpectEnd()
}

// The answer must not be lost to the reset that closing with unread input
// causes. The peer here has still megabytes to send.
func TestServerAnswersAPeerThatIsStillSending(t *testing.T) {
	for range 20 {
		s := serveTCP(t, codec.Options{MaxMessage: 1000})
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			s.Conn.Write(codectest.Bytes("94 00 01 a4'echo' 91 db 00400000"))
			chunk := make([]byte, 64<<10)
			for range 32 {
				if _, err := s.Conn.Write(chunk); err != nil {
					return
				}
			}
		}()
		s.Expect(errorReply("01", "message exceeds MaxMessage (1000)"))
		s.ExpectEnd()
		<-sent
		s.hangUp(t)
	}
}

// countingReader counts what is read of a connection.
type countingReader struct {
	net.Conn
	n atomic.Int64
}

func (c *countingReader) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// Loopback hardly ever loses an answer to a reset; so see what prevents it: the
// server says that it has finished and goes on reading.
func TestServerReadsOnAfterARefusal(t *testing.T) {
	near, far := codectest.Pair(t)
	near.SetDeadline(time.Now().Add(patience))
	conn := &countingReader{Conn: far}
	s := serveWith(t, newTestServer(t), codec.Options{Names: testNames}, near, conn)
	s.Send("94 00 01 a1'x' dd ffffffff")
	s.Expect(errorReply("01", "message exceeds MaxMessage (16777216)"))
	s.ExpectEnd()
	s.Send(strings.Repeat("00", 100_000))
	s.hangUp(t)
	if got := conn.n.Load(); got != 100_010 {
		t.Errorf("%d bytes were read, want 100010", got)
	}
}

// A bad message ends the reading, not the calls under way.
func TestServerStillAnswersWhatItHadReadBeforeABadMessage(t *testing.T) {
	for name, test := range map[string]struct{ bad, refusal string }{
		"byte c1":  {"c1", ""},
		"no array": {"05", ""},
		"limit":    {"94 00 02 a4'echo' dd ffffffff", errorReply("02", "message exceeds MaxMessage (16777216)")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := &Slow{release: make(chan struct{})}
				s := serveService(t, codec.Options{}, slow, nameTable{"do": "Slow.Do"})
				s.Send("94 00 01 a2'do' 90" + test.bad)
				s.expectAll(t, test.refusal)
				synctest.Wait()
				s.log.expect(t, "server connection ended")
				close(slow.release)
				s.Expect("94 01 01 c0 c0")
				s.ExpectEnd()
				<-s.done
			})
		})
	}
}

// Headers cost what arrives, not what they claim.
func TestServerAllocatesForWhatArrivesNotForWhatIsClaimed(t *testing.T) {
	for _, claim := range []string{
		"94 00 01 a4'echo' 91 db ffffffff", "94 00 01 a4'echo' 91 c6 ffffffff", "94 00 01 a4'echo' 91 c9 ffffffff 05",
		"94 00 01 a4'echo' 91 dd ffffffff", "94 00 01 a4'echo' 91 df ffffffff", "94 00 01 db ffffffff", "94 00 01 a4'echo' dd 00fffff0",
		"dd ffffffff", "df ffffffff", "db ffffffff",
		"94 00 01 a4'echo'" + strings.Repeat("dd 00020000", 1000),
		"94 00 01 a4'echo'" + strings.Repeat("91", 100_000),
		"94 00 01 a4'echo' 91 c6 00f00000" + strings.Repeat("00", 1000), // within the limit: waits for the rest
	} {
		s := servePipe(t, codec.Options{})
		s.goesOn(t)
		var before, after runtime.MemStats
		b := codectest.Bytes(claim)
		reading := make(chan struct{})
		go func() {
			buf := make([]byte, 1024)
			close(reading)
			for err := error(nil); err == nil; {
				_, err = s.Conn.Read(buf)
			}
		}()
		<-reading
		runtime.ReadMemStats(&before)
		s.Conn.Write(b)
		s.Conn.Close()
		s.wait(t)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<10+8*len(b)); got > most {
			t.Errorf("%.40s...: %d bytes allocated for %d that arrived, want at most %d", claim, got, len(b), most)
		}
	}
}

// A Slow method waits for the test, in the bubble.
type Slow struct {
	running atomic.Int32
	release chan struct{}
}

// Do waits.
func (s *Slow) Do(struct{}, *struct{}) error {
	s.running.Add(1)
	<-s.release
	return nil
}

func TestServerReadsNoMoreThanMaxPending(t *testing.T) {
	for _, test := range []struct{ max, running int32 }{{2, 2}, {1, 1}, {-1, 5}, {0, 5}} {
		t.Run(fmt.Sprint(test.max), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := &Slow{release: make(chan struct{})}
				near, far := net.Pipe()
				server := newServerOf(t, slow)
				go server.ServeCodec(codec.Options{MaxPending: int(test.max), Names: nameTable{"do": "Slow.Do"}}.NewServerCodec(far))
				var sent atomic.Int32
				go func() {
					for i := range 5 {
						fmt.Fprintf(near, "\x94\x00%c\xa2do\x90", i)
						sent.Add(1)
					}
				}()
				synctest.Wait()
				if got := slow.running.Load(); got != test.running {
					t.Errorf("%d are running, want %d", got, test.running)
				}
				// The pipe has no memory: what is not read has not been sent.
				if got := sent.Load(); got != test.running {
					t.Errorf("%d have been read, want %d", got, test.running)
				}
				buf := make([]byte, 5)
				for range 5 {
					slow.release <- struct{}{}
					if _, err := io.ReadFull(near, buf); err != nil {
						t.Error(err)
					}
				}
				if got := slow.running.Load(); got != 5 {
					t.Errorf("%d have run, want 5", got)
				}
				near.Close()
			})
		})
	}
}

// A server at its limit notices at once that it is closed.
func TestServerWaitingForRoomEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &Slow{release: make(chan struct{})}
		near, far := net.Pipe()
		server := newServerOf(t, slow)
		c := codec.Options{MaxPending: 1, Names: nameTable{"do": "Slow.Do"}}.NewServerCodec(far)
		done := make(chan struct{})
		go func() { defer close(done); server.ServeCodec(c) }()
		near.Write(codectest.Bytes("94 00 01 a2'do' 90"))
		synctest.Wait()
		go c.Close()
		if n, err := near.Read(make([]byte, 1)); err != io.EOF {
			t.Error(n, err)
		}
		time.Sleep(time.Hour)
		close(slow.release)
		<-done
	})
}
