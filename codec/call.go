package codec

import (
	"context"
	"errors"
	"sync"

	"github.com/go-mprpc/mprpc/codec/value"
)

// Args passes its values as the parameters of a call, one for one; as the
// argument of a method it takes all parameters, whatever they are.
type Args = value.Args

// An Exchange is one call whose failure costs nothing but this call. Passed as
// the args of any rpc.Client on a codec of this package, with a nil reply, it
// makes the codec decode the result into Reply itself, where net/rpc would end
// the whole client for a result that does not fit; and it keeps the error that
// the peer sent, where net/rpc keeps its text alone.
//
//	x := &codec.Exchange{Args: codec.Args{1, 2}, Reply: &sum}
//	err := client.Call("sum", x, nil)
//	if err == nil {
//		err = x.Err
//	}
//
// An error from net/rpc itself means that the call was not sent, or that a call
// without an Exchange has ended the client; Err holds all others. An Exchange
// serves one call.
type Exchange struct {
	// Args holds the arguments; the same rules apply as without an Exchange.
	Args any
	// Reply is a pointer for the result, or nil to drop it.
	Reply any
	// Err is why the call failed, once it is done: a *Error for what the peer
	// reported, otherwise what went wrong on this side or on the way.
	Err error

	mu sync.Mutex // held for moments only; no other lock is acquired under it
	// Protected by mu:
	state exchangeState // exchangeOpen until one of the others wins
	call  *call         // set once the codec has the Exchange
}

type exchangeState int

const (
	exchangeOpen    exchangeState = iota
	exchangeSettled               // the codec stores, or has stored, Reply and Err
	exchangeGivenUp               // nobody stores anything any more
)

// GiveUp ends the caller's interest in the call, with err as its error, and
// reports whether it was in time: then Err is err, nothing writes Reply from
// now on, and a request that is still queued is never sent. Otherwise the
// answer is there and the call is done, or about to be.
//
// rpc.Client's own Done may come later, with the next message or the end of the
// connection. A nil err stands for context.Canceled.
//
// The server is not told; MessagePack-RPC has no message for it. Without
// pipelining a request already in flight still blocks the connection until its
// reply comes or Options.LockStepGrace has passed.
func (x *Exchange) GiveUp(err error) bool {
	if err == nil {
		err = context.Canceled
	}
	x.mu.Lock()
	if x.state != exchangeOpen {
		x.mu.Unlock()
		return false
	}
	// Err is set before anybody can see that the call was given up: whoever
	// does may return it.
	x.state, x.Err = exchangeGivenUp, err
	c := x.call
	x.mu.Unlock()
	if c != nil {
		c.client.gaveUp(c)
	}
	return true
}

func (x *Exchange) givenUp() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state == exchangeGivenUp
}

// begin ties the Exchange to its call. The error says why there is none.
func (x *Exchange) begin(c *call) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.state == exchangeGivenUp:
		return x.Err
	case x.call != nil:
		return errExchangeUsed
	}
	x.call, c.x = c, x
	return nil
}

var errExchangeUsed = errors.New("codec: an Exchange serves one call; this one has had its call")

// fail stores an error unless the outcome is there or the call was given up. It
// reports whether it did.
func (x *Exchange) fail(err error) (won bool) {
	return x.settle(func() error { return err })
}

// settle stores the outcome unless the call was given up, and reports whether it
// did. store may write Reply.
func (x *Exchange) settle(store func() error) (won bool) {
	x.mu.Lock()
	won = x.state == exchangeOpen
	if won {
		x.state = exchangeSettled
	}
	x.mu.Unlock()
	if won {
		x.Err = store()
	}
	return won
}
