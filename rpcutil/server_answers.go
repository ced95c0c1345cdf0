package rpcutil

// Answers up to gatherShort leave together with others, up to gatherMost.
const (
	gatherShort = 16 << 10
	gatherMost  = 64 << 10
)

// answer sends an answer, or keeps a short one until there is nothing more to read
// at once.
func (c *serverConn) answer(call *serverCall, msg []byte) error {
	if !c.leaveMethod(call) {
		c.releaseOf(call)
		c.mu.Lock()
		alone := c.calls == 1
		c.mu.Unlock()
		return c.link.send(msg, alone)
	}
	if len(c.out) > 0 && (len(msg) > gatherShort || len(c.out)+len(msg) > gatherMost) && !c.push(call) {
		return c.link.send(msg, false)
	}
	if len(msg) > gatherShort {
		return c.send(call, msg)
	}
	c.out = append(c.out, msg...)
	return nil
}

// push sends what has gathered. It reports whether this goroutine has the reading
// still.
func (c *serverConn) push(call *serverCall) bool {
	out := c.out
	c.out = nil
	c.send(call, out) // an error has ended the connection, which the next read tells
	if call.has && cap(out) <= 4<<10 {
		c.out = out[:0]
	}
	return call.has
}

// send writes while it has the reading, which may be taken meanwhile: a peer that
// does not read its answers may have more to say.
func (c *serverConn) send(call *serverCall, msg []byte) error {
	c.release() // a peer that does not read keeps nobody else out
	call.holds, call.running = false, true
	c.turn.set(call.number, turnRunning)
	c.beWatched()
	err := c.link.send(msg, true)
	c.leaveMethod(call)
	return err
}
