// Benchmarks compares this project with what a program might use instead, and
// with the limit, which is the same bytes without any protocol:
//
//	go -C benchmarks run .
//
// README.md says what is measured and what the numbers do not show; -help lists
// the options.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
	"github.com/go-mprpc/mprpc/benchmarks/run"
)

// options are those of the command line.
type options struct {
	peers, workloads string
	rounds           int
	seed             uint64
	duration, warm   time.Duration
	out, profile     string
	awake, bound     bool
	list, honesty    bool
}

func main() {
	run.Child()
	var o options
	flag.StringVar(&o.peers, "peers", "", "peers to compare, separated by commas; all if empty")
	flag.StringVar(&o.workloads, "workloads", "", "workloads, separated by commas; all if empty")
	flag.IntVar(&o.rounds, "rounds", 15, "how many times each peer does each workload")
	flag.Uint64Var(&o.seed, "seed", 0, "what the order of the peers in each round follows from; by the clock if 0")
	flag.DurationVar(&o.duration, "duration", 250*time.Millisecond, "how long it is measured each time")
	flag.DurationVar(&o.warm, "warm", 150*time.Millisecond, "how long it runs before that")
	flag.StringVar(&o.out, "out", "results", "directory for the report, the charts and the raw numbers")
	flag.StringVar(&o.profile, "profile", "", "directory for CPU profiles of client and server in each measurement; none if empty")
	flag.BoolVar(&o.awake, "awake", true, "keep the cores from sleeping by a spinning process of idle priority on each")
	flag.BoolVar(&o.bound, "bound", false, "bind each of these processes to its core")
	flag.BoolVar(&o.list, "list", false, "list peers and workloads, and end")
	flag.BoolVar(&o.honesty, "honesty", false, "compare with plain loops instead, see README.md")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := start(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, o options) error {
	if o.list {
		list()
		return nil
	}
	if o.awake {
		stop, err := run.KeepAwake(ctx, o.bound)
		if err != nil {
			return err
		}
		defer stop()
	}
	if !o.honesty {
		return compare(ctx, o)
	}
	chosen, err := choosePeers(o.peers)
	if err != nil {
		return err
	}
	return run.Honesty(ctx, os.Stdout, chosen, o.rounds, o.warm, o.duration)
}

func list() {
	fmt.Println("Peers:")
	for _, p := range peers.All() {
		fmt.Printf("  %-18s %s\n", p.Name, p.Title)
	}
	fmt.Println("Workloads:")
	for _, w := range load.Workloads() {
		fmt.Printf("  %-18s %s\n", w.Name, w.Title)
	}
}

func choosePeers(list string) ([]peers.Peer, error) {
	return choose(peers.All(), func(p peers.Peer) string { return p.Name }, list)
}

// choose returns the elements with the names in list, all if it is empty, in
// their own order.
func choose[T any](all []T, name func(T) string, list string) ([]T, error) {
	if list == "" {
		return all, nil
	}
	wanted := map[string]bool{}
	for one := range strings.SplitSeq(list, ",") {
		wanted[one] = true
	}
	var chosen []T
	for _, one := range all {
		if wanted[name(one)] {
			chosen = append(chosen, one)
			delete(wanted, name(one))
		}
	}
	for one := range wanted {
		return nil, fmt.Errorf("there is no %q; -list shows what there is", one)
	}
	return chosen, nil
}
