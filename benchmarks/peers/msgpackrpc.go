package peers

// msgpackRPC is msgpack-rpc-python, the official implementation for Python, with
// call_async for callers that share a connection, as its manual has it.
func msgpackRPC() Peer {
	const oneLoop = "each of its clients has a loop of its own and waits alone"
	return Peer{
		Name:   "msgpack-rpc",
		Title:  "msgpack-rpc-python",
		Server: Server{Python: "msgpackrpc_side"},
		Client: Client{Python: "msgpackrpc_side"},
		Not: map[string]string{
			"64x4": oneLoop, "64x20": oneLoop, "idle": oneLoop,
			"slow": "a method that waits stops its server for all",
		},
	}
}
