package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/go-mprpc/mprpc/benchmarks/run"
)

// A share is a kind of work, told by the functions that do it. A sample belongs to
// the share of its innermost function that is in any: what the runtime does on
// behalf of somebody, maps or copies, is theirs.
type share struct {
	name string
	is   func(function string) bool
}

// shares are all kinds of work, in the order of the report.
var shares = []share{
	{"read, write", within("syscall.Read", "syscall.Write", "syscall.read", "syscall.write")},
	{"waiting, waking", within("runtime.netpoll", "runtime.futex", "runtime.schedule", "runtime.findRunnable", "runtime.park_m",
		"runtime.mcall", "runtime.gopark", "runtime.goready", "runtime.ready", "runtime.chansend", "runtime.chanrecv",
		"runtime.selectgo", "runtime.entersyscall", "runtime.reentersyscall", "runtime.exitsyscall", "runtime.sysmon",
		"runtime.wakep", "runtime.semrelease", "runtime.semacquire")},
	{"goroutines made, stacks grown", within("runtime.newproc", "runtime.goexit0", "runtime.newstack")},
	{"memory", within("runtime.mallocgc", "runtime.growslice", "runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.gcStart",
		"runtime.gcMarkDone", "runtime.gcDrain", "runtime.bgsweep", "runtime.bgscavenge")},
	{"locks", within("sync.(*Mutex)", "internal/sync.(*Mutex)", "sync.(*RWMutex)")},
	{"net/rpc, calls by reflection", within("net/rpc.", "reflect.Value.Call", "reflect.Value.call")},
	{"gob, JSON", within("encoding/gob.", "encoding/json.")},
	{"this project", within("github.com/go-mprpc/mprpc/codec", "github.com/go-mprpc/mprpc/rpcutil", "github.com/go-mprpc/mprpc/pool")},
	{"package net", within("net.", "internal/poll.")},
	{"the benchmark", within("github.com/go-mprpc/mprpc/benchmarks")},
	{name: "the rest"},
}

func within(names ...string) func(string) bool {
	return func(function string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(function, name) })
	}
}

// shareOf returns the index in shares of a stack, whose innermost function is first.
func shareOf(stack []string) int {
	for _, function := range stack {
		for i, s := range shares[:len(shares)-1] {
			if s.is(function) {
				return i
			}
		}
	}
	return len(shares) - 1
}

// addProfile adds the time of each share in the profile of a file, and the number of
// its samples.
func addProfile(file string, sums []float64) (samples int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	for _, s := range p.Sample {
		var stack []string
		for _, location := range s.Location {
			for _, line := range location.Line {
				stack = append(stack, line.Function.Name)
			}
		}
		samples += s.Value[0]
		sums[shareOf(stack)] += float64(s.Value[1])
	}
	return samples, nil
}

// Where says what the processor time of the peers in Go was used for, by the
// profiles in a directory that Plan.Measure has written: microseconds per call, of
// all rounds together.
func (r *Run) Where(dir string) (string, error) {
	var b strings.Builder
	b.WriteString("# Where the processor time goes\n\nMicroseconds per call, by CPU profiles of the peers in Go, warm-up included: what the innermost " +
		"function that is in any column is for. Work that the runtime does for somebody, such as copies and maps, is theirs. A number is " +
		"as good as its samples, the last column, of which there are 100 in a second of processor time.\n\n")
	r.conditions(&b)
	for _, w := range r.Workloads {
		var rows strings.Builder
		for _, p := range r.Peers {
			for _, side := range []string{"client", "server"} {
				row, samples, err := r.whereOf(dir, w.Name, p.Name, side)
				if errors.Is(err, fs.ErrNotExist) {
					continue // of another language
				}
				if err != nil {
					return "", err
				}
				fmt.Fprintf(&rows, "| %s, %s |", p.Name, side)
				for _, t := range row {
					fmt.Fprintf(&rows, " %.1f |", t)
				}
				fmt.Fprintf(&rows, " %d |\n", samples)
			}
		}
		if rows.Len() == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s: %s\n\n| |", w.Name, w.Title)
		for _, s := range shares {
			fmt.Fprintf(&b, " %s |", s.name)
		}
		fmt.Fprintf(&b, " all | samples |\n| --- |%s\n%s", strings.Repeat(" ---: |", len(shares)+2), rows.String())
	}
	return b.String(), nil
}

// whereOf returns the microseconds of each share, and of all, and how many samples
// say so.
func (r *Run) whereOf(dir, workload, peer, side string) (column []float64, samples int64, err error) {
	column = make([]float64, len(shares)+1)
	sums := column[:len(shares)]
	var used time.Duration
	calls := 0
	for _, s := range r.Samples {
		if s.Workload != workload || s.Peer != peer {
			continue
		}
		n, err := addProfile(filepath.Join(dir, run.ProfileName(workload, peer, s.Round)+"-"+side+".pprof"), sums)
		if err != nil {
			return nil, 0, err
		}
		samples += n
		calls += s.Result.Calls
		if side == "server" {
			used += s.Result.ServerCPU
		} else {
			used += s.Result.ClientCPU
		}
	}
	if samples == 0 {
		return nil, 0, fs.ErrNotExist
	}
	all, each := 0.0, used.Seconds()*1e6/float64(calls)
	for _, sum := range sums {
		all += sum
	}
	for i := range sums {
		sums[i] *= each / all
	}
	column[len(shares)] = each
	return column, samples, nil
}
