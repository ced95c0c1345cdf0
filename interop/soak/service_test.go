package soak

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/go-mprpc/mprpc/rpcutil"
)

// A Job is what a method is to do; its fields are the parameters.
type Job struct {
	ID   uint64
	Kind string
	Home string // the address of the caller's own server
}

// An Answer is the result.
type Answer struct {
	ID   uint64
	Text string
}

// kinds of jobs. Good ones are more frequent, and what is blocked is released.
var kinds = []string{
	"quick", "quick", "quick", "quick", "quick", "quick", "quick", "quick", "quick", "quick", "quick", "quick",
	"spin", "spin", "spin", "spin", "spin", "spin", "nap", "nap", "nap", "big", "fail", "panic", "nil", "exit",
	"block", "release", "release", "callback", "relay", "unsendable",
}

// A Service is that of one server.
type Service struct{ on *generation }

// Work does a job.
func (s *Service) Work(job Job, reply *Answer) error {
	s.on.house.ledger.run(job.ID, s.on)
	reply.ID = job.ID
	switch job.Kind {
	case "spin": // about as long as a method may run on the goroutine that reads
		end := time.Now().Add(time.Duration(50+job.ID%100) * time.Microsecond)
		for time.Now().Before(end) {
			runtime.Gosched()
		}
	case "nap":
		time.Sleep(time.Duration(job.ID%30) * 100 * time.Microsecond)
	case "big":
		reply.Text = strings.Repeat("x", int(job.ID%200)<<10)
	case "fail":
		return fmt.Errorf("job %d fails", job.ID)
	case "panic":
		panic(fmt.Sprintf("job %d", job.ID))
	case "nil":
		var none *Answer
		reply.ID = none.ID
	case "exit":
		runtime.Goexit()
	case "block":
		s.on.wait()
	case "release":
		s.on.openGate()
	case "callback":
		return s.ask(job, job.Home, "callback")
	case "relay":
		return s.ask(job, s.on.house.address(), "quick")
	}
	return nil
}

// Unsendable has a result that cannot be sent.
func (s *Service) Unsendable(job Job, reply *Broken) error {
	s.on.house.ledger.run(job.ID, s.on)
	return nil
}

// ask calls back into the caller's process, or a server of this kind, perhaps
// this one, on behalf of a job.
func (s *Service) ask(job Job, address, kind string) error {
	if address == "" {
		return nil // a hostile peer's
	}
	l := s.on.house.ledger
	id := l.open("asked "+kind, pending)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client, err := rpcutil.Dial(ctx, "tcp", address, rpcutil.ClientOptions{Codec: silent})
	if err != nil {
		l.tell(id, failed, false, err)
		return fmt.Errorf("job %d fails: %w", job.ID, err)
	}
	defer client.Close()
	var answer Answer
	err = client.CallContext(ctx, "Service.Work", Job{ID: id, Kind: kind}, &answer)
	judge(l, id, kind, answer, err, ctx.Err() != nil)
	if err != nil {
		return fmt.Errorf("job %d fails: %w", job.ID, err)
	}
	return nil
}

// Broken is a type whose values cannot be sent by any codec.
type Broken struct{ X int }

var errBroken = errors.New("broken")

// MarshalMsgpack fails.
func (*Broken) MarshalMsgpack() ([]byte, error) { return nil, errBroken }

// MarshalJSON fails.
func (*Broken) MarshalJSON() ([]byte, error) { return nil, errBroken }

// GobEncode fails.
func (*Broken) GobEncode() ([]byte, error) { return nil, errBroken }

// GobDecode is there because gob wants both.
func (*Broken) GobDecode([]byte) error { return errBroken }
