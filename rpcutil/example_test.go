package rpcutil_test

import (
	"fmt"
	"net/rpc"

	"github.com/go-mprpc/mprpc/rpcutil"
)

// One line registers a receiver with net/rpc and names its methods; the other, codec.Options{Names: &names}.ServeConn(conn),
// makes the connections use the names.
func ExampleNames_Register() {
	var names rpcutil.Names
	if err := names.Register(rpc.DefaultServer, new(SumServer)); err != nil {
		fmt.Println(err)
	}
	for _, wire := range []string{"sum", "SumServer.Sum", "sum_server.sum", "minus"} {
		goName, ok := names.FromWire(wire)
		fmt.Printf("%s: %q %t\n", wire, goName, ok)
	}
	// Output:
	// sum: "SumServer.Sum" true
	// SumServer.Sum: "SumServer.Sum" true
	// sum_server.sum: "SumServer.Sum" true
	// minus: "" false
}

// A receiver that another part of the program has registered, under a name of its own.
func ExampleNames_Add() {
	server := rpc.NewServer()
	if err := server.RegisterName("calc", new(SumServer)); err != nil {
		fmt.Println(err)
	}

	var names rpcutil.Names
	if err := names.Add("calc", new(SumServer)); err != nil {
		fmt.Println(err)
	}
	goName, _ := names.FromWire("sum")
	fmt.Println(goName)
	// Output: calc.Sum
}

// A client that knows no receivers says which names it wants; all others are sent as they are.
func ExampleNames_Alias() {
	var names rpcutil.Names
	if err := names.Alias("sum", "SumServer.Sum"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(names.ToWire("SumServer.Sum"))
	fmt.Println(names.ToWire("nvim_get_mode"))
	// Output:
	// sum
	// nvim_get_mode
}

// Two services with a method of the same name keep their qualified names, until an alias gives the bare name to one of them.
func ExampleNames_Explain() {
	var names rpcutil.Names
	if err := names.Add("", new(User)); err != nil {
		fmt.Println(err)
	}
	if err := names.Add("", new(Order)); err != nil {
		fmt.Println(err)
	}
	fmt.Println(names.Explain("get"))
	fmt.Println(names.ToWire("Order.Get"))

	if err := names.Alias("get", "User.Get"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(names.FromWire("get"))
	// Output:
	// method not found: get is ambiguous, use user.get or order.get
	// order.get
	// User.Get true
}

func Example_snakeCase() {
	fmt.Println(rpcutil.SnakeCase.ToWire("SumServer.Sum"))
	fmt.Println(rpcutil.SnakeCase.ToWire("User.GetUserByID"))
	fmt.Println(rpcutil.SnakeCase.ToWire("nvim_get_mode"))
	// Output:
	// sum
	// get_user_by_id
	// nvim_get_mode
}
