package peers

// zeroRPC is ZeroRPC for Python. One client may have many calls in flight.
func zeroRPC() Peer {
	return Peer{
		Name:   "zerorpc",
		Title:  "ZeroRPC (Python)",
		Server: Server{Python: "zerorpc_side"},
		Client: Client{Python: "zerorpc_side"},
	}
}
