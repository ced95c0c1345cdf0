package codec

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A call is a request from its encoding to its answer.
type call struct {
	client *client
	id     uint32 // on the wire
	seq    uint64 // net/rpc's
	method string // on the wire
	x      *Exchange
	asks   bool        // its request asks whether the server takes more than one
	sent   bool        // handed to the writer; guarded by flight.mu
	direct *ClientCall // the call on a ClientConn that it is, nil for net/rpc's
}

// givenUp reports whether the caller has lost interest.
func (c *call) givenUp() bool { return c.mayBeGivenUp() && c.x.givenUp() }

// mayBeGivenUp reports whether the caller may lose interest, and must not be held up
// by a write then. Those of net/rpc wait for the writing of each request in any case.
func (c *call) mayBeGivenUp() bool {
	if c.direct != nil {
		return c.direct.ctx.Done() != nil
	}
	return c.x != nil
}

// unwanted reports whether there is no use in waiting for room any longer. It
// takes no lock, as the writer asks it under its own.
func (c *call) unwanted() bool {
	c.heed()
	return c.givenUp() || c.client.over()
}

// heed is called before a wait for room, which the end of a context is to end.
func (c *call) heed() {
	if c.direct != nil {
		c.direct.heed()
	}
}

// A flight is everything that a client has under way. Two modes exist: in lock
// step one request is in flight and the others are queued, encoded; when the
// connection is open every request is sent at once. mprpc's server decodes one
// message per recv, so that a second request in one segment is not answered
// until a third one comes: lock step is where every client begins that does not
// know its server.
type flight struct {
	mu sync.Mutex
	// All below is protected by mu, which may be held while writer.mu is
	// acquired, never the other way round.

	change sync.Cond // broadcast when the queue, arrivals or err change

	calls callTable[call] // admitted and not answered, by id

	open    bool  // no lock step, or not any more
	mayAsk  bool  // the next request asks whether the server takes more than one
	asked   bool  // a request has asked: the server's Hello means something
	current *call // lock step: the request in flight
	queue   []queued
	inQueue int         // bytes in queue
	grace   *time.Timer // runs while current is given up

	arrived  []arrival     // a duplex has read them and nobody has fetched them yet
	forNet   []arrival     // a ClientConn has read them and net/rpc has not fetched them yet
	dropped  []uint64      // net/rpc's numbers of calls that were given up in the queue
	ignored  int           // responses to nobody
	err      error         // why the connection ended; set once
	patience time.Duration // LockStepGrace; constant

	// May be used without mu:
	isOver atomic.Bool   // err is set
	drops  atomic.Bool   // dropped is not empty
	ids    atomic.Uint64 // how many have been given out
}

func (f *flight) over() bool { return f.isOver.Load() }

func (f *flight) init(set *settings) {
	f.change.L = &f.mu
	f.open = set.Pipeline == Always
	f.mayAsk = set.Pipeline == Auto
	f.patience = set.LockStepGrace
}

// nextID returns the id of the next request. They run from 1 to 2^31-1, the positive
// numbers of mprpc's C int, and then from 1 again; admit knows those still in use.
func (f *flight) nextID() uint32 { return uint32((f.ids.Add(1)-1)%math.MaxInt32) + 1 }

// forgetLocked forgets an admitted call whose request does not leave. If it was to
// ask for pipelining, the next one does.
func (f *flight) forgetLocked(c *call) {
	f.calls.remove(uint64(c.id))
	c.sent = false
	if c.asks {
		f.mayAsk, f.asked = true, false
	}
}

// nextDropped returns net/rpc's number of a call that was given up in the queue.
func (f *flight) nextDropped() (seq uint64, ok bool) {
	if !f.drops.Load() { // as before nearly every answer
		return 0, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.dropped) == 0 {
		return 0, false
	}
	seq, f.dropped = f.dropped[0], f.dropped[1:]
	f.drops.Store(len(f.dropped) > 0)
	return seq, true
}

// arrive keeps a response that a duplex has read until it is fetched. Once the
// connection has ended a ClientConn fetches no more, and nobody else knows of the
// call: it is told here.
func (f *flight) arrive(a arrival) {
	f.mu.Lock()
	if f.err != nil && a.call.direct != nil {
		err := f.errorLocked(a.call)
		f.mu.Unlock()
		a.call.direct.fail(err)
		return
	}
	f.arrived = append(f.arrived, a)
	f.change.Broadcast()
	f.mu.Unlock()
}

// forward keeps a response that a ClientConn has read until net/rpc fetches it.
func (f *flight) forward(a arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forNet = append(f.forNet, a)
	f.change.Broadcast()
}

// nextArrival waits for what arrive brings, nextForwarded for what forward does.
// In between they return without a call when there are dropped calls to report to
// net/rpc.
func (f *flight) nextArrival(a *arrival) error   { return f.nextOf(&f.arrived, true, a) }
func (f *flight) nextForwarded(a *arrival) error { return f.nextOf(&f.forNet, true, a) }

func (f *flight) nextOf(queue *[]arrival, forNetRPC bool, a *arrival) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(*queue) == 0 && f.err == nil && (!forNetRPC || len(f.dropped) == 0) {
		f.change.Wait()
	}
	*a = arrival{}
	if len(*queue) > 0 {
		*a = (*queue)[0]
		*queue = (*queue)[1:]
		return nil
	}
	if forNetRPC && len(f.dropped) > 0 {
		return nil
	}
	return f.err
}

// end records why the connection ends and wakes all who wait. It reports
// whether it is the first to do so.
func (f *flight) end(err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return false
	}
	f.err = err
	f.isOver.Store(true)
	f.stopGraceLocked()
	f.queue, f.inQueue = nil, 0
	f.change.Broadcast()
	return true
}

func (f *flight) reason() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *flight) ignoredResponses() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ignored
}

// takeDirect takes the calls of a ClientConn off a connection that has ended, each
// with the error that tells what became of it.
func (f *flight) takeDirect() map[*ClientCall]error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var taken map[*ClientCall]error
	for c := range f.calls.all {
		if c.direct == nil {
			continue
		}
		if taken == nil {
			taken = make(map[*ClientCall]error)
		}
		taken[c.direct] = f.errorLocked(c)
		f.calls.remove(uint64(c.id))
	}
	return taken
}

// nextFailed takes one call made through an Exchange off a connection that has
// ended, with the error that tells what became of it. When none is left it
// returns the error for all other calls, which net/rpc lets share one: it names
// the oldest, which in lock step is the one in flight.
func (f *flight) nextFailed() (*call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var oldest *call
	for c := range f.calls.all {
		if c.direct != nil {
			continue // takeDirect tells it
		}
		if c.x != nil {
			f.calls.remove(uint64(c.id))
			return c, f.errorLocked(c)
		}
		if oldest == nil || c.seq < oldest.seq {
			oldest = c
		}
	}
	if oldest == nil {
		return nil, f.err
	}
	return nil, f.errorLocked(oldest)
}

// overError is errorLocked.
func (f *flight) overError(c *call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.errorLocked(c)
}

// errorLocked says what the end of the connection means for one call.
func (f *flight) errorLocked(c *call) error {
	if c.sent {
		return lost(c.method, f.err)
	}
	return notSent(c.method, f.err)
}
