// Package report makes of the samples of a run what people read: medians,
// ratios, goals, a text in Markdown and charts.
package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/run"
)

// A Run is all of one run of the benchmark; as JSON it is the raw numbers.
type Run struct {
	When      time.Time         `json:"when"`
	Command   string            `json:"command"`
	Awake     bool              `json:"awake"`
	Bound     bool              `json:"bound,omitempty"` // the spinning processes
	Machine   Machine           `json:"machine"`
	Versions  map[string]string `json:"versions"`
	Rounds    int               `json:"rounds"`
	Seed      uint64            `json:"seed"` // of the order of the peers
	Warm      time.Duration     `json:"warm_ns"`
	Window    time.Duration     `json:"window_ns"`
	Peers     []Peer            `json:"peers"`
	Workloads []load.Workload   `json:"workloads"`
	Samples   []run.Sample      `json:"samples"`
	LeftOut   []LeftOut         `json:"left_out"`
}

// A Peer is what a report says of a peer.
type Peer struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Floor says that it is a bound and nothing that somebody could use.
	Floor bool `json:"floor,omitempty"`
}

// split returns the peers without the floors, and the floors.
func (r *Run) split() (users, floors []Peer) {
	for _, p := range r.Peers {
		if p.Floor {
			floors = append(floors, p)
		} else {
			users = append(users, p)
		}
	}
	return users, floors
}

// LeftOut says why there are no numbers. Workload is "" for all of a peer.
type LeftOut struct {
	Peer     string `json:"peer"`
	Workload string `json:"workload,omitempty"`
	Reason   string `json:"reason"`
}

// regime names the files of a run, so that regimes can stand side by side.
func (r *Run) regime() string {
	switch {
	case !r.Awake:
		return "asleep"
	case r.Bound:
		return "bound"
	}
	return "awake"
}

// Write writes the JSON, the Markdown and the charts into a directory and
// returns the name of the Markdown.
func (r *Run) Write(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	base := filepath.Join(dir, r.regime())
	if err := os.WriteFile(base+".json", append(raw, '\n'), 0o644); err != nil {
		return "", err
	}
	for _, w := range r.Workloads {
		if err := r.chart(w, base+"-"+w.Name+".svg"); err != nil {
			return "", err
		}
	}
	return base + ".md", os.WriteFile(base+".md", []byte(r.Markdown()), 0o644)
}

// A Cell is a peer in a workload: medians of all rounds.
type Cell struct {
	Rate     float64 // calls per second
	Min, Max float64 // of Rate
	P50, P99 float64 // seconds
	Client   float64 // CPU seconds per 1,000 calls; negative where unknown
	Server   float64
	RSS, Go  float64 // bytes per connection
}

// allRounds stands for the medians of all rounds where a round is asked for.
const allRounds = -1

// Cell returns the medians of a peer in a workload, and false if there are none.
func (r *Run) Cell(peer, workload string) (Cell, bool) { return r.cell(peer, workload, allRounds) }

func (r *Run) cell(peer, workload string, round int) (Cell, bool) {
	var rate, p50, p99, client, server, rss, goMemory []float64
	for _, s := range r.Samples {
		if s.Peer != peer || s.Workload != workload || round != allRounds && s.Round != round {
			continue
		}
		n := float64(s.Result.Calls)
		rate = append(rate, n/s.Result.Elapsed.Seconds())
		p50 = append(p50, s.Result.P50.Seconds())
		p99 = append(p99, s.Result.P99.Seconds())
		client = append(client, 1000*s.Result.ClientCPU.Seconds()/n)
		server = append(server, 1000*s.Result.ServerCPU.Seconds()/n)
		rss, goMemory = append(rss, s.RSS), append(goMemory, s.Go)
	}
	if len(rate) == 0 {
		return Cell{}, false
	}
	return Cell{
		Rate: median(rate), Min: slices.Min(rate), Max: slices.Max(rate), P50: median(p50), P99: median(p99),
		Client: median(client), Server: median(server), RSS: median(rss), Go: median(goMemory),
	}, true
}

func median(v []float64) float64 { return quantile(v, 0.5) }

// quantile returns the value below which a part of v is, between two of them if need be.
func quantile(v []float64, part float64) float64 {
	v = slices.Sorted(slices.Values(v))
	at := part * float64(len(v)-1)
	i := int(at)
	next := min(i+1, len(v)-1)
	return v[i] + (at-float64(i))*(v[next]-v[i])
}
