//go:build linux || darwin

package scale_test

import "syscall"

// descriptors asks for so many descriptors for this process and returns how many
// it may have.
func descriptors(want int) int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return want
	}
	if n := uint64(want); r.Cur < n {
		// Beyond the hard limit root may go, where the system lets it.
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: max(r.Max, n)}) != nil {
			syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: r.Max, Max: r.Max})
		}
		syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r)
	}
	return int(min(uint64(want), r.Cur))
}
