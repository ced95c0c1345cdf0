package report

import "fmt"

// A Goal bounds the ratio of a peer to another one, in medians of one run.
type Goal struct {
	Peer, Workload string
	What           metric
	// Against is the other peer, "" for a bound that is no ratio; Other is its
	// workload, "" for the same.
	Against, Other string
	// Bound is what must be reached, Reach what would be better still, 0 for
	// nothing.
	Bound, Reach float64
}

// A metric is what a goal compares.
type metric int

const (
	calls  metric = iota // calls per second, at least
	cpu                  // CPU per call of client and server together, at most
	p99                  // latency, at most
	memory               // KiB per idle connection, at most
)

func (m metric) atMost() bool { return m != calls }

func (m metric) String() string {
	return [...]string{"calls/s", "CPU per call", "p99", "KiB per idle connection"}[m]
}

func (m metric) of(c Cell) float64 {
	switch m {
	case cpu:
		return c.Client + c.Server
	case p99:
		return c.P99
	case memory:
		return c.Go / 1024
	}
	return c.Rate
}

// Goals are those of the project.
func Goals() []Goal {
	goals := []Goal{
		{"drop-in", "serial", calls, "gob", "", 1.25, 1.5},
		{"drop-in", "serial", calls, "jsonrpc", "", 1.5, 0},
		{"drop-in", "serial", calls, "grpc", "", 2.5, 0},
		{"drop-in", "64x1", calls, "gob", "", 3, 4},
		{"drop-in", "64x1", calls, "grpc", "", 5, 0},
		{"drop-in", "64x1", calls, "mprpc-pool", "64x20", 7, 0},
		{"drop-in", "64x20", calls, "gob", "", 1.4, 1.7},
		{"drop-in", "64x20", calls, "grpc", "", 3, 0},
		{"drop-in", "echo64k", calls, "gob", "", 1.8, 3},
		{"drop-in", "echo64k", calls, "grpc", "", 2.5, 0},
		{"drop-in", "echo64k", calls, "jsonrpc", "", 15, 0},
		{"rpcutil", "64x1", calls, "gob", "", 6, 10},
		{"rpcutil", "64x1", calls, "mprpc-pool", "64x20", 12, 0},
		{"pool", "serial", calls, "gob", "", 1.8, 0},
		{"pool", "serial", calls, "raw", "", 0.75, 0.95},
		{"pool", "serial", calls, "mprpc", "", 1.6, 0},
		{"pool", "64x20", calls, "raw", "", 0.85, 0.95},
		{"pool", "64x20", calls, "mprpc-pool", "", 3.5, 0},
		{"pool", "64x20", p99, "gob", "", 1, 0},
		{"pool-shared", "64x20", calls, "raw", "", 1.1, 1.4},
		{"pool-shared", "64x4", calls, "gob", "", 5, 8},
		{"mprpc-to-rpcutil", "serial", calls, "mprpc", "", 1.3, 1.6},
		{"pool-to-mprpc", "64x20", calls, "mprpc-pool", "", 1.2, 1.5},
		{"mux", "serial", calls, "drop-in", "", 0.9, 1},
		{"mux", "64x1", calls, "drop-in", "", 0.9, 1},
		{"rpcutil-mux", "serial", calls, "rpcutil", "", 0.9, 1},
		{"rpcutil-mux", "64x1", calls, "rpcutil", "", 0.9, 1},
		{"rpcutil", "idle", memory, "", "", 12, 0},
	}
	// The rows above with Go on both sides also have a goal for their CPU time.
	seen := map[[2]string]bool{}
	for _, g := range goals {
		row := [2]string{g.Peer, g.Workload}
		if g.What == calls && g.Peer != "mprpc-to-rpcutil" && g.Peer != "pool-to-mprpc" && !seen[row] {
			seen[row] = true
			goals = append(goals, Goal{g.Peer, g.Workload, cpu, "gob", "", 0.8, 0.5})
		}
	}
	// Structs and long bytes, on one connection, have goals for their rate alone.
	return append(goals,
		Goal{"drop-in", "record", calls, "gob", "", 1, 0},
		Goal{"drop-in", "list", calls, "gob", "", 1, 0},
		Goal{"drop-in", "rows", calls, "gob", "", 1, 0},
		Goal{"drop-in", "rows", calls, "jsonrpc", "", 2.5, 0},
		Goal{"drop-in", "echo64k", calls, "mprpc", "", 1, 0},
		Goal{"drop-in", "echo1m", calls, "mprpc", "", 1, 0},
	)
}

