package rpcutil

import (
	"sync"
	"sync/atomic"
	"time"
)

// A turn says who has the reading of a connection and what it does with it. A
// short method runs on the goroutine that has read its request, which saves a
// switch of goroutines for each call. While one runs that takes longer, the
// reading is taken from it and goes on elsewhere, so that it never holds up
// another call.
//
// The word holds a number in its upper bits and one of the states in its lower
// ones. The number grows with each wait for input and each time that the reading
// changes hands, so who has lost the reading can tell by it. Only who has the
// reading changes the word, and the watch, which takes the reading in the state
// running.
type turn struct{ word atomic.Uint64 }

const (
	turnWaiting = iota // for input, which may take for ever
	turnHeld           // waiting for a place among the calls that run
	turnReading        // requests that have arrived
	turnRunning        // a method, or writing: the reading may be taken
	turnStates
)

func (t *turn) state() (number, state uint64) {
	w := t.word.Load()
	return w / turnStates, w % turnStates
}

// set is for who has the reading, in states in which nobody else changes the word.
func (t *turn) set(number, state uint64) { t.word.Store(number*turnStates + state) }

func (t *turn) change(number, from, to uint64) bool {
	return t.word.CompareAndSwap(number*turnStates+from, number*turnStates+to)
}

// take takes the reading over for somebody else, who then is in the state
// reading.
func (t *turn) take(number, from uint64) bool {
	return t.word.CompareAndSwap(number*turnStates+from, (number+1)*turnStates+turnReading)
}

// How often the watch looks: a method, or a write, that it meets twice loses the
// reading. The design had 100 µs, but a timer that fires wakes a thread and moves
// others: with one caller, looking every 100 µs took 15 to 20 µs of processor time
// from each call, as much as the call itself, and looking every millisecond still a
// fifth of the calls per second. So it looks less often, unless it has met a method
// that takes long, or a connection is slow, within the last second: where one method
// takes long, others often do.
const (
	shortTime  = time.Millisecond
	longTime   = 10 * time.Millisecond
	alertLooks = int(time.Second / shortTime) // how many times it looks more often
)

// A slowness sums up how long requests that arrived together kept the reading, where
// that was longer than shortTime, less a quarter of the time that passes: a thread
// that the system leaves waiting now and then is not what it is about.
type slowness struct {
	sum, last time.Duration // last is when something was added
}

// add adds the time from from to to, and reports whether the connection is slow.
func (s *slowness) add(from, to time.Duration) bool {
	d := to - from
	if d < shortTime {
		return false
	}
	if s.sum > 0 {
		s.sum = max(0, s.sum-(to-s.last)/4)
	}
	s.sum += d
	s.last = to
	return s.sum >= longTime
}

// clock is cheaper than time.Now, which asks for the time of day as well.
func clock() time.Duration { return time.Since(clockStart) }

var clockStart = time.Now()

// A watch takes the reading from connections where it is held up. It looks at
// them while there are any with something to do, by a timer: no goroutine is left
// behind when the last connection has ended.
type watch struct {
	mu sync.Mutex
	// Protected by mu:
	conns []*serverConn
	timer *time.Timer // runs while there are conns
	alert int         // how many more times it looks after shortTime
}

// add has a connection watched until it is seen waiting.
func (w *watch) add(c *serverConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	if len(w.conns) == 1 {
		w.waitLocked()
	}
}

// waitLocked has it look again.
func (w *watch) waitLocked() {
	d := longTime
	if w.alert > 0 {
		w.alert--
		d = shortTime
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.look)
	} else {
		w.timer.Reset(d)
	}
}

// beAlert has it look more often.
func (w *watch) beAlert() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.alert == 0 && len(w.conns) > 0 {
		w.timer.Reset(shortTime)
	}
	w.alert = alertLooks
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.conns[:0]
	for _, c := range w.conns {
		watchOn, taken := c.look()
		if watchOn {
			kept = append(kept, c)
		}
		if taken {
			w.alert = alertLooks
		}
	}
	clear(w.conns[len(kept):])
	w.conns = kept
	if len(kept) > 0 {
		w.waitLocked()
	}
}
