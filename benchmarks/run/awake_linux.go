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

// KeepAwake starts a process for each core that spins with idle priority
// (SCHED_IDLE): it runs only where nothing else wants to, and so keeps the cores
// of a virtual machine from going to sleep, out of which every message would
// have to wake them. The function that is returned ends them.
func KeepAwake(ctx context.Context) (stop func(), err error) {
	var all []*goProcess
	stop = func() {
		for _, p := range all {
			p.Kill()
		}
	}
	for range runtime.NumCPU() {
		p, err := startGo(ctx, role{Kind: "spinner"})
		if err != nil {
			stop()
			return nil, fmt.Errorf("keeping the machine awake: %w", err)
		}
		all = append(all, p)
	}
	return stop, nil
}

// beSpinner spins until the standard input ends.
func beSpinner() error {
	runtime.LockOSThread()
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