// floorsOf names the bounds of peers. The structure keeps what the peer cannot give
// up, and has nothing of this project in it: what it does not reach, nothing with
// that structure can. The other has messages of package wire besides, "" for none.
var floorsOf = map[string]struct{ structure, wire string }{
	"drop-in":          {"floor-netrpc", "floor-netrpc-wire"},
	"mux":              {"floor-mux", ""},
	"rpcutil":          {"floor-service", "floor-service-wire"},
	"rpcutil-mux":      {"floor-direct", ""},
	"pool":             {"floor-pool-service", "floor-pool-wire"},
	"pool-shared":      {"floor-service", "floor-service-wire"},
	"mprpc-to-rpcutil": {"mprpc-to-raw", ""},
	"pool-to-mprpc":    {"raw-to-mprpc", ""},
}

// floors says what the bounds of a goal's peer have in its place. They say nothing
// of a goal beside another way of this project.
func (r *Run) floors(g Goal) (structure, wire Outcome) {
	if _, own := floorsOf[g.Against]; own {
		return structure, wire
	}
	floors := floorsOf[g.Peer]
	g.Peer = floors.structure
	structure = r.judge(g, allRounds)
	g.Peer = floors.wire
	return structure, r.judge(g, allRounds)
}

// An Outcome is a goal in a run. Known is false if the run has not all of what
// the goal compares.
type Outcome struct {
	Goal
	Ratio   float64
	Known   bool
	Met     bool
	Reached bool // Reach too
}

// judge looks a goal up in a round of the run, or in the medians of allRounds.
func (r *Run) judge(g Goal, round int) Outcome {
	o := Outcome{Goal: g}
	cell, known := r.cell(g.Peer, g.Workload, round)
	o.Ratio, o.Known = g.What.of(cell), known
	if g.Against != "" {
		workload := g.Other
		if workload == "" {
			workload = g.Workload
		}
		other, known := r.cell(g.Against, workload, round)
		o.Known = o.Known && known && g.What.of(other) > 0
		o.Ratio /= g.What.of(other)
	}
	o.Known = o.Known && o.Ratio > 0
	o.Met = o.Known && g.passes(o.Ratio, g.Bound)
	o.Reached = o.Met && (g.Reach == 0 || g.passes(o.Ratio, g.Reach))
	return o
}

// quartiles returns those of a goal's ratio within each round.
func (r *Run) quartiles(g Goal) string {
	var ratios []float64
	for round := range r.Rounds {
		if o := r.judge(g, round); o.Known {
			ratios = append(ratios, o.Ratio)
		}
	}
	if len(ratios) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f, %.2f", quantile(ratios, 0.25), quantile(ratios, 0.75))
}

func (g Goal) passes(ratio, bound float64) bool {
	if g.What.atMost() {
		return ratio <= bound
	}
	return ratio >= bound
}

// unit is what the numbers of a goal are multiples of.
func (g Goal) unit() string {
	switch {
	case g.Against == "":
		return ""
	case g.Other != "":
		return fmt.Sprintf(" x %s (%s)", g.Against, g.Other)
	}
	return " x " + g.Against
}

// is says what was measured.
func (o Outcome) is() string {
	if !o.Known {
		return "-"
	}
	return fmt.Sprintf("%.2f%s", o.Ratio, o.unit())
}

// bound is what is says, with the name of the floor.
func (o Outcome) bound() string {
	if !o.Known {
		return "-"
	}
	return fmt.Sprintf("%.2f (%s)", o.Ratio, o.Peer)
}

// Verdict is one word.
func (o Outcome) Verdict() string {
	switch {
	case !o.Known:
		return "not measured"
	case o.Reached:
		return "pass"
	case o.Met:
		return "pass, not all"
	}
	return "**fail**"
}
