//go:build !linux

package load

import "time"

// cpuTime says that it is not known: other systems do not give the time of
// another process to everyone.
func cpuTime(int) time.Duration { return -1 }
