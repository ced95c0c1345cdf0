//go:build !next

package peers

// serverPeers is empty until there is rpcutil.Server.
func serverPeers() []Peer { return nil }
