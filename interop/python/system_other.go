//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package python

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// lock fails: without a file lock two processes could build the same environment, and the recipe needs a Unix
// compiler anyway.
func lock(context.Context, string, func(string)) (unlock func(), err error) {
	return nil, fmt.Errorf("%w: there is no recipe for %s; use Linux, macOS or a BSD", ErrMissing, runtime.GOOS)
}

func ownGroup(*exec.Cmd) {}
