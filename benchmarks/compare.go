package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
	"github.com/go-mprpc/mprpc/benchmarks/report"
	"github.com/go-mprpc/mprpc/benchmarks/run"
)

// compare measures and writes the report. A measurement that failed is told at
// the end and is an error, but does not stop the others.
func compare(ctx context.Context, o options) error {
	plan, r, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	if plan.Python != nil {
		defer plan.Python.Close()
	}
	bar := progressbar.NewOptions(plan.Steps(), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond))
	var failed []error
	plan.Measure(ctx, func(s run.Sample, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("round %d: %w", s.Round+1, err))
		} else {
			r.Samples = append(r.Samples, s)
		}
		bar.Describe(fmt.Sprintf("%s %s", s.Workload, s.Peer))
		bar.Add(1)
	})
	fmt.Fprintln(os.Stderr)
	if ctx.Err() != nil {
		return errors.New("interrupted, nothing was written")
	}
	file, err := r.Write(o.out)
	if err != nil {
		return err
	}
	fmt.Print(r.Markdown())
	fmt.Fprintln(os.Stderr, "written to", file, "and the files beside it")
	if o.profile != "" {
		where, err := r.Where(o.profile)
		if err == nil {
			fmt.Print("\n", where)
			err = os.WriteFile(filepath.Join(o.profile, "where.md"), []byte(where), 0o644)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// command is the command line without directories, which are of this machine.
func command() string {
	line := []string{"go -C benchmarks run ."}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "out":
		case "profile":
			line = append(line, "-profile=p")
		default:
			line = append(line, "-"+f.Name+"="+f.Value.String())
		}
	})
	return strings.Join(line, " ")
}

// prepare chooses what is measured and sets the Python peers up.
func prepare(ctx context.Context, o options) (plan run.Plan, r *report.Run, err error) {
	if o.seed == 0 {
		o.seed = uint64(time.Now().Unix())
	}
	plan = run.Plan{Rounds: o.rounds, Seed: o.seed, Warm: o.warm, Run: o.duration, Profile: o.profile}
	if o.profile != "" {
		if err = os.MkdirAll(o.profile, 0o755); err != nil {
			return plan, nil, err
		}
	}
	if plan.Peers, err = choosePeers(o.peers); err != nil {
		return plan, nil, err
	}
	if plan.Workloads, err = choose(load.Workloads(), func(w load.Workload) string { return w.Name }, o.workloads); err != nil {
		return plan, nil, err
	}
	r = &report.Run{
		When: time.Now(), Command: command(), Awake: o.awake, Bound: o.awake && o.bound,
		Machine: report.ThisMachine(), Versions: report.Versions(ctx),
		Rounds: o.rounds, Seed: o.seed, Warm: o.warm, Window: o.duration, Workloads: plan.Workloads,
	}
	if slices.ContainsFunc(plan.Peers, peers.Peer.NeedsPython) {
		plan.Python, err = run.SetupPython(ctx, func(step string) { fmt.Fprintln(os.Stderr, step) })
		if err == nil {
			for name, version := range plan.Python.Versions() {
				r.Versions["Python's "+name] = version
			}
		}
	}
	// What needs a Python that cannot be had is left out, with the reason.
	plan.Peers = slices.DeleteFunc(slices.Clone(plan.Peers), func(p peers.Peer) bool {
		reason := err
		if reason == nil && p.NeedsExtras() {
			reason = plan.Python.Without
		}
		if p.NeedsPython() && reason != nil {
			r.LeftOut = append(r.LeftOut, report.LeftOut{Peer: p.Name, Reason: reason.Error()})
			return true
		}
		return false
	})
	for _, p := range plan.Peers {
		r.Peers = append(r.Peers, report.Peer{Name: p.Name, Title: p.Title, Floor: p.Floor})
		for _, w := range plan.Workloads {
			if reason := p.Not[w.Name]; reason != "" && !p.Floor {
				r.LeftOut = append(r.LeftOut, report.LeftOut{Peer: p.Name, Workload: w.Name, Reason: reason})
			}
		}
	}
	return plan, r, ctx.Err()
}
