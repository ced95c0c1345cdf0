package peers

// mprpc is Python's mprpc, client and server. Its RPCClient is for one greenlet
// at a time, so it has one caller per connection.
func mprpc() Peer {
	return Peer{
		Name:   "mprpc",
		Title:  "mprpc (Python)",
		Server: Server{Python: "mprpc_side"},
		Client: Client{Python: "mprpc_side"},
		Not:    sharedConnection(onePerConnection + "; see its pool"),
	}
}

// mprpcPool is mprpc's RPCPoolClient in a Pool of gsocketpool, which is how its
// manual shares connections. The pool's limit of connections makes acquire fail,
// not wait, so there are as many greenlets as connections: 20.
func mprpcPool() Peer {
	return Peer{
		Name:   "mprpc-pool",
		Title:  "mprpc (Python), gsocketpool, 20 greenlets",
		Server: Server{Python: "mprpc_side"},
		Client: Client{Python: "mprpc_pool_side"},
		Not: map[string]string{
			"64x1": "one connection is one greenlet, see mprpc", "64x4": "four connections are four greenlets",
			"idle": poolsDoNotIdle,
		},
	}
}

// poolsDoNotIdle is why pools do not take part in the workload idle.
const poolsDoNotIdle = "a pool opens no more connections than it has callers"

// mprpcToDropIn is the mprpc client in front of a net/rpc service in Go.
func mprpcToDropIn() Peer {
	return Peer{
		Name:   "mprpc-to-drop-in",
		Title:  "mprpc client (Python) to this project's drop-in server",
		Server: Server{Go: serveDropIn},
		Client: Client{Python: "mprpc_side"},
		Not:    sharedConnection(onePerConnection),
	}
}

// dropInToMprpc is rpc.Client with this project's codec in front of an mprpc
// server, in lock step on each connection.
func dropInToMprpc() Peer {
	return Peer{
		Name:   "drop-in-to-mprpc",
		Title:  "this project's drop-in client to mprpc (Python)",
		Server: Server{Python: "mprpc_side"},
		Client: Client{Go: dialDropIn},
	}
}
