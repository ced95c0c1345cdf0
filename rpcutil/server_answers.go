package rpcutil

import "github.com/go-mprpc/mprpc/codec"

// gatherShort is how long an answer may be to leave together with others.
const gatherShort = 16 << 10

// answer sends an answer of MessagePack-RPC, or has a short one gather until there is
// nothing more to read at once.
func (c *serverConn) answer(call *serverCall, conn *codec.ServerConn, msg []byte) error {
	if !c.leaveMethod(call) {
		c.releaseOf(call)
		c.mu.Lock()
		alone := c.calls == 1
		c.mu.Unlock()
		return conn.Send(msg, alone)
	}
	if len(msg) == 0 { // of a notification
		return nil
	}
	if len(msg) <= gatherShort && conn.Gather(msg) {
		c.gathered = conn
		return nil
	}
	return c.write(call, func() error { return conn.Send(msg, true) })
}

// push sends what has gathered. It reports whether this goroutine has the reading
// still.
func (c *serverConn) push(call *serverCall) bool {
	c.write(call, c.gathered.Flush) // an error has ended the connection, which the next read tells
	return call.has
}

// write sends what has gathered, and maybe an answer, while it has the reading, which may
// be taken meanwhile: a peer that does not read its answers may have more to say.
func (c *serverConn) write(call *serverCall, send func() error) error {
	c.gathered = nil
	c.release() // a peer that does not read keeps nobody else out
	call.holds, call.running = false, true
	c.turn.set(call.number, turnRunning)
	c.beWatched()
	err := send()
	c.leaveMethod(call)
	return err
}
