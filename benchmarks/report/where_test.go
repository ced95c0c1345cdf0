package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/run"
)

// writeProfile writes a profile whose samples have these stacks, the innermost
// function first.
func writeProfile(t *testing.T, file string, times map[string]int64) {
	t.Helper()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}, Mapping: []*profile.Mapping{{ID: 1}}}
	for stack, value := range times {
		sample := &profile.Sample{Value: []int64{1, value}}
		for function := range strings.SplitSeq(stack, " ") {
			id := uint64(len(p.Function) + 1)
			f := &profile.Function{ID: id, Name: function}
			l := &profile.Location{ID: id, Mapping: p.Mapping[0], Line: []profile.Line{{Function: f}}}
			p.Function, p.Location = append(p.Function, f), append(p.Location, l)
			sample.Location = append(sample.Location, l)
		}
		p.Sample = append(p.Sample, sample)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := p.Write(f); err != nil {
		t.Fatal(err)
	}
}

func TestWhereTheProcessorTimeGoes(t *testing.T) {
	dir := t.TempDir()
	r := &Run{
		Peers:     []Peer{{Name: "rpcutil"}, {Name: "mprpc"}},
		Workloads: []load.Workload{{Name: "serial", Title: "one caller"}, {Name: "list"}},
	}
	for round := range 2 {
		name := filepath.Join(dir, run.ProfileName("serial", "rpcutil", round))
		writeProfile(t, name+"-client.pprof", map[string]int64{
			"internal/runtime/syscall/linux.Syscall6 syscall.RawSyscall6 syscall.write net.(*conn).Write github.com/go-mprpc/mprpc/codec.(*writer).write": 50,
			"runtime.memmove github.com/go-mprpc/mprpc/codec/wire.(*Reader).fill":                                                                         20,
			"runtime.nextFreeFast runtime.mallocgc github.com/go-mprpc/mprpc/codec.(*client).submit net/rpc.(*Client).Go":                                 10,
			"reflect.Value.Field net/rpc.(*service).call":                                                                                                 20,
		})
		for _, peer := range []string{"rpcutil", "mprpc"} {
			r.Samples = append(r.Samples, run.Sample{Peer: peer, Workload: "serial", Round: round,
				Result: load.Result{Calls: 1000, ClientCPU: 10 * time.Millisecond}})
		}
	}
	got, err := r.Where(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := "| | read, write | waiting, waking | goroutines made, stacks grown | memory | locks | net/rpc, calls by reflection | gob, JSON | this project | package net | the benchmark | the rest | all | samples |\n" +
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n" +
		"| rpcutil, client | 5.0 | 0.0 | 0.0 | 1.0 | 0.0 | 2.0 | 0.0 | 2.0 | 0.0 | 0.0 | 0.0 | 10.0 | 8 |\n"
	if _, table, _ := strings.Cut(got, "## serial: one caller\n\n"); table != want {
		t.Errorf("got:\n%s\nwant:\n%s", table, want)
	}
}
