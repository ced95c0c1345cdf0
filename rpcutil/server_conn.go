package rpcutil

import (
	"io"
	"math"
	"net"
	"net/rpc"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// A serverConn is a connection that a Server serves. One goroutine at a time has
// the reading: it takes requests off the link and serves them. When a method takes
// long, the reading goes on on another goroutine, and this one ends with its call.
type serverConn struct {
	server  *Server
	handler Handler
	info    ConnInfo
	rwc     io.ReadWriteCloser

	turn    turn
	watched atomic.Bool // the watch has the connection, or is about to
	seen    uint64      // the turn that the watch saw last; of the watch alone
	ending  atomic.Bool // the connection ends as soon as it would wait for input

	slots chan struct{} // one for each goroutine with a call, MaxPending of them
	gone  chan struct{} // closed when the connection was cut
	done  chan struct{} // closed when it has ended and the hooks know; err is set before

	// Of the goroutine that has the reading:
	gathered *codec.ServerConn // has answers that have not left; nil where there are none
	apart    int               // requests that are still to be served apart, because one took long
	runs     int               // how many they were in all
	holds    bool              // a place in Server.running
	since    time.Time         // when the wait for input, or for a place, ended last
	slow     slowness

	mu sync.Mutex
	// Protected by mu:
	change  sync.Cond // broadcast when calls changes
	link    link      // nil while the protocol is not known; constant once set
	calls   int       // whose goroutines have lost the reading
	stopped bool      // nothing more is to be read
	isGone  bool      // gone is closed
	ended   bool      // the connection has ended
	err     error     // why; not protected once done is closed
	idle    *time.Timer
	quiet   int    // how often in a row it has found nothing new
	number  uint64 // of the turn when it looked last
}

func newServerConn(s *Server, rwc io.ReadWriteCloser) *serverConn {
	c := &serverConn{
		server:  s,
		handler: s.handler(),
		rwc:     rwc,
		slots:   make(chan struct{}, pick(s.Codec.MaxPending, defaultMaxPending, math.MaxInt)),
		gone:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	if conn, ok := rwc.(net.Conn); ok {
		c.info = ConnInfo{conn.RemoteAddr(), conn.LocalAddr()}
	}
	c.change.L = &c.mu
	c.turn.set(1, turnReading)
	return c
}

// start finds out what the peer speaks and begins to read.
func (c *serverConn) start() {
	connected := false
	defer func() {
		if !connected { // the program has ended the goroutine, or panics, which must not wait
			go c.refuse(errAbandoned)
		}
	}()
	c.server.Hooks.connOpened(c.info)
	c.watchIdle()
	link, err := c.server.connect(c.rwc)
	connected = true
	if err != nil {
		c.refuse(err)
		return
	}
	c.begin(link)
}

// refuse ends the connection before it is served.
func (c *serverConn) refuse(err error) {
	c.rwc.Close()
	c.end(err)
}

// begin begins to read, on a goroutine of its own: frames of others below it would double
// the stack of an idle connection.
func (c *serverConn) begin(link link) {
	c.mu.Lock()
	c.link = link
	stopped, isGone := c.stopped, c.isGone
	c.mu.Unlock()
	if isGone {
		link.abort(rpc.ErrShutdown)
	} else if stopped && !link.stopReading() {
		c.ending.Store(true)
	}
	c.since = time.Now()
	go c.read(1)
}

// After a request that took long, requests of its connection are served apart: where
// one does, others often do. They are longRuns at first, and twice as many each
// time, up to mostRuns.
const (
	longRuns = 64
	mostRuns = 4096
)

// read has the reading, in the turn of that number, until the connection ends or
// the reading is taken.
func (c *serverConn) read(number uint64) {
	call := &serverCall{conn: c, number: number, has: true}
	returned := false
	defer func() { // also where the program ends the goroutine
		switch {
		case call.lost:
			c.left(call)
		case !returned:
			c.abandoned(call)
		}
	}()
	// The reading was taken from a call that may last: what gathered before it must
	// not wait for it.
	if c.gathered == nil || c.push(call) {
		if c.hold(call, c.slots) { // no more is read while MaxPending calls of the connection run
			defer func() { <-c.slots }()
		}
		for c.serveNext(call) {
		}
	}
	returned = true
}

// readOn is read on a new goroutine.
func (c *serverConn) readOn(number uint64) {
	growStack()
	c.read(number)
}

// hold waits for a place among the calls that run, or for the connection to be
// cut: then it reports false.
func (c *serverConn) hold(call *serverCall, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
	}
	c.turn.set(call.number, turnHeld)
	defer c.beWatched()
	defer c.turn.set(call.number, turnReading)
	select {
	case places <- struct{}{}:
		c.since = time.Now() // others' calls took the time
		return true
	case <-c.gone:
		return false
	}
}

// serveNext reads a request and serves it. It reports whether this goroutine has
// the reading still.
func (c *serverConn) serveNext(call *serverCall) (has bool) {
	if !c.link.ready() && !c.rest(call) {
		return false
	}
	err := c.link.next(call)
	if !c.resume(call) {
		return false
	}
	if err == nil {
		started := c.started()
		if c.admit(call) {
			return c.serve(call, started)
		}
		err = rpc.ErrShutdown
	}
	c.finish(call, err)
	return false
}

// rest sends what has gathered and gets ready to wait for input, for any time. It
// reports false when it has lost the reading.
func (c *serverConn) rest(call *serverCall) (has bool) {
	if c.gathered != nil && !c.push(call) {
		return false
	}
	c.release()
	if c.slow.add(c.since, time.Now()) {
		c.server.watch.beAlert()
	}
	call.letGo()
	c.turn.set(call.number, turnWaiting)
	if c.ending.Load() && c.turn.take(call.number, turnWaiting) {
		call.number++
		c.finish(call, io.EOF)
		return false
	}
	return true
}

// resume ends the wait for input, if there was one. It reports false when stop has
// ended the connection meanwhile.
func (c *serverConn) resume(call *serverCall) bool {
	if number, state := c.turn.state(); number == call.number && state != turnWaiting {
		return true
	}
	if !c.turn.take(call.number, turnWaiting) {
		call.has = false
		return false
	}
	call.number++
	c.since = time.Now()
	c.beWatched()
	return true
}

func (c *serverConn) beWatched() {
	if !c.watched.Load() && c.watched.CompareAndSwap(false, true) {
		c.server.watch.add(c)
	}
}

// admit waits for a place among the calls of the server. Requests that arrived
// together share one while the same goroutine serves them one after the other. It
// reports false when the connection was cut.
func (c *serverConn) admit(call *serverCall) bool {
	c.holds = c.holds || c.hold(call, c.server.running)
	return c.holds
}

func (c *serverConn) release() {
	if c.holds {
		c.holds = false
		<-c.server.running
	}
}

// releaseOf gives up the place that a call has taken along with it, when its
// goroutine lost the reading.
func (c *serverConn) releaseOf(call *serverCall) {
	if call.holds {
		call.holds = false
		<-c.server.running
	}
}

// enterMethod is called when the parameters of a call have been decoded: from now
// on it may last, and the reading may be taken.
func (c *serverConn) enterMethod(call *serverCall) {
	call.holds = c.holds
	if c.apart > 0 {
		c.apart--
		c.handOver(call)
		return
	}
	call.running = true
	c.turn.set(call.number, turnRunning)
}

// leaveMethod reports whether the goroutine of the call has the reading still. If
// so, it cannot lose it before the next call.
func (c *serverConn) leaveMethod(call *serverCall) bool {
	if call.running {
		call.running = false
		call.has = c.turn.change(call.number, turnRunning, turnReading)
		call.lost = !call.has
	}
	return call.has
}

// handOver gives the reading to another goroutine.
func (c *serverConn) handOver(call *serverCall) {
	call.has, call.lost = false, true
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	c.holds = false
	c.turn.set(call.number+1, turnReading)
	go c.readOn(call.number + 1)
}

// look is how the watch sees that a method has run since it looked last: then the
// reading is taken from it. It reports whether to watch on: a connection that waits is
// dropped, with alert when it does so at a second look. watch.mu is held.
func (c *serverConn) look(alert bool) bool {
	number, state := c.turn.state()
	waits := state == turnWaiting || state == turnHeld
	switch {
	case waits && (number == c.seen || !alert):
		c.watched.Store(false)
		if now, stateNow := c.turn.state(); now == number && stateNow == state {
			return false
		}
		// It goes on and may have seen itself watched.
		return c.watched.CompareAndSwap(false, true)
	case number != c.seen:
		c.seen = number
	case state == turnRunning:
		c.mu.Lock()
		taken := c.turn.take(number, turnRunning)
		if taken {
			c.calls++
		}
		c.mu.Unlock()
		if taken {
			c.runs = min(max(2*c.runs, longRuns), mostRuns)
			c.holds, c.apart = false, c.runs
			c.server.watch.beAlertLocked()
			go c.readOn(number + 1)
		}
	}
	return true
}

// left is called when a goroutine that has lost the reading is done with its call.
func (c *serverConn) left(call *serverCall) {
	c.releaseOf(call)
	call.letGo()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls--
	c.change.Broadcast()
}
