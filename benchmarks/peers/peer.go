package peers

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// A Peer is a way to make remote calls.
type Peer struct {
	Name   string // for the command line
	Title  string // for people
	Server Server
	Client Client
	// Not has the workloads that the peer cannot do, with the reasons.
	Not map[string]string
	// Floor says that it is not a way to make calls but a bound, see floors.
	Floor bool
}

// A Server is a server program: a function that serves a listener, or the name
// of a Python module in the folder python.
type Server struct {
	Go     func(net.Listener) error
	Python string
}

// A Client is a client program: a function that opens the connections of a
// workload, or the name of a Python module in the folder python. The function
// returns a Caller for each connection, or one for all if it is a pool.
type Client struct {
	Go     func(addr string, w load.Workload) (callers []load.Caller, closeAll func(), err error)
	Python string
}

// Find returns the peer of that name.
func Find(name string) (Peer, error) {
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
	}
	var names []string
	for _, p := range All() {
		names = append(names, p.Name)
	}
	return Peer{}, fmt.Errorf("no peer %q; there are %s", name, strings.Join(names, ", "))
}

// NeedsPython reports whether one of the two programs is in Python.
func (p Peer) NeedsPython() bool { return p.Server.Python != "" || p.Client.Python != "" }

// serveEach serves every connection on a goroutine of its own, which is the loop
// of the manuals of all net/rpc codecs.
func serveEach(l net.Listener, serve func(net.Conn)) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go serve(conn)
	}
}

// dialEach opens the connections of a workload one by one.
func dialEach(addr string, w load.Workload, client func(net.Conn) (load.Caller, func() error)) ([]load.Caller, func(), error) {
	var callers []load.Caller
	var closers []func() error
	closeAll := func() {
		for _, c := range closers {
			c() // an error would say that it is closed already
		}
	}
	for range w.Conns {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		caller, closer := client(conn)
		callers, closers = append(callers, caller), append(closers, closer)
	}
	return callers, closeAll, nil
}
