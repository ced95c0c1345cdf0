package rpcutil

// gatherShort is how long an answer may be to leave together with others.
const gatherShort = 16 << 10

// answer sends an answer, or has a short one gather until there is nothing more to read
// at once.
func (c *serverConn) answer(call *serverCall, msg []byte) error {
	if !c.leaveMethod(call) {
		c.releaseOf(call)
		c.mu.Lock()
		alone := c.calls == 1
		c.mu.Unlock()
		return c.link.send(msg, alone)
	}
	if len(msg) == 0 { // of a notification
		return nil
	}
	if len(msg) <= gatherShort && c.link.gather(msg) {
		c.gathered = true
		return nil
	}
	return c.write(call, msg)
}

// push sends what has gathered. It reports whether this goroutine has the reading
// still.
func (c *serverConn) push(call *serverCall) bool {
	c.write(call, nil) // an error has ended the connection, which the next read tells
	return call.has
}

// write sends an answer, behind what has gathered, while it has the reading, which may
// be taken meanwhile: a peer that does not read its answers may have more to say.
func (c *serverConn) write(call *serverCall, msg []byte) (err error) {
	c.gathered = false
	c.release() // a peer that does not read keeps nobody else out
	call.holds, call.running = false, true
	c.turn.set(call.number, turnRunning)
	c.beWatched()
	if msg == nil {
		err = c.link.flush()
	} else {
		err = c.link.send(msg, true)
	}
	c.leaveMethod(call)
	return err
}
