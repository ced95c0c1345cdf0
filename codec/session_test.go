package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/rpc"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// The input of FuzzSession is a script. Its first byte chooses the codec and
// its options, every other byte is an action, which may take operands from the
// bytes behind it:
const (
	actRequest    = iota // id, method, params: a sound request
	actResponse          // id, error, result: a sound response
	actNotify            // method, params: a sound notification
	actHello             // what a server says to who asks for pipelining
	actRaw               // length, bytes: anything
	actHalf              // id: the first part of a request, and nothing of the rest
	actCall              // method, args: our side calls
	actPlain             // the same through a plain rpc.Client, without an Exchange
	actGiveUp            // call: our side gives up
	actOurNotify         // our side notifies
	actHalfClose         // the peer has finished sending
	actPeerCloses        // the peer closes
	actWeClose           // our side closes
	actOurWrites         // our writes fail from now on
	actions
)

// scriptIDs, scriptMethods and scriptValues are what operands choose from.
var (
	scriptIDs = []string{"\x01", "\x02", "\x03", "\x00", "\xff", "\xcc\x01", "\xce\x7f\xff\xff\xff", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xc0", "\xa11"}
	// The eighth asks for pipelining.
	scriptMethods = []string{"\xa3sum", "\xa4echo", "\xa4fail", "\xa4nope", "\xa0", "\xc4\x04none", "\x05", "\xdb\x00\x00\x00\x03sum", "\xa2\xff\xfe", "\xa4many"}
	scriptValues  = []string{"\x90", "\x92\x01\x02", "\x91\xa4boom", "\xc0", "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91", "\x05", "\xa0", "\x91\xdc\x01\x00", "\x91\xc6\xff\xff\xff\xff", "\x91\x82\x01\x02\x03\x04", "\x93\x01\x02\x03", "\x91\x05"}
	scriptArgs    = []any{nil, codec.Args{1, 2}, "boom", make(chan int), "\xff", codec.Args{[]any{1, nil, 2.5}}, bytes.Repeat([]byte{1}, 70_000)}
)

// Script is the service of our side.
type Script struct{}

func (*Script) Sum(a SumXY, r *int) error            { *r = a.X + a.Y; return nil }
func (*Script) Echo(a any, r *any) error             { *r = a; return nil }
func (*Script) Fail(text string, _ *int) error       { return errors.New(text) }
func (*Script) None(*codec.Request, *struct{}) error { return nil }
func (*Script) Many(_ codec.Args, r *[]byte) error   { *r = make([]byte, 300_000); return nil }

var (
	scriptServer = sync.OnceValue(func() *rpc.Server {
		s := rpc.NewServer()
		s.Register(new(Script))
		return s
	})
	scriptNames = nameTable{"sum": "Script.Sum", "echo": "Script.Echo", "fail": "Script.Fail", "none": "Script.None", "many": "Script.Many"}
)

// A session is one run of a script.
type session struct {
	t       testing.TB
	script  []byte
	peer    *bufferedPipe
	ours    *bufferedPipe
	client  *rpc.Client
	notify  codec.Notifier
	close   []func() error
	calls   []scriptCall
	working sync.WaitGroup // goroutines that must end
	large   bool           // a call may wait for room, and others behind it
	seen    *coverage
}

// A scriptCall is a call of our side, which must end once.
type scriptCall struct {
	x    *codec.Exchange // nil for a plain call
	done chan *rpc.Call
}

// coverage counts what came of a script, for TestSessionSeeds.
type coverage struct {
	mu      sync.Mutex
	outcome map[string]int
}

func (c *coverage) add(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.outcome == nil {
		c.outcome = make(map[string]int)
	}
	c.outcome[outcome]++
}

func runSession(t testing.TB, script []byte, seen *coverage, log *slog.Logger) {
	if len(script) == 0 || len(script) > 2000 {
		return
	}
	s := &session{t: t, script: script[1:], seen: seen}
	s.peer, s.ours = newBufferedPipe()
	watchdog := time.AfterFunc(patience, func() {
		stacks := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "session %q hangs:\n%s\n", script, stacks[:runtime.Stack(stacks, true)])
		os.Exit(2)
	})
	defer watchdog.Stop()
	s.start(script[0], log)
	s.working.Go(s.read)
	s.play()
	s.finish()
}

