package codec_test

import (
	"net/rpc"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// Echo is a service that returns its argument.
type Echo struct{}

func (Echo) Int(n int, reply *int) error { *reply = n; return nil }

// Every caller gives its call up at some moment: before it, in the queue, in
// flight, when the reply is there. What GiveUp reports must be what happened,
// and after it nobody writes the reply or the error: the race detector watches.
func TestGivingUpRacesWithReplies(t *testing.T) {
	for _, mode := range []codec.Pipelining{codec.Never, codec.Auto, codec.Always} {
		near, far := codectest.Pair(t)
		server := rpc.NewServer()
		server.Register(Echo{})
		go server.ServeCodec(codec.NewServerCodec(far))
		client := codec.Options{Pipeline: mode}.NewClient(near)
		var inTime, late atomic.Int32
		var callers sync.WaitGroup
		for caller := range 32 {
			callers.Go(func() {
				for i := range 60 {
					reply := -1
					x := &codec.Exchange{Args: i, Reply: &reply}
					gave := make(chan bool, 1)
					if caller%2 == 0 { // somebody else gives up, at any moment
						go func() { gave <- x.GiveUp(errImpatient) }()
						err := client.Call("Echo.Int", x, nil)
						if !<-gave {
							late.Add(1)
							if err != nil || x.Err != nil || reply != i {
								t.Errorf("answered: %d, %v, %v, want %d", reply, err, x.Err, i)
							}
							continue
						}
					} else { // the caller gives up, as with a context
						done := client.Go("Echo.Int", x, nil, nil)
						if i%3 == 0 {
							<-done.Done
							close(done.Done)
						}
						if !x.GiveUp(errImpatient) {
							late.Add(1)
							if <-done.Done; x.Err != nil || reply != i {
								t.Errorf("answered: %d, %v, want %d", reply, x.Err, i)
							}
							continue
						}
					}
					inTime.Add(1)
					if reply != -1 || x.Err != errImpatient {
						t.Errorf("given up: %d, %v, want both untouched", reply, x.Err)
					}
					reply = 0 // the caller's own again
				}
			})
		}
		callers.Wait()
		var n int
		if err := client.Call("Echo.Int", 7, &n); err != nil || n != 7 {
			t.Errorf("the call after all: %d, %v", n, err)
		}
		client.Close()
		if inTime.Load() == 0 || late.Load() == 0 {
			t.Errorf("mode %d: %d in time, %d late: this shows nothing", mode, inTime.Load(), late.Load())
		}
	}
}
