package rpcutil

import (
	"sync"
	"sync/atomic"
	"time"
)

// A turn says who has the reading of a connection and what it does with it. A
// short method runs on the goroutine that has read its request, which saves a
// switch of goroutines for each call. While one runs that takes longer, the
// reading is taken from it and goes on elsewhere, so that it does not hold up
// others: not for much longer than twice longTime.
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
// reading. A timer that fires wakes a thread and moves others: with one caller, looking
// every 100 µs took 15 to 20 µs of processor time from each call, as much as the call
// itself, and looking every millisecond still a fifth of the calls per second. So it
// looks less often, unless it has met a method that takes long, or a connection is
// slow, within the last second: where one method takes long, others often do.
const (
	shortTime = time.Millisecond
	longTime  = 10 * time.Millisecond
	alertTime = time.Second // for how long it looks more often
)

// A slowness says whether the reading of a connection is kept for long again and
// again. It sums up the times longer than shortTime for which requests that arrived
// together kept it, and loses a quarter of the time that passes: a thread that the
// system leaves waiting for some milliseconds now and then is not what it is about.
type slowness struct {
	sum  time.Duration
	last time.Time // when something was added
}

// add adds the time between two moments, and reports whether the connection is slow.
func (s *slowness) add(from, to time.Time) bool {
	d := to.Sub(from)
	if d < shortTime {
		return false
	}
	s.sum = max(0, s.sum-to.Sub(s.last)/4) + d
	s.last = to
	if s.sum < longTime {
		return false
	}
	s.sum = longTime // what was long ago does not count for ever
	return true
}

// A watch takes the reading from connections where it is held up. It looks at
// them while there are any with something to do, by a timer: no goroutine is left
// behind when the last connection has ended.
type watch struct {
	mu sync.Mutex
	// Protected by mu:
	conns []*serverConn
	timer *time.Timer // runs while there are conns
	alert time.Time   // until then it looks more often
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
	now := time.Now()
	// At a full period of the clock, so that where each connection has a watch of its own
	// all of them look at the same moments: a timer that fires alone wakes a thread, which
	// takes as long as a call. But two looks must not meet the same short method.
	d := longTime - time.Duration(now.UnixNano())%longTime
	switch {
	case now.Before(w.alert):
		d = shortTime
	case d < shortTime:
		d += longTime
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
	w.beAlertLocked()
}

func (w *watch) beAlertLocked() {
	now := time.Now()
	if len(w.conns) > 0 && !now.Before(w.alert) {
		w.timer.Reset(shortTime)
	}
	w.alert = now.Add(alertTime)
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	alert := time.Now().Before(w.alert)
	kept := w.conns[:0]
	for _, c := range w.conns {
		if c.look(alert) {
			kept = append(kept, c)
		}
	}
	clear(w.conns[len(kept):])
	w.conns = kept
	if len(kept) > 0 {
		w.waitLocked()
	}
}
