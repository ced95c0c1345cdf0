//go:build !windows && !plan9

package codec

import "syscall"

// resets are the system's errors for a connection that the peer has closed.
var resets = []error{syscall.ECONNRESET, syscall.EPIPE}
