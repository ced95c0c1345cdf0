// Package sysconn makes single system calls on connections of the system, of which none
// waits. What calls them is given to the methods of syscall.RawConn, which keep the
// connection open meanwhile, and wait. It is internal, as it is for packages codec and pool
// alone: what they do with it is no promise.
package sysconn

import "net"

// Above is a connection of this module that writes the bytes it is given as they are, on
// the one below it.
type Above interface{ Below() Below }

// Below is a type of its own so that no connection from elsewhere is an Above.
type Below net.Conn
