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

// RowArgs makes a Row one parameter, as RecordArgs does with a Record.
type RowArgs struct {
	Row Row `msgpack:"row" json:"row" codec:"row"`
}

// The lists are made once: what is compared is the way to the caller, not the making.
var (
	items = SampleItems(1000)
	rows  = SampleRows(1000)
)

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

// Row returns what it gets.
func (Bench) Row(args RowArgs, reply *Row) error {
	*reply = args.Row
	return nil
}

// List returns n items.
func (Bench) List(n int, reply *[]Item) error {
	*reply = items[:n]
	return nil
}

// Rows returns n rows.
func (Bench) Rows(n int, reply *[]Row) error {
	*reply = rows[:n]
	return nil
}

// Slow returns its argument after SlowTime.
func (Bench) Slow(n int, reply *int) error {
	time.Sleep(SlowTime)
	*reply = n
	return nil
}
