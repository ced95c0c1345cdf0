//go:build !unix

package pool

import "net"

// A roundTrip does not exist on this system: calls are written and read as net.Conn
// does it.
type roundTrip struct{ net.Conn }

func newRoundTrip(net.Conn) *roundTrip { return nil }

func (*roundTrip) begin(bool)          {}
func (*roundTrip) end(err error) error { return err }
