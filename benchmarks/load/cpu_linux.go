package load

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time of a process, of all its threads and in user and
// system mode together; 0 is this process. It is the sum that getrusage gives,
// to the nanosecond, and Linux gives it for other processes as well: so the
// client reads both ends of the window at one moment, whatever the server is
// written in. The clock's number is that of clock_getcpuclockid.
func cpuTime(pid int) time.Duration {
	if pid == 0 {
		pid = os.Getpid()
	}
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|2), &t) != nil {
		return -1
	}
	return time.Duration(t.Nano())
}
