package run

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
	"github.com/go-mprpc/mprpc/interop/python"
)

func TestMain(m *testing.M) {
	Child()
	os.Exit(m.Run())
}

// needPython returns the Python peers. Where they cannot be had the test is
// skipped, but fails under CI=true, so that a green run there means that they
// took part.
func needPython(t *testing.T) *Python {
	t.Helper()
	env, err := SetupPython(t.Context(), func(step string) { t.Log(step) })
	if errors.Is(err, python.ErrMissing) && os.Getenv("CI") != "true" {
		t.Skipf("peer missing: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { env.Close() })
	return env
}

// TestGoPeers has every peer in Go do every workload for a moment: the replies
// are checked, and no speed is.
func TestGoPeers(t *testing.T) {
	for _, p := range peers.All() {
		if !p.NeedsPython() {
			t.Run(p.Name, func(t *testing.T) { smoke(t, nil, p) })
		}
	}
}

// TestPythonPeers does the same for the peers with Python on one side.
func TestPythonPeers(t *testing.T) {
	env := needPython(t)
	for _, p := range peers.All() {
		if p.NeedsPython() {
			t.Run(p.Name, func(t *testing.T) {
				t.Parallel() // interpreters take their time to start
				if p.NeedsExtras() && env.Without != nil {
					if os.Getenv("CI") == "true" {
						t.Fatal(env.Without)
					}
					t.Skipf("peer missing: %v", env.Without)
				}
				smoke(t, env, p)
			})
		}
	}
}

func smoke(t *testing.T, env *Python, p peers.Peer) {
	for _, w := range load.Workloads() {
		if reason := p.Not[w.Name]; reason != "" {
			t.Logf("%s left out: %s", w.Name, reason)
			continue
		}
		s, err := Measure(t.Context(), env, p, w, 0, 20*time.Millisecond)
		if err != nil { // a machine with other work to do may not get a call through in that time
			s, err = Measure(t.Context(), env, p, w, 0, time.Second)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		r := s.Result
		t.Logf("%-8s %6d calls in %v, p50 %v, p99 %v, CPU %v and %v, %.0f and %.0f bytes per connection",
			w.Name, r.Calls, r.Elapsed, r.P50, r.P99, r.ClientCPU, r.ServerCPU, s.RSS, s.Go)
		if r.P50 <= 0 || r.P99 < r.P50 || r.Elapsed < 20*time.Millisecond {
			t.Errorf("%s: not a measurement: %+v", w.Name, r)
		}
	}
}
