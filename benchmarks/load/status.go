package load

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// A Status is what a server process says about itself when it is asked.
type Status struct {
	PID int `json:"pid"`
	// RSS is its resident memory.
	RSS int64 `json:"rss"`
	// Go is the memory in live objects and in stacks, after a collection; 0 from
	// a process that is not Go.
	Go int64 `json:"go"`
}

// OwnStatus is the status of this process. It collects garbage first, twice,
// because what sync.Pool keeps survives one collection.
func OwnStatus() Status {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Status{PID: os.Getpid(), RSS: residentMemory(), Go: int64(m.HeapAlloc + m.StackInuse)}
}

// residentMemory reads it from the proc file system; 0 where there is none.
func residentMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Fscan(strings.NewReader(string(text)), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
