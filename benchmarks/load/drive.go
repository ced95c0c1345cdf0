package load

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Job is what a client process has to do; it travels as JSON.
type Job struct {
	Addr      string        `json:"addr"`
	ServerPID int           `json:"server_pid"`
	Workload  Workload      `json:"workload"`
	Warm      time.Duration `json:"warm_ns"` // calls before the measurement
	Run       time.Duration `json:"run_ns"`  // the measured window
	Profile   string        `json:"profile"` // what the names of CPU profiles begin with, "" for none
}

// A Result is what a client process measured; it travels as JSON. The CPU times
// are those of the whole processes during the window, -1 where the system does
// not say.
type Result struct {
	Calls     int           `json:"calls"`
	Elapsed   time.Duration `json:"elapsed_ns"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	ClientCPU time.Duration `json:"client_cpu_ns"`
	ServerCPU time.Duration `json:"server_cpu_ns"`
}

// The phases of a drive.
const (
	warming = iota
	measuring
	over
)

type drive struct {
	job     Job
	callers []Caller
	epoch   time.Time
	phase   atomic.Int32
	failed  atomic.Pointer[error]
}

// Drive makes calls on the callers, one per connection or one for a pool, and
// measures. Every reply is checked, the first one on each connection thoroughly;
// a wrong one ends the drive with an error.
func Drive(callers []Caller, job Job) (Result, error) {
	if err := Check(callers, job.Workload); err != nil {
		return Result{}, err
	}
	d := &drive{job: job, callers: callers, epoch: time.Now()}
	histograms := make([]histogram, job.Workload.Callers)
	var all sync.WaitGroup
	for i := range histograms {
		all.Go(func() { d.loop(i, &histograms[i]) })
	}
	time.Sleep(job.Warm)
	client, server, begin := cpuTime(0), cpuTime(job.ServerPID), time.Now()
	d.phase.Store(measuring)
	time.Sleep(job.Run)
	d.phase.Store(over)
	r := Result{Elapsed: time.Since(begin), ClientCPU: since(client, 0), ServerCPU: since(server, job.ServerPID)}
	all.Wait()
	if err := d.failed.Load(); err != nil {
		return Result{}, *err
	}
	for i := range histograms[1:] {
		histograms[0].merge(&histograms[i+1])
	}
	h := &histograms[0]
	r.Calls, r.P50, r.P99 = h.n, h.quantile(0.5), h.quantile(0.99)
	if r.Calls == 0 {
		return r, fmt.Errorf("no call ended within %v", job.Run)
	}
	return r, nil
}

// Check makes one call on each caller and compares all of its reply.
func Check(callers []Caller, w Workload) error {
	act := w.action()
	for _, c := range callers {
		if err := act(c, true); err != nil {
			return err
		}
	}
	runtime.GC() // what opening and checking left behind is not part of the measurement
	return nil
}

// loop is one caller. With fewer connections than callers it stays on one; with
// more it walks over its share of them. One look at the clock ends a call and begins
// the next: a second one would be part of what is measured.
func (d *drive) loop(i int, h *histogram) {
	act := d.job.Workload.action()
	began := time.Since(d.epoch)
	for at := i; ; at += d.job.Workload.Callers {
		c := d.callers[at%len(d.callers)]
		if len(d.callers) <= d.job.Workload.Callers {
			c = d.callers[i%len(d.callers)]
		}
		if err := act(c, false); err != nil {
			d.failed.CompareAndSwap(nil, &err)
			d.phase.Store(over)
		}
		ended := time.Since(d.epoch)
		switch d.phase.Load() {
		case measuring:
			h.add(ended - began)
		case over:
			return
		}
		began = ended
	}
}

func since(before time.Duration, pid int) time.Duration {
	if before < 0 {
		return -1
	}
	return cpuTime(pid) - before
}
