//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package python

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// lock takes the lock file name for this process and returns the function that gives it back. The system frees it when
// the process dies, so a crash never leaves it taken; the file itself stays.
func lock(ctx context.Context, name string, progress func(string)) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	// A blocking flock could not be given up when ctx ends.
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("python: locking %s: %w", name, err)
		}
		if !told {
			progress("waiting for another process that sets up the peers")
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("python: waiting for another process that sets up the peers: %w", context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// ownGroup makes the end of cmd's context end the children of cmd too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
