//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package python

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLockIsFreedByACrash holds the lock in another process, which takes no leave.
func TestLockIsFreedByACrash(t *testing.T) {
	const variable = "MPRPC_TEST_HOLD_LOCK"
	if name := os.Getenv(variable); name != "" {
		if _, err := lock(context.Background(), name, func(string) {}); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("held\n")
		select {}
	}
	name := filepath.Join(t.TempDir(), "lock")
	holder := exec.Command(os.Args[0], "-test.run=^TestLockIsFreedByACrash$")
	holder.Env = append(os.Environ(), variable+"="+name)
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer holder.Process.Kill()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("holder says %q, %v", line, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	if _, err := lock(ctx, name, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Fatalf("lock held elsewhere, and a context that ends: %v", err)
	}
	waiting := 0
	unlock, err := lock(t.Context(), name, func(string) {
		waiting++
		if err := holder.Process.Kill(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if waiting != 1 {
		t.Errorf("told %d times that it waits, want once", waiting)
	}
}
