package run

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
)

// plainLoops are the peers and workloads for which there is a plain loop.
var plainLoops = []struct {
	peer     string
	workload string
	callers  int
}{{"gob", "serial", 1}, {"gob", "64x1", 64}, {"grpc", "serial", 1}, {"grpc", "64x1", 64}, {"mprpc", "serial", 1}}

// Honesty compares what the harness measures with what a plain loop of the
// peer's own gives: a program that has nothing of the harness, neither clocks
// around the calls nor checks of the replies, as somebody would write it who
// knows only the peer. The two take turns.
func Honesty(ctx context.Context, out io.Writer, chosen []peers.Peer, rounds int, warm, run time.Duration) error {
	env, err := SetupPython(ctx, nil)
	if err != nil {
		fmt.Fprintln(out, "mprpc is left out:", err)
	} else {
		defer env.Close()
	}
	fmt.Fprintf(out, "%-6s %-8s %12s %12s %8s\n", "peer", "workload", "plain loop", "harness", "ratio")
	for _, c := range plainLoops {
		i := slices.IndexFunc(chosen, func(p peers.Peer) bool { return p.Name == c.peer })
		if i < 0 || c.peer == "mprpc" && env == nil {
			continue
		}
		peer := chosen[i]
		var plain, harness []float64
		for range rounds {
			rate, err := plainLoop(ctx, env, c.peer, c.callers, warm+run)
			if err != nil {
				return fmt.Errorf("plain loop of %s: %w", c.peer, err)
			}
			w := load.Workloads()[slices.IndexFunc(load.Workloads(), func(w load.Workload) bool { return w.Name == c.workload })]
			s, err := Measure(ctx, env, peer, w, warm, run)
			if err != nil {
				return err
			}
			plain, harness = append(plain, rate), append(harness, float64(s.Result.Calls)/s.Result.Elapsed.Seconds())
		}
		slices.Sort(plain)
		slices.Sort(harness)
		p, h := plain[rounds/2], harness[rounds/2]
		fmt.Fprintf(out, "%-6s %-8s %10.0f/s %10.0f/s %8.2f\n", c.peer, c.workload, p, h, h/p)
	}
	return nil
}

// plainLoop runs a plain server and a plain client and returns calls per second.
func plainLoop(ctx context.Context, env *Python, peer string, callers int, run time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, grace+run)
	defer cancel()
	start := func(kind, addr string) (process, error) {
		if peer == "mprpc" {
			p, err := env.env.Start(ctx, env.script("plain_mprpc.py"), kind, addr, strconv.FormatFloat(run.Seconds(), 'f', -1, 64))
			if err != nil {
				return nil, err
			}
			return p, nil
		}
		return startGo(ctx, role{Kind: "plain " + kind, Peer: peer,
			Job: load.Job{Addr: addr, Run: run, Workload: load.Workload{Callers: callers}}})
	}
	server, err := start("server", "")
	if err != nil {
		return 0, err
	}
	defer server.Kill()
	client, err := start("client", server.Addr())
	if err != nil {
		return 0, err
	}
	defer client.Kill()
	select {
	case line, on := <-client.Lines():
		if !on {
			return 0, fmt.Errorf("no result\n%s", client.Stderr())
		}
		return strconv.ParseFloat(line, 64)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}
