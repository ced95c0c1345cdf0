package peers

import (
	"net"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// floorPool is raw as a pool must do it: whoever waits longest gets the next free
// connection. The callers of raw stay with a connection each and wait for that
// one, and one that has just had it may have it again before those that wait.
func floorPool() Peer {
	return poolOfRaw("floor-pool", "the same bytes over a pool of connections, first come, first served",
		func(c *rawCaller) exchanges { return c.exchange })
}

// poolOfRaw makes the exchanges of a pool with the function that ready returns
// for a connection.
func poolOfRaw(name, title string, ready func(*rawCaller) exchanges) Peer {
	return Peer{
		Name:   name,
		Title:  title,
		Server: Server{Go: func(l net.Listener) error { return serveEach(l, serveRaw) }},
		Client: Client{Go: func(addr string, w load.Workload) ([]load.Caller, func(), error) {
			script, err := newScript(w)
			if err != nil {
				return nil, nil, err
			}
			use, closeAll, err := fairly(addr, w, func(conn net.Conn) exchanges { return ready(newRawCaller(conn, script)) })
			call := func() error { return use(func(exchange exchanges) error { return exchange() }) }
			return []load.Caller{exchanges(call)}, closeAll, err
		}},
		Not: only("serial", "64x4", "64x20"),
	}
}

// fairly opens the connections of a pool and makes a T of each. use calls a function
// with the next that is free: a channel wakes its receivers in their order.
func fairly[T any](addr string, w load.Workload, ready func(net.Conn) T) (use func(func(T) error) error, closeAll func(), err error) {
	free := make(chan T, w.Conns)
	use = func(f func(T) error) error {
		t := <-free
		err := f(t)
		free <- t
		return err
	}
	_, closeAll, err = dialEach(addr, w, func(conn net.Conn) (load.Caller, func() error) {
		free <- ready(conn)
		return nil, conn.Close
	})
	return use, closeAll, err
}
