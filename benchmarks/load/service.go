package load

import "time"

// Bench is the service of every net/rpc server in the comparison.
type Bench struct{}

// SumArgs are the arguments of Sum.
type SumArgs struct{ X, Y int }

// RecordArgs makes a Record one parameter: on the wire of MessagePack-RPC the
// fields of an argument struct are the parameters.
type RecordArgs struct {
	Record Record `msgpack:"record" json:"record" codec:"record"`
}

// items is made once: what is compared is the way to the caller, not the making.
var items = SampleItems(1000)

// Sum adds two numbers.
func (Bench) Sum(args SumArgs, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

// Echo returns what it gets.
func (Bench) Echo(b []byte, reply *[]byte) error {
	*reply = b
	return nil
}

// Record returns what it gets.
func (Bench) Record(args RecordArgs, reply *Record) error {
	*reply = args.Record
	return nil
}

// List returns n items.
func (Bench) List(n int, reply *[]Item) error {
	*reply = items[:n]
	return nil
}

// Slow returns its argument after SlowTime.
func (Bench) Slow(n int, reply *int) error {
	time.Sleep(SlowTime)
	*reply = n
	return nil
}
