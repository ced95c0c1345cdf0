package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// An outcome is what a caller was told.
type outcome int

const (
	pending  outcome = iota
	answered         // the result, or the error of the method
	refused          // an error of the server: the method must not have run
	failed           // the call failed with a reason of this side
	gaveUp           // this side did not want to wait, or closed the connection
	notified         // nobody wants to know
	outcomes
)

var outcomeNames = [outcomes]string{"pending", "answered", "refused", "failed", "given up", "notified"}

// A call is a line in the ledger.
type call struct {
	kind    string
	outcome outcome
	told    int // how often the caller was told
	ran     int
	on      *generation // where it ran last
	// The caller cannot expect an answer if the connection ends: it has closed it,
	// or has made a call of which it is known that it ends it.
	excused bool
}

// A ledger knows of every call.
type ledger struct {
	mu sync.Mutex
	// Protected by mu:
	calls   []call         // by number; number 0 is everybody's, of hostile peers
	strange int            // runs of numbers that nobody has
	reasons map[string]int // texts of calls that were refused or failed
}

func newLedger() *ledger { return &ledger{calls: make([]call, 1), reasons: map[string]int{}} }

func (l *ledger) open(kind string, o outcome) (id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, call{kind: kind, outcome: o})
	return uint64(len(l.calls) - 1)
}

// run is called by the method.
func (l *ledger) run(id uint64, on *generation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == 0 || id >= uint64(len(l.calls)) {
		l.strange++
		return
	}
	l.calls[id].ran++
	l.calls[id].on = on
}

// tell is called when the caller has an outcome.
func (l *ledger) tell(id uint64, o outcome, excused bool, reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &l.calls[id]
	c.outcome, c.excused = o, excused
	c.told++
	if reason != nil && (o == refused || o == failed) {
		l.reasons[generalised(reason.Error())]++
	}
}

// generalised is a text without its numbers, such as ports.
func generalised(text string) string {
	var b strings.Builder
	digits := false
	for _, r := range text {
		isDigit := r >= '0' && r <= '9'
		if isDigit && !digits {
			b.WriteByte('#')
		}
		if digits = isDigit; !isDigit {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// check finds what is wrong once everything has ended.
func (l *ledger) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	wrong := 0
	complain := func(id int, what string) {
		if wrong++; wrong <= 20 {
			c := l.calls[id]
			t.Errorf("call %d (%s): %s; it was %s, told %d times, ran %d times", id, c.kind, what, outcomeNames[c.outcome], c.told, c.ran)
		}
	}
	for id := range l.calls[1:] {
		id++
		switch c := l.calls[id]; {
		case c.ran > 1:
			complain(id, "ran more than once")
		case c.outcome == notified:
		case c.told != 1:
			complain(id, "the caller is told exactly once")
		case c.outcome == answered && c.ran == 0:
			complain(id, "answered by nobody")
		case c.outcome == refused && c.ran > 0:
			complain(id, "refused after it ran")
		case c.outcome == failed && c.ran > 0 && !c.excused && c.on.graceful.Load():
			complain(id, "the answer is lost, of a server that ended gracefully")
		}
	}
	if wrong > 20 {
		t.Errorf("%d calls are wrong", wrong)
	}
}

// report says how many calls came to what.
func (l *ledger) report(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var came [outcomes]int
	kinds := map[string]int{}
	cut := 0
	for _, c := range l.calls[1:] {
		came[c.outcome]++
		kinds[c.kind]++
		if c.outcome == failed && c.ran > 0 {
			cut++
		}
	}
	t.Logf("%d calls: %d answered, %d refused, %d failed with a reason (%d of them ran, and were cut), %d given up; %d notifications; %d runs for hostile peers",
		len(l.calls)-1-came[notified], came[answered], came[refused], came[failed], cut, came[gaveUp], came[notified], l.strange)
	t.Log("by kind: ", sorted(kinds))
	for _, reason := range sorted(l.reasons) {
		t.Log("reason: ", reason)
	}
}

// sorted lists what was counted.
func sorted(counts map[string]int) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s: %d", name, counts[name]))
	}
	return list
}
