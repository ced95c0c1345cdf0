package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
	"github.com/go-mprpc/mprpc/benchmarks/run"
)

// sample is a measurement of so many calls in a second.
func sample(peer, workload string, calls int) run.Sample {
	return run.Sample{Peer: peer, Workload: workload, Result: load.Result{
		Calls: calls, Elapsed: time.Second, P50: 100 * time.Microsecond, P99: time.Millisecond,
		ClientCPU: 200 * time.Millisecond, ServerCPU: 300 * time.Millisecond,
	}}
}

// small is a run of two peers in the workload serial.
func small() *Run {
	return &Run{
		Awake: true, Rounds: 3, Workloads: load.Workloads()[:1],
		Peers: []Peer{
			{Name: "drop-in", Title: "this project, drop-in"}, {Name: "gob", Title: "net/rpc (gob)"},
			{Name: "floor-netrpc-wire", Title: "a codec that does nothing", Floor: true},
		},
		Samples: []run.Sample{
			sample("drop-in", "serial", 26000), sample("drop-in", "serial", 13000), sample("drop-in", "serial", 60000),
			sample("floor-netrpc-wire", "serial", 28000),
			sample("gob", "serial", 20000), sample("gob", "serial", 10000), sample("gob", "serial", 30000),
		},
		LeftOut: []LeftOut{{Peer: "zerorpc", Reason: "no Python"}},
	}
}

func TestCellHasMedians(t *testing.T) {
	got, ok := small().Cell("gob", "serial")
	want := Cell{Rate: 20000, Min: 10000, Max: 30000, P50: 0.0001, P99: 0.001, Client: 0.01, Server: 0.015}
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("ok is %v, cell (-want +got):\n%s", ok, diff)
	}
	if _, ok := small().Cell("gob", "idle"); ok {
		t.Error("a cell without samples")
	}
}

func TestGoalsAreJudged(t *testing.T) {
	r := small()
	for _, c := range []struct {
		goal Goal
		want string
	}{
		{Goal{"drop-in", "serial", calls, "gob", "", 1.25, 1.3}, "pass"},
		{Goal{"drop-in", "serial", calls, "gob", "", 1.25, 1.5}, "pass, not all"},
		{Goal{"drop-in", "serial", calls, "gob", "", 1.4, 0}, "**fail**"},
		{Goal{"drop-in", "serial", cpu, "gob", "", 0.8, 0.5}, "pass, not all"},
		{Goal{"drop-in", "serial", p99, "gob", "", 1, 0}, "pass"},
		{Goal{"drop-in", "serial", calls, "grpc", "", 1, 0}, "not measured"},
	} {
		if got := r.judge(c.goal, allRounds); got.Verdict() != c.want {
			t.Errorf("%+v is %v, want %s", c.goal, got, c.want)
		}
	}
}

// TestFloorsAreThere looks up the floors of the goals.
func TestFloorsAreThere(t *testing.T) {
	for peer, floors := range floorsOf {
		if _, err := peers.Find(peer); err != nil {
			t.Error(err)
		}
		for _, floor := range []string{floors.structure, floors.wire} {
			p, err := peers.Find(floor)
			if floor == "" || runtime.GOOS == "windows" && peer == "pool" {
				continue
			}
			if err != nil || !p.Floor {
				t.Errorf("a floor of %s is %q: %v", peer, floor, err)
			}
		}
	}
}

func TestCount(t *testing.T) {
	for v, want := range map[float64]string{0.12345: "0.123", 99.94: "99.9", 123.4: "123", 9876: "9,880", 123456: "123,000", 999999: "1,000,000"} {
		if got := Count(v); got != want {
			t.Errorf("Count(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file, err := small().Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| net/rpc (gob) | 20,000 |", "| 1.30 x gob | 1.30, 1.30 | at least 1.25 x gob |", "| - | 1.40 (floor-netrpc-wire) |",
		"Floors:\n\n", "awake-serial.svg", "zerorpc, all: no Python"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if chart, err := os.ReadFile(filepath.Join(dir, "awake-serial.svg")); err != nil || strings.Contains(string(chart), "does nothing") {
		t.Errorf("%v, or a floor is in the chart", err)
	}
	for _, name := range []string{"awake.json", "awake-serial.svg"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSummary(t *testing.T) {
	want := "| calls/s, net/rpc (gob) = 1 | `serial` | `64x1` | `64x20` | `echo64k` |\n" +
		"| --- | ---: | ---: | ---: | ---: |\n" +
		"| this project, drop-in | 1.3 | - | - | - |\n"
	if diff := cmp.Diff(want, small().Summary()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What the README and the published reports show is what was measured.
func TestResultsAreThoseOfTheJSON(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"awake", "bound", "asleep", "serial/awake", "intel/awake", "values/awake"} {
		raw, err := os.ReadFile("../results/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var r Run
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile("../results/" + name + ".md"); err != nil || string(text) != r.Markdown() {
			t.Errorf("results/%s.md is not what results/%[1]s.json says: %v", name, err)
		}
		if table := r.Summary(); name == "awake" && !strings.Contains(string(readme), table) {
			t.Errorf("README.md does not have the table of results/awake.json:\n%s", table)
		}
	}
}
