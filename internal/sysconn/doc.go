// Package sysconn makes single system calls on connections of the system, of which none
// waits. What calls them is given to the methods of syscall.RawConn, which keep the
// connection open meanwhile, and wait.
package sysconn