// start makes our side of the session.
func (s *session) start(kind byte, log *slog.Logger) {
	o := codec.Options{
		Names: scriptNames, Pipeline: codec.Pipelining(kind / 3 % 3), MaxPending: 3, MaxMessage: 200_000, MaxDepth: 10, MaxElements: 200,
		LockStepGrace: time.Millisecond, WriteTimeout: -1, Logger: log,
	}
	if kind/9%2 == 1 {
		o.OnNotify = func(*codec.Request) {}
	}
	var server rpc.ServerCodec
	var client rpc.ClientCodec
	switch kind % 3 {
	case 0:
		server = o.NewServerCodec(s.ours)
	case 1:
		client = o.NewClientCodec(s.ours)
	default:
		server, client = o.NewDuplex(s.ours)
	}
	if server != nil {
		s.close = append(s.close, server.Close)
		s.working.Go(func() { scriptServer().ServeCodec(server) })
	}
	if client != nil {
		s.client, s.notify = rpc.NewClientWithCodec(client), client.(codec.Notifier)
		s.close = append(s.close, s.client.Close)
	}
}

// operand takes a byte off the script, below n.
func (s *session) operand(n int) int {
	if len(s.script) == 0 {
		return 0
	}
	b := s.script[0]
	s.script = s.script[1:]
	return int(b) % n
}

func (s *session) play() {
	for len(s.script) > 0 {
		switch s.operand(actions) {
		case actRequest:
			s.send("\x94\x00" + scriptIDs[s.operand(len(scriptIDs))] + scriptMethods[s.operand(len(scriptMethods))] + scriptValues[s.operand(len(scriptValues))])
		case actResponse:
			s.send("\x94\x01" + scriptIDs[s.operand(len(scriptIDs))] + scriptValues[s.operand(len(scriptValues))] + scriptValues[s.operand(len(scriptValues))])
		case actNotify:
			s.send("\x93\x02" + scriptMethods[s.operand(len(scriptMethods))] + scriptValues[s.operand(len(scriptValues))])
		case actHello:
			s.send("\x94\x01\xc0\xc0\xc0")
		case actRaw:
			n := min(s.operand(256), len(s.script))
			s.send(string(s.script[:n]))
			s.script = s.script[n:]
		case actHalf:
			s.send("\x94\x00" + scriptIDs[s.operand(len(scriptIDs))])
		case actCall:
			s.call(&codec.Exchange{Reply: new(int)})
		case actPlain:
			s.call(nil)
		case actGiveUp:
			if n := len(s.calls); n > 0 {
				if c := s.calls[s.operand(n)]; c.x != nil && c.x.GiveUp(os.ErrDeadlineExceeded) {
					s.seen.add("given up")
				}
			}
		case actOurNotify:
			if s.notify != nil {
				args := scriptArgs[s.operand(len(scriptArgs))]
				s.do(args, func() { s.seen.add(outcome("notification", s.notify.Notify("Script.Sum", args))) })
			}
		case actHalfClose:
			s.peer.CloseWrite()
		case actPeerCloses:
			s.peer.Close()
		case actWeClose:
			s.close[s.operand(len(s.close))]()
		case actOurWrites:
			s.ours.breakWrites()
		}
	}
}

func (s *session) send(b string) { s.peer.Write([]byte(b)) }

// do does what our side does with these arguments. Where that may have to wait
// for room, the script does not wait with it.
func (s *session) do(args any, f func()) {
	if b, ok := args.([]byte); ok && len(b) > 1000 {
		s.large = true
	}
	if s.large {
		s.working.Go(f)
		return
	}
	f()
}

