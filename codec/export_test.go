package codec

import "net/rpc"

// SetLastID is the one way to see ids wrap: two thousand million calls are too
// many for a test.
func SetLastID(c rpc.ClientCodec, id uint32) { c.(*client).lastID = id }
