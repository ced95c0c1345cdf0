package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/rpc"
	"net/rpc/jsonrpc"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// patience is how long a call may take: longer than everything that ends one.
const patience = 30 * time.Second

// judge enters what a caller was told into the ledger.
func judge(l *ledger, id uint64, kind string, answer Answer, err error, gone bool) {
	var plain rpc.ServerError
	var coded *codec.Error
	switch {
	case err == nil && answer.ID == id && kind != "unsendable":
		l.tell(id, answered, false, nil)
	case err == nil:
		l.tell(id, refused, false, fmt.Errorf("a wrong answer to %s", kind)) // which check finds, because it ran
	case errors.As(err, &plain) || errors.As(err, &coded):
		if expected(kind, id, err.Error()) {
			l.tell(id, answered, false, nil)
		} else {
			l.tell(id, refused, false, err)
		}
	case gone:
		l.tell(id, gaveUp, true, err)
	default:
		l.tell(id, failed, false, err)
	}
}

// expected reports whether a text is that of the method.
func expected(kind string, id uint64, text string) bool {
	switch kind {
	case "panic", "nil", "exit":
		return text == "internal error"
	case "unsendable":
		return strings.Contains(text, "cannot be sent")
	case "fail", "callback", "relay":
		return strings.HasPrefix(text, fmt.Sprintf("job %d fails", id))
	}
	return false
}

// A session is a connection of a client that keeps to the rules, and the calls
// on it.
type session struct {
	soak    *soak
	house   *house
	closing atomic.Bool // this side ends the connection, or has it ended
	text    bool        // gob or JSON, where a result that cannot be sent ends the connection
}

// method returns what to call for a job of that kind.
func (s *session) method(kind string) string {
	if kind != "unsendable" {
		return "Service.Work"
	}
	if s.text {
		s.closing.Store(true)
	}
	return "Service.Unsendable"
}

// caller is what the clients of net/rpc and rpcutil have in common.
type caller interface {
	Go(serviceMethod string, args, reply any, done chan *rpc.Call) *rpc.Call
	Close() error
}

// connect makes a client of any kind.
func (s *session) connect(r *rand.Rand) (caller, error) {
	addr := s.house.address()
	o := silent
	o.Names = rpcutil.SnakeCase
	if s.house.netRPC {
		switch r.IntN(4) {
		case 0:
			s.text = true
			return dialed(rpc.Dial("tcp", addr))
		case 1:
			s.text = true
			return dialed(jsonrpc.Dial("tcp", addr))
		}
	}
	if r.IntN(2) == 0 {
		return dialed(o.Dial("tcp", addr))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return dialed(rpcutil.Dial(ctx, "tcp", addr, rpcutil.ClientOptions{Codec: o}))
}

// dialed keeps a nil pointer from becoming a caller.
func dialed[C caller](client C, err error) (caller, error) {
	if err != nil {
		return nil, err
	}
	return client, nil
}

// behave is a session of a client with several goroutines.
func (s *session) behave(r *rand.Rand) {
	client, err := s.connect(r)
	if err != nil {
		return // the server has gone meanwhile
	}
	var callers sync.WaitGroup
	for range 1 + r.IntN(6) {
		own := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
		calls := 1 + own.IntN(60)
		callers.Go(func() {
			for range calls {
				if s.soak.isOver() || !s.call(client, own) {
					return
				}
			}
		})
	}
	if r.IntN(10) == 0 { // vanish while calls are running
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
		s.closing.Store(true)
		client.Close()
	}
	callers.Wait()
	client.Close()
}

// call makes a call and waits for its end. It reports whether to go on.
func (s *session) call(client caller, r *rand.Rand) bool {
	kind := kinds[r.IntN(len(kinds))]
	c, isOurs := client.(*rpcutil.Client)
	if isOurs && r.IntN(20) == 0 {
		return c.Notify("work", codec.Args{s.soak.ledger.open(kind, notified), "quick", ""}) == nil
	}
	if isOurs && r.IntN(5) == 0 {
		return s.callContext(c, kind, time.Duration(r.IntN(3000))*time.Microsecond)
	}
	id := s.soak.ledger.open(kind, pending)
	var answer Answer
	done := make(chan *rpc.Call, 2) // a second one would be a bug
	started := client.Go(s.method(kind), Job{id, kind, s.soak.home}, s.reply(kind, &answer), done)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.soak.hangs(id, kind)
		return false
	}
	judge(s.soak.ledger, id, kind, answer, started.Error, s.closing.Load())
	if len(done) > 0 {
		s.soak.t.Errorf("call %d (%s) was told twice", id, kind)
	}
	var plain rpc.ServerError
	var coded *codec.Error
	return started.Error == nil || errors.As(started.Error, &plain) || errors.As(started.Error, &coded)
}

// reply is where a result goes; that of Unsendable never comes.
func (*session) reply(kind string, answer *Answer) any {
	if kind == "unsendable" {
		return nil
	}
	return answer
}

// callContext makes a call with little time.
func (s *session) callContext(client *rpcutil.Client, kind string, timeout time.Duration) bool {
	id := s.soak.ledger.open(kind, pending)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var answer Answer
	err := client.CallContext(ctx, s.method(kind), Job{id, kind, s.soak.home}, s.reply(kind, &answer))
	judge(s.soak.ledger, id, kind, answer, err, s.closing.Load() || ctx.Err() != nil)
	return err == nil || ctx.Err() != nil
}
