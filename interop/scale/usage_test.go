package scale_test

import (
	"fmt"
	"os"
	"runtime"
)

// Usage is what a process takes. It travels from the processes to the test.
type Usage struct {
	Conns      int   `msgpack:"conns"`      // open, at a server
	Goroutines int   `msgpack:"goroutines"` //
	Heap       int64 `msgpack:"heap"`       // bytes in use after a collection
	Stacks     int64 `msgpack:"stacks"`     // bytes of goroutines' stacks
	Resident   int64 `msgpack:"resident"`   // bytes of the process, 0 where that is not known
}

func usage() (u Usage) {
	runtime.GC()
	runtime.GC() // the first fills the pools' second chance, which holds buffers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Goroutines, u.Heap, u.Stacks = runtime.NumGoroutine(), int64(m.HeapAlloc), int64(m.StackInuse)
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident int64
		fmt.Sscan(string(b), &size, &resident)
		u.Resident = resident * int64(os.Getpagesize())
	}
	return u
}

// A share is what one of n connections takes, on average.
type share struct{ goroutines, heap, stacks, resident float64 }

func perConn(before, after Usage, n int) share {
	each := func(before, after int64) float64 { return float64(after-before) / float64(n) }
	return share{
		each(int64(before.Goroutines), int64(after.Goroutines)), each(before.Heap, after.Heap),
		each(before.Stacks, after.Stacks), each(before.Resident, after.Resident),
	}
}

func (s share) String() string {
	return fmt.Sprintf("%.2f goroutines, %.1f KB of heap, %.1f KB of stacks, %.1f KB resident",
		s.goroutines, s.heap/1024, s.stacks/1024, s.resident/1024)
}
