//go:build !linux

package run

import (
	"context"
	"errors"
)

// KeepAwake says that it cannot be done: only Linux has a priority for processes
// that run when nothing else wants to.
func KeepAwake(context.Context, bool) (func(), error) {
	return nil, errors.New("keeping the machine awake needs Linux; run with -awake=false")
}

func beSpinner(int) error { return errors.New("there are no spinners on this system") }
