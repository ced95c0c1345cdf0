package soak

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What may be set in the environment.
const (
	timeVariable = "MPRPC_SOAK"      // how long, 60s for example
	seedVariable = "MPRPC_SOAK_SEED" // of an earlier run
)

const shortTime = 3 * time.Second

// A soak is one run.
type soak struct {
	t        *testing.T
	ledger   *ledger
	home     string // where the clients can be called
	over     chan struct{}
	sessions atomic.Int64
	harms    atomic.Int64
}

func (s *soak) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// hangs ends the test process with all stacks: what waits cannot be ended, and
// would hide where.
func (s *soak) hangs(id uint64, kind string) {
	stacks := make([]byte, 16<<20)
	panic(fmt.Sprintf("call %d (%s) has no end after %s\n%s", id, kind, patience, stacks[:runtime.Stack(stacks, true)]))
}

func settings(t *testing.T) (d time.Duration, seed uint64) {
	t.Helper()
	d, seed = shortTime, rand.Uint64()
	var err error
	if text := os.Getenv(timeVariable); text != "" {
		if d, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	if text := os.Getenv(seedVariable); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return d, seed
}

func TestSoak(t *testing.T) {
	d, seed := settings(t)
	t.Logf("%s with %s=%d", d, seedVariable, seed)
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors()
	s := &soak{t: t, ledger: newLedger(), over: make(chan struct{})}
	houses := []*house{{netRPC: false}, {netRPC: true}, {netRPC: false}}
	for _, h := range houses {
		h.t, h.ledger, h.over = t, s.ledger, s.over
		h.begin()
	}
	// The last house is that of the clients: its server stays, to be called back.
	home := houses[2]
	s.home = home.address()

	clientsGone := make(chan struct{})
	var living, clients sync.WaitGroup
	number := uint64(0)
	choices := func() *rand.Rand { number++; return rand.New(rand.NewPCG(seed, number)) }
	for _, h := range houses[:2] {
		r := choices()
		living.Go(func() { h.live(r, clientsGone) })
		for range 4 {
			r := choices()
			clients.Go(func() { s.repeat(&s.sessions, func() { (&session{soak: s, house: h}).behave(r) }) })
		}
		for range 2 {
			r := choices()
			clients.Go(func() { s.repeat(&s.harms, func() { harm(r, h.address()) }) })
		}
	}
	r := choices()
	clients.Go(func() { s.repeat(&s.sessions, func() { s.duplex(r) }) })

	time.Sleep(d)
	close(s.over)
	waitFor(t, &clients, "the clients")
	close(clientsGone)
	waitFor(t, &living, "the servers")
	home.end(home.now.Load(), r)
	waitFor(t, &home.ends, "the clients' server")

	s.ledger.check(t)
	s.ledger.report(t)
	t.Logf("%d sessions that keep to the rules, %d that do not", s.sessions.Load(), s.harms.Load())
	for _, h := range houses {
		t.Log(h.report())
	}
	compareCounts(t, "goroutines", goroutines, runtime.NumGoroutine)
	compareCounts(t, "descriptors", descriptors, openDescriptors)
}

// repeat does something again and again until the clients are to end.
func (s *soak) repeat(count *atomic.Int64, f func()) {
	for !s.isOver() {
		f()
		count.Add(1)
	}
}

// waitFor bounds a wait: what hangs shows its stack.
func waitFor(t *testing.T, wg *sync.WaitGroup, what string) {
	t.Helper()
	tooLong := time.AfterFunc(2*time.Minute, func() {
		stacks := make([]byte, 16<<20)
		panic(fmt.Sprintf("%s have not ended\n%s", what, stacks[:runtime.Stack(stacks, true)]))
	})
	defer tooLong.Stop()
	wg.Wait()
}

// openDescriptors counts those of the process, where the system shows them.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// compareCounts gives what is about to end a moment to do so.
func compareCounts(t *testing.T, what string, before int, count func() int) {
	t.Helper()
	after := count()
	for deadline := time.Now().Add(10 * time.Second); after > before && time.Now().Before(deadline); after = count() {
		time.Sleep(time.Millisecond)
	}
	t.Logf("%s: %d before, %d after", what, before, after)
	if after > before {
		stacks := make([]byte, 4<<20)
		t.Errorf("%s are left behind\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
}
