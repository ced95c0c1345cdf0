package peers

import "slices"

// All returns the peers in the order of the reports: the limit, this project,
// what a Go program might use instead, what a Python program might, and the floors.
func All() []Peer {
	return slices.Concat([]Peer{raw(), dropIn(), mux()}, serverPeers(), poolPeers(), []Peer{
		netRPCGob(), netRPCJSON(), ugorji(), hashicorp(), grpcUnary(), dRPC(),
		mprpc(), mprpcPool(), msgpackRPC(), zeroRPC(),
		mprpcToDropIn(), dropInToMprpc(),
	}, floors())
}

// onePerConnection is why a client whose calls block the connection does not
// take part where callers share one.
const onePerConnection = "its client is for one call at a time"

// sharedConnection are the workloads in which callers share a connection.
func sharedConnection(reason string) map[string]string {
	return map[string]string{"64x1": reason, "64x4": reason, "64x20": reason, "slow": reason}
}
