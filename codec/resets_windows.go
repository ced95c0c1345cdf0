package codec

import "syscall"

// resets are the system's errors for a connection that the peer has closed:
// WSAECONNRESET and WSAECONNABORTED, which are not syscall's constants.
var resets = []error{syscall.Errno(10054), syscall.Errno(10053)}
