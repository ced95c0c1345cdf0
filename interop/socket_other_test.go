//go:build !unix

package interop_test

import (
	"net"
	"testing"
)

func socketOption(*testing.T, *net.TCPConn, int, int) (value int, known bool) { return 0, false }
