package run

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
)

// A Sample is one measurement.
type Sample struct {
	Peer     string      `json:"peer"`
	Workload string      `json:"workload"`
	Round    int         `json:"round"`
	Result   load.Result `json:"result"`
	// RSS and Go are how much the server's memory has grown per connection while
	// the connections were opened and used once: resident, and live objects with
	// stacks, which only Go servers tell.
	RSS float64 `json:"rss_per_conn"`
	Go  float64 `json:"go_per_conn"`
}

// grace is what a measurement may take beyond its own time: interpreters start,
// connections are opened.
const grace = time.Minute

// Measure starts the two programs of a peer, has the client measure, and ends
// them. python may be nil for peers without Python.
func Measure(ctx context.Context, env *Python, p peers.Peer, w load.Workload, warm, run time.Duration) (Sample, error) {
	return measure(ctx, env, p, load.Job{Workload: w, Warm: warm, Run: run})
}

func measure(ctx context.Context, env *Python, p peers.Peer, job load.Job) (Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, grace+job.Warm+job.Run)
	defer cancel()
	s := Sample{Peer: p.Name, Workload: job.Workload.Name}
	if err := s.measure(ctx, env, p, job); err != nil {
		return s, fmt.Errorf("%s, %s: %w", p.Name, job.Workload.Name, err)
	}
	return s, nil
}

func (s *Sample) measure(ctx context.Context, env *Python, p peers.Peer, job load.Job) error {
	server, err := startServer(ctx, env, p)
	if err != nil {
		return err
	}
	defer server.Kill()
	var before, after load.Status
	if err := ask(ctx, server, "status", &before); err != nil {
		return err
	}
	job.Addr, job.ServerPID = server.Addr(), before.PID
	client, err := startClient(ctx, env, p, job)
	if err != nil {
		return err
	}
	defer client.Kill()
	if err := ask(ctx, client, "open", &struct{}{}); err != nil {
		return err
	}
	if err := ask(ctx, server, "status", &after); err != nil {
		return err
	}
	conns := float64(job.Workload.Conns)
	s.RSS, s.Go = float64(after.RSS-before.RSS)/conns, float64(after.Go-before.Go)/conns
	if job.Profile != "" && p.Server.Python == "" {
		if err := ask(ctx, server, profileCommand+job.Profile+"-server.pprof", &struct{}{}); err != nil {
			return err
		}
	}
	if err := ask(ctx, client, "run", &s.Result); err != nil || job.Profile == "" || p.Server.Python != "" {
		return err
	}
	return ask(ctx, server, profileCommand, &struct{}{})
}

func startServer(ctx context.Context, env *Python, p peers.Peer) (process, error) {
	if p.Server.Python != "" {
		return startPython(ctx, env, "serve", p.Server.Python)
	}
	return startGo(ctx, role{Kind: "server", Peer: p.Name})
}

func startClient(ctx context.Context, env *Python, p peers.Peer, job load.Job) (process, error) {
	if p.Client.Python != "" {
		text, err := json.Marshal(job)
		if err != nil {
			return nil, err
		}
		return startPython(ctx, env, "drive", p.Client.Python, string(text))
	}
	return startGo(ctx, role{Kind: "client", Peer: p.Name, Job: job})
}
