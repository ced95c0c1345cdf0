//go:build !unix

package pool

import "net"

// A probe does nothing on this system: MaxIdleTime and Ping are what there is.
type probe struct{}

func newProbe(net.Conn) *probe { return nil }

func (*probe) quiet() bool { return true }
