package codec

import (
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// SetLastID is the one way to see ids wrap: two thousand million calls are too
// many for a test.
func SetLastID(c rpc.ClientCodec, id uint32) { c.(*client).ids.Store(uint64(id)) }

// SetSerialID is SetLastID for a SerialConn.
func SetSerialID(c *SerialConn, id uint32) { c.lastID = id }

// ReadAnswer does what a duplex does with an answer, in two steps, between which
// a test cannot come otherwise.
func ReadAnswer(c rpc.ClientCodec, frame []byte) (arrive func()) {
	msg, err := wire.Parse(frame)
	if err != nil {
		panic(err)
	}
	call := c.(*client).answered(msg.Num, false)
	return func() { c.(*client).arrive(arrival{call, msg}) }
}