// call makes a call of our side.
func (s *session) call(x *codec.Exchange) {
	if s.client == nil {
		return
	}
	method := []string{"Script.Sum", "Script.Echo", "nope"}[s.operand(3)]
	args := scriptArgs[s.operand(len(scriptArgs))]
	c := scriptCall{x, make(chan *rpc.Call, 10)}
	s.calls = append(s.calls, c)
	s.do(args, func() {
		if x == nil {
			s.client.Go(method, args, new(int), c.done)
			return
		}
		x.Args = args
		s.client.Go(method, x, nil, c.done)
	})
}

// read reads what our side sends, to its end.
func (s *session) read() {
	var all []byte
	b := make([]byte, 64<<10)
	for {
		n, err := s.peer.Read(b)
		all = append(all, b[:n]...)
		if err != nil {
			break
		}
	}
	for text, kind := range map[string]string{
		"\x94\x01\xc0\xc0\xc0": "hello", "method not found": "method not found", "boom": "handler's error", "message exceeds": "limit",
		"want 2 parameters": "wrong count", "does not fit": "wrong type", ", not text": "bad method", "not a list": "bad parameters",
		"\xc0\x03": "result", "cannot be sent": "unencodable", "\x94\x00": "request", "\x93\x02": "notification",
	} {
		if bytes.Contains(all, []byte(text)) {
			s.seen.add("sent: " + kind)
		}
	}
}

// finish ends what the peer sends. Everything has to end by that alone.
func (s *session) finish() {
	s.peer.CloseWrite()
	for _, c := range s.calls {
		call := <-c.done
		err := call.Error
		if c.x != nil && err == nil {
			err = c.x.Err
		}
		s.seen.add(outcome("call", err))
	}
	s.working.Wait()
	for i, c := range s.calls {
		if n := len(c.done); n > 0 {
			s.t.Errorf("call %d was answered %d times", i, n+1)
		}
	}
	s.peer.Close()
}

// outcome names what came of something on our side.
func outcome(what string, err error) string {
	var reported *codec.Error
	switch {
	case err == nil:
		return what + ": success"
	case errors.As(err, &reported):
		return what + ": peer's error"
	case errors.Is(err, codec.ErrNotSent):
		return what + ": not sent"
	case errors.Is(err, rpc.ErrShutdown):
		return what + ": shut down"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return what + ": given up"
	}
	return what + ": failed"
}

// The committed scripts reach success and every way to fail.
func TestSessionSeeds(t *testing.T) {
	const dir = "testdata/fuzz/FuzzSession/"
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := new(coverage)
	log := new(logBook)
	for _, file := range files {
		b, err := os.ReadFile(dir + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		quoted := strings.TrimSuffix(strings.TrimPrefix(string(b), "go test fuzz v1\n[]byte("), ")\n")
		script, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(file.Name(), err)
		}
		runSession(t, []byte(script), seen, log.logger())
	}
	for _, outcome := range []string{
		"call: success", "call: peer's error", "call: not sent", "call: shut down", "call: given up", "call: failed",
		"notification: success", "notification: failed", "given up",
		"sent: hello", "sent: method not found", "sent: handler's error", "sent: limit", "sent: wrong count", "sent: wrong type",
		"sent: bad method", "sent: bad parameters", "sent: result", "sent: unencodable", "sent: request", "sent: notification",
	} {
		if seen.outcome[outcome] == 0 {
			t.Errorf("no seed reaches %q: %v", outcome, seen.outcome)
		}
	}
	log.expect(t, "MaxDepth", "MaxElements", "MaxMessage", "is not MessagePack", "not an array", "not an integer", "is not 0, 1 or 2", "unexpected EOF",
		"ignored_responses", "notification failed", "notification dropped", "result does not fit", errBrokenWire.Error())
}

func FuzzSession(f *testing.F) {
	discard := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, script []byte) {
		before := runtime.NumGoroutine()
		runSession(t, script, new(coverage), discard)
		for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				t.Fatalf("goroutines are left behind:\n%s", stacks[:runtime.Stack(stacks, true)])
			}
		}
	})
}
