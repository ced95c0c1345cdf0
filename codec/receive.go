package codec

import (
	"fmt"
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// ReadResponseHeader waits for the response to a call. Once the connection has
// ended it first reports, one by one, the calls made through an Exchange, each
// with an error of its own, and returns an error only then: what net/rpc gives
// to all others.
func (c *client) ReadResponseHeader(resp *rpc.Response) error {
	return c.readResponse(resp, false)
}

// readResponse takes the next response from where it arrives.
func (c *client) readResponse(resp *rpc.Response, forwarded bool) error {
	c.body = nil
	for {
		if seq, ok := c.nextDropped(); ok {
			resp.Seq = seq
			return nil
		}
		var a arrival
		switch {
		case c.readErr != nil:
		case forwarded:
			c.readErr = c.nextForwarded(&a)
		default:
			c.readErr = c.next(&a)
		}
		switch {
		case c.readErr != nil:
			return c.finish(resp, c.readErr)
		case a.call != nil:
			c.deliver(resp, &a)
			return nil
		}
	}
}

// nextDirect is next for a ClientConn, which has nothing to report to net/rpc.
func (c *client) nextDirect(a *arrival) error {
	if c.reader == nil {
		return c.nextOf(&c.arrived, false, a)
	}
	return c.next(a)
}

// next reads one message into a, which has no call then if the message answers none.
func (c *client) next(a *arrival) error {
	if c.reader == nil {
		return c.nextArrival(a)
	}
	frame, err := nextFrame(c.reader)
	if err != nil {
		return err
	}
	if a.msg, err = wire.Parse(frame); err != nil {
		return err
	}
	a.call = nil
	switch {
	case a.msg.Type == wire.Response:
		c.noteCrowd(c.reader.Buffered() > 0)
		a.call = c.answered(a.msg.Num, wire.IsHello(frame))
		return nil
	case a.msg.Type == wire.Notification:
		return c.notified(&a.msg)
	default:
		return c.refuse(&a.msg)
	}
}

// noteCrowd is told of each response whether more has arrived behind it. Where
// responses arrive together their callers call again together, and the first of
// them, who finds nobody else's call, is about to be followed.
func (c *client) noteCrowd(more bool) {
	if crowded := more || c.more; crowded != c.crowded.Load() {
		c.crowded.Store(crowded)
	}
	c.more = more
}

// refuse answers a request that reached a client.
func (c *client) refuse(msg *wire.Message) error {
	if !c.w.offer(c.refusal(msg), false) {
		return errNotReading
	}
	return nil
}

// deliver reports a response to net/rpc. A call through an Exchange is settled
// here and reported as a success without a body.
func (c *client) deliver(resp *rpc.Response, a *arrival) {
	resp.Seq = a.call.seq
	if x := a.call.x; x != nil {
		x.settle(func() error { return c.outcome(a.call.method, &a.msg, x.Reply) })
		return
	}
	switch {
	case a.msg.Problem != "":
		resp.Error = a.msg.Problem
	case a.msg.Error != nil:
		resp.Error = readError(&c.set.values, a.msg.Error).Error()
	default:
		c.body = a.msg.Result
	}
	c.spareCalls.Put(a.call)
}

// ReadResponseBody decodes the result of a plain call. net/rpc ends the client
// on an error, so the connection is closed first; and as it does not come back
// for the calls made through an Exchange, they are told here.
func (c *client) ReadResponseBody(reply any) error {
	if reply == nil || c.body == nil {
		return nil
	}
	err := c.set.values.DecodeResult(c.body, reply)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("codec: result does not fit %T, and net/rpc ends the connection for that; codec.Exchange does not: %w", reply, err)
	c.fail(err)
	for {
		call, err := c.nextFailed()
		if call == nil {
			break
		}
		call.x.fail(err)
	}
	return err
}

// finish takes the connection down and reports its calls.
func (c *client) finish(resp *rpc.Response, err error) error {
	c.fail(err)
	call, err := c.nextFailed()
	if call == nil {
		return err
	}
	resp.Seq = call.seq
	call.x.fail(err)
	return nil
}
