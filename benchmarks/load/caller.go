package load

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
)

// A Caller makes calls on one connection, or on a pool of them, for any number
// of goroutines. The methods with structs exist as whole actions, because some peers have
// types of their own; thorough asks for a comparison of every field, otherwise
// they look at the ends only.
type Caller interface {
	Sum(x, y int) (int, error)
	Echo(b []byte) ([]byte, error)
	Mirror(thorough bool) error
	MirrorRow(thorough bool) error
	List(n int, thorough bool) error
	Rows(n int, thorough bool) error
	Slow(n int) (int, error)
}

// Invoke is a call in the manner of net/rpc.
type Invoke func(method string, args, reply any) error

// NetRPC makes a Caller of the service Bench from a function like rpc.Client.Call.
func NetRPC(call Invoke) Caller {
	return netRPC{call, RecordArgs{SampleRecord()}, RowArgs{SampleRow()}}
}

type netRPC struct {
	call   Invoke
	record RecordArgs
	row    RowArgs
}

func (c netRPC) Sum(x, y int) (sum int, err error) {
	err = c.call("Bench.Sum", SumArgs{x, y}, &sum)
	return sum, err
}

func (c netRPC) Echo(b []byte) (reply []byte, err error) {
	err = c.call("Bench.Echo", b, &reply)
	return reply, err
}

func (c netRPC) Mirror(thorough bool) error {
	var reply Record
	if err := c.call("Bench.Record", c.record, &reply); err != nil {
		return err
	}
	sent := &c.record.Record
	if reply.ID != sent.ID || !bytes.Equal(reply.Digest, sent.Digest) || thorough && !reflect.DeepEqual(reply, *sent) {
		return fmt.Errorf("record: got %+v", reply)
	}
	return nil
}

func (c netRPC) MirrorRow(thorough bool) error {
	var reply Row
	if err := c.call("Bench.Row", c.row, &reply); err != nil {
		return err
	}
	sent := &c.row.Row
	if reply.ID != sent.ID || len(reply.Attrs) != len(sent.Attrs) || thorough && !sameRow(&reply, sent) {
		return fmt.Errorf("row: got %+v", reply)
	}
	return nil
}

func (c netRPC) List(n int, thorough bool) error {
	var reply []Item
	if err := c.call("Bench.List", n, &reply); err != nil {
		return err
	}
	if len(reply) != n || reply[n-1].ID != int64(n-1) || thorough && !reflect.DeepEqual(reply, items[:n]) {
		return fmt.Errorf("list: got %d items, not what was asked for", len(reply))
	}
	return nil
}

func (c netRPC) Rows(n int, thorough bool) error {
	var reply []Row
	if err := c.call("Bench.Rows", n, &reply); err != nil {
		return err
	}
	same := func(a, b Row) bool { return sameRow(&a, &b) }
	if len(reply) != n || reply[n-1].ID != int64(n-1) || thorough && !slices.EqualFunc(reply, rows[:n], same) {
		return fmt.Errorf("rows: got %d rows, not what was asked for", len(reply))
	}
	return nil
}

func (c netRPC) Slow(n int) (reply int, err error) {
	err = c.call("Bench.Slow", n, &reply)
	return reply, err
}

// action returns a function that makes one call of the workload and checks its
// reply.
func (w Workload) action() func(c Caller, thorough bool) error {
	switch w.Op {
	case Sum:
		return func(c Caller, _ bool) error { return want("sum(1, 2)", 3)(c.Sum(1, 2)) }
	case Slow:
		return func(c Caller, _ bool) error { return want("slow(7)", 7)(c.Slow(7)) }
	case Mirror:
		return func(c Caller, thorough bool) error { return c.Mirror(thorough) }
	case MirrorRow:
		return func(c Caller, thorough bool) error { return c.MirrorRow(thorough) }
	case List:
		return func(c Caller, thorough bool) error { return c.List(w.Size, thorough) }
	case Rows:
		return func(c Caller, thorough bool) error { return c.Rows(w.Size, thorough) }
	case Echo:
		payload := Payload(w.Size)
		return func(c Caller, _ bool) error {
			reply, err := c.Echo(payload)
			if err == nil && !bytes.Equal(reply, payload) {
				err = fmt.Errorf("echo: got %d bytes, not those that were sent", len(reply))
			}
			return err
		}
	}
	panic("load: no such method: " + string(w.Op))
}

func want(what string, n int) func(int, error) error {
	return func(got int, err error) error {
		if err == nil && got != n {
			err = fmt.Errorf("%s: got %d, want %d", what, got, n)
		}
		return err
	}
}
