package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// An outbound is a connection on which calls are made: what a client codec and a
// SerialConn have in common.
type outbound struct {
	set     *settings
	conn    *transport
	log     *journal
	notices *notices
	reader  *wire.Reader // nil in a duplex, where the duplex reads
}

func (o *outbound) init(set *settings, conn *transport) {
	o.set, o.conn = set, conn
	o.log = newJournal(set.log, conn.remote)
	o.notices = newNotices(set.OnNotify, o.log, set.values.Limits.Message)
}

func (o *outbound) wireName(serviceMethod string) string {
	if o.set.Names == nil {
		return serviceMethod
	}
	return o.set.Names.ToWire(serviceMethod)
}

// callError puts the method in front of an error of this side.
func (o *outbound) callError(method string, err error) error {
	o.log.panicked(method, err)
	return fmt.Errorf("codec: %s: %w", wire.QuoteName(method), err)
}

// notified passes a notification on to OnNotify.
func (o *outbound) notified(msg *wire.Message) error {
	if msg.Problem != "" {
		o.log.warn("notification dropped", "reason", msg.Problem)
		return nil
	}
	name, err := o.set.values.Format.MethodText(msg.Method)
	if err != nil {
		o.log.warn("notification dropped", "reason", err.Error())
		return nil
	}
	return o.notices.add(&Request{
		Method:       name,
		Params:       Params{bytes.Clone(msg.Params), &o.set.values, o.log, name},
		Notification: true,
		RemoteAddr:   o.conn.remote,
		ctx:          o.notices.ctx,
	})
}

// refusal is the answer to a request that has reached a client.
func (o *outbound) refusal(msg *wire.Message) []byte {
	text := msg.Problem
	if text == "" {
		name, err := o.set.values.Format.MethodText(msg.Method)
		if err != nil {
			name = string(msg.Method)
		}
		text = "method not found: " + wire.QuoteName(name)
	}
	return o.set.appendError(nil, msg.ID, &Error{Message: text})
}

// outcome decodes the response to a call of a method.
func (o *outbound) outcome(method string, msg *wire.Message, reply any) error {
	switch {
	case msg.Problem != "":
		return o.callError(method, errors.New(msg.Problem))
	case msg.Error != nil:
		return readError(&o.set.values, msg.Error)
	case reply == nil:
		return nil
	}
	if err := o.set.values.DecodeResult(msg.Result, reply); err != nil {
		return o.callError(method, fmt.Errorf("result: %w", err))
	}
	return nil
}

// noteEnd logs why a connection has ended, and how many responses were to nobody.
func (o *outbound) noteEnd(err error, ignored int) {
	if normal := err == io.EOF || err == rpc.ErrShutdown; !normal || ignored > 0 {
		o.log.ended("client", err, ignored)
	}
}

// lost says what the end of a connection means for a call whose request has left.
func lost(method string, why error) error {
	switch {
	case why == rpc.ErrShutdown:
		return why
	case hangUp(why):
		return &hangUpError{method, why}
	}
	return fmt.Errorf("codec: connection ended before the answer to %s: %w", wire.QuoteName(method), why)
}

// notSent says it for one whose request has not left.
func notSent(method string, why error) error {
	switch {
	case why == rpc.ErrShutdown:
		return why
	case errors.Is(why, io.EOF):
		return fmt.Errorf("%w: %s: connection closed by peer", ErrNotSent, wire.QuoteName(method))
	}
	return fmt.Errorf("%w: %s: %w", ErrNotSent, wire.QuoteName(method), why)
}
