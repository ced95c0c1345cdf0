package run

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// KeepAwake starts a process for each core this one may use that spins with idle
// priority (SCHED_IDLE): it runs only where nothing else wants to, and so keeps the
// cores of a virtual machine from going to sleep, out of which every message would
// have to wake them. With bound each stays on its core, where the system otherwise
// may move it. The function that is returned ends them.
func KeepAwake(ctx context.Context, bound bool) (stop func(), err error) {
	cores, err := coresOf(0)
	if err != nil {
		return nil, err
	}
	var all []*goProcess
	stop = func() {
		for _, p := range all {
			p.Kill()
		}
	}
	for _, core := range cores {
		r := role{Kind: "spinner", Core: anyCore}
		if bound {
			r.Core = core
		}
		p, err := startGo(ctx, r)
		if err != nil {
			stop()
			return nil, fmt.Errorf("keeping the machine awake: %w", err)
		}
		all = append(all, p)
	}
	return stop, nil
}

// coresOf returns the cores that a thread may use, 0 for this one.
func coresOf(tid int) (cores []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(tid, &set); err != nil {
		return nil, fmt.Errorf("asking for the cores: %w", err)
	}
	for core := 0; len(cores) < set.Count(); core++ {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores, nil
}

// beSpinner spins on a core, or where the system likes, until the standard input
// ends.
func beSpinner(core int) error {
	runtime.LockOSThread()
	if core != anyCore {
		var only unix.CPUSet
		only.Set(core)
		if err := unix.SchedSetaffinity(0, &only); err != nil {
			return fmt.Errorf("not on core %d: %w", core, err)
		}
	}
	idle := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	if err := unix.SchedSetAttr(0, idle, 0); err != nil {
		return fmt.Errorf("no idle priority: %w", err)
	}
	fmt.Println("READY")
	var over atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		over.Store(true)
	}()
	for !over.Load() {
	}
	return nil
}
