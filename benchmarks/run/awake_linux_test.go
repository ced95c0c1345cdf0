package run

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAwake has a process spin with idle priority for each core that this one may
// use, on it if that is asked for, and none afterwards.
func TestAwake(t *testing.T) {
	all, err := coresOf(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("bound", func(t *testing.T) { awake(t, true, all) })
	t.Run("free", func(t *testing.T) { awake(t, false, slices.Concat(slices.Repeat([][]int{all}, len(all))...)) })
}

// awake wants the spinning threads to be allowed on these cores, all together.
func awake(t *testing.T, bound bool, want []int) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	before := children(t)
	stop, err := KeepAwake(ctx, bound)
	if err != nil {
		t.Fatal(err)
	}
	var cores []int
	for _, pid := range children(t) {
		if !slices.Contains(before, pid) {
			cores = append(cores, spinningOn(t, pid)...)
		}
	}
	stop()
	slices.Sort(cores)
	slices.Sort(want)
	if !slices.Equal(cores, want) {
		t.Errorf("threads of idle priority may run on the cores %v, want %v", cores, want)
	}
	if after := children(t); len(after) > len(before) {
		t.Errorf("%d children before, %d afterwards", len(before), len(after))
	}
}

// children returns the processes that this one has started and not waited for.
func children(t *testing.T) (pids []int) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Skipf("the system does not tell the children of a process: %v", err)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // the thread may have ended
		for _, pid := range strings.Fields(string(text)) {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, n)
		}
	}
	return pids
}

// spinningOn returns the cores of the threads of a process that have idle priority.
func spinningOn(t *testing.T, pid int) (cores []int) {
	threads, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		if a, err := unix.SchedGetAttr(tid, 0); err == nil && a.Policy == unix.SCHED_IDLE {
			own, err := coresOf(tid)
			if err != nil {
				t.Fatal(err)
			}
			cores = append(cores, own...)
		}
	}
	return cores
}
