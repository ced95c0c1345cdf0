package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
)

// A Plan says what is measured.
type Plan struct {
	Peers     []peers.Peer
	Workloads []load.Workload
	Rounds    int
	Seed      uint64 // of the order of the peers
	Warm, Run time.Duration
	Python    *Python // nil without peers in Python
	Profile   string  // a directory for CPU profiles of the peers in Go, "" for none
}

// Steps is how many measurements there will be.
func (p Plan) Steps() int {
	n := 0
	for _, w := range p.Workloads {
		for _, peer := range p.Peers {
			if peer.Not[w.Name] == "" {
				n += p.Rounds
			}
		}
	}
	return n
}

// Measure goes through all workloads in each round, and through all peers in
// each workload, so that whatever the machine does besides meets them all. Their
// order is another one each time, so that none always follows the same. Each
// sample, or the error in its place, goes to the function done.
func (p Plan) Measure(ctx context.Context, done func(Sample, error)) {
	random := rand.New(rand.NewPCG(p.Seed, 0))
	for round := range p.Rounds {
		for _, w := range p.Workloads {
			for _, i := range random.Perm(len(p.Peers)) {
				peer := p.Peers[i]
				if peer.Not[w.Name] != "" {
					continue
				}
				if ctx.Err() != nil {
					return
				}
				job := load.Job{Workload: w, Warm: p.Warm, Run: p.Run}
				if p.Profile != "" {
					job.Profile = filepath.Join(p.Profile, ProfileName(w.Name, peer.Name, round))
				}
				s, err := measure(ctx, p.Python, peer, job)
				s.Round = round
				done(s, err)
			}
		}
	}
}

// ProfileName is what the names of the profiles of a measurement begin with; they
// end in -client.pprof and -server.pprof.
func ProfileName(workload, peer string, round int) string {
	return fmt.Sprintf("%s-%s-%d", workload, peer, round+1)
}
