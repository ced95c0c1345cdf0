package rpcutil_test

import "net/rpc"

// The services that the tests register. What their methods do does not matter, only how they are called.

type (
	SumServer struct{}
	User      struct{}
	Order     struct{}
	Device    struct{}
	Twins     struct{} // methods with equal snake forms
	Math      struct{} // a capital without a small letter
	ByValue   struct{} // methods on the value
	Nothing   struct{} // no method that net/rpc serves
	hidden    struct{} // not exported
)

type Args struct{ X, Y int }

func (*SumServer) Sum(args *Args, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

func (*User) Get(id int, reply *string) error         { return nil }
func (*User) GetUserByID(id int, reply *string) error { return nil }

func (*Order) Get(id int, reply *string) error { return nil }

func (*Device) Get(id int, reply *string) error   { return nil }
func (*Device) Reset(id int, reply *string) error { return nil }

func (*Twins) GetID(id int, reply *string) error { return nil }
func (*Twins) GetId(id int, reply *string) error { return nil }
func (*Twins) Other(id int, reply *string) error { return nil }

func (*Math) 𝐀_b(id int, reply *string) error { return nil } // its Go name looks like the snake form of the next
func (*Math) 𝐀B(id int, reply *string) error  { return nil }

func (ByValue) Do(id int, reply *string) error { return nil }

func (*Nothing) Do() {}

func (*hidden) Do(id int, reply *string) error { return nil }

// Shapes has a method of every shape that net/rpc judges.
type Shapes struct{}

type private struct{}

func (*Shapes) Plain(args int, reply *string) error                 { return nil }
func (*Shapes) Pointers(args *int, reply *string) error             { return nil }
func (*Shapes) PointerToPointer(args **int, reply **string) error   { return nil }
func (*Shapes) Slice(args []int, reply *[]string) error             { return nil }
func (*Shapes) HiddenElem(args []private, reply *[]private) error   { return nil }
func (*Shapes) Exported(args rpc.Request, reply *rpc.Request) error { return nil }
func (*Shapes) Anonymous(args struct{}, reply *struct{}) error      { return nil }
func (*Shapes) Any(args any, reply *any) error                      { return nil }

func (*Shapes) HiddenArgs(args private, reply *string) error          { return nil }
func (*Shapes) HiddenReply(args int, reply *private) error            { return nil }
func (*Shapes) ReplyByValue(args int, reply string) error             { return nil }
func (*Shapes) ReplyMap(args int, reply map[string]int) error         { return nil }
func (*Shapes) NoReply(args int) error                                { return nil }
func (*Shapes) Four(args int, more int, reply *string) error          { return nil }
func (*Shapes) Nothing(args int, reply *string)                       {}
func (*Shapes) TwoResults(args int, reply *string) (int, error)       { return 0, nil }
func (*Shapes) OtherError(args int, reply *string) *rpc.ServerError   { return nil }
func (*Shapes) Variadic(args int, reply ...*string) error             { return nil }
func (*Shapes) ReplyInterface(args int, reply interface{ M() }) error { return nil }
func (*Shapes) unexported(args int, reply *string) error              { return nil }

var _ = (*Shapes).unexported // used by being there
