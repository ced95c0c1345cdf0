package rpcutil

import (
	"errors"
	"fmt"
	"net/rpc"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Names is the table of the names that methods have on the wire and in Go: get_user_by_id on the wire, User.GetUserByID for
// net/rpc. It is a codec.NameMapper for servers and clients. The package documentation lists the names on offer.
//
// The zero value is an empty table, ready to use: as a server's mapper it finds nothing, as a client's it sends every name as
// it is. With a table nothing outside it is reachable on a server, whatever else the rpc.Server has.
//
// All methods may be called at any time and from any goroutine; a connection sees a change at its next call. FromWire, ToWire
// and Explain take no lock and allocate nothing. A Names must not be copied after its first use.
type Names struct {
	// mu makes one change at a time. Readers do not take it: they load table, which is replaced whole and never changed.
	mu    sync.Mutex
	table atomic.Pointer[table]
}

// Register calls server.Register(rcvr), which serves rcvr under the name of its type, and adds its methods to the table. A nil
// server is rpc.DefaultServer, so that names.Register(nil, rcvr) takes the place of rpc.Register(rcvr).
//
// It is an error if net/rpc refuses the receiver, which is then not in the table, or if the table does, for the reasons of
// [Names.Add]; net/rpc is then not called.
func (n *Names) Register(server *rpc.Server, rcvr any) error {
	// net/rpc would panic.
	if v := reflect.ValueOf(rcvr); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("rpcutil: the receiver is a nil %v", v.Type())
	}
	return n.add("", rcvr, func() error { return orDefault(server).Register(rcvr) })
}

// RegisterName is like [Names.Register], but serves rcvr under the given name instead of its type's.
func (n *Names) RegisterName(server *rpc.Server, name string, rcvr any) error {
	if name == "" {
		return errors.New("rpcutil: RegisterName needs a name for the service")
	}
	return n.add(name, rcvr, func() error { return orDefault(server).RegisterName(name, rcvr) })
}

// Add adds the methods of rcvr to the table and no more: for a receiver that was registered elsewhere, and for a client that
// shares the type with its server. The name is the one given to rpc.RegisterName; an empty name stands for the name of the
// type, as in rpc.Register. Only the type of rcvr matters: (*SumServer)(nil) will do.
//
// It is an error if rcvr is nil or has no method that net/rpc would serve, if name is empty and the type has no exported name,
// if another type was added under the same name, if a qualified name of one of the methods already means a method of another
// service or is an alias for one, and if an alias names a method that the service turns out not to have. After an error the
// table is as it was before. Adding a type again under the same name changes nothing and is no error: one table may serve several servers.
func (n *Names) Add(name string, rcvr any) error {
	return n.add(name, rcvr, func() error { return nil })
}

// Alias adds a wire name for a method, which keeps its other names. Where an alias and a derived bare name are equal, the alias
// wins; a client sends the first alias of a method instead of a derived name, because the user asked for it:
//
//	names.Alias("plus", "SumServer.Sum") // plus reaches Sum; so does sum
//	names.Alias("get", "User.Get")       // although Order has a Get, too
//
// The service need not be in the table: a client often knows no receivers, and a server may add them later. If it never does,
// the alias is on offer all the same and net/rpc decides whether such a method exists.
//
// It is an error if goName is not of the form Service.Method, if wire is empty, if wire is already an alias or a qualified name
// of another method, and if the service is in the table without such a method. After an error the table is as it was before.
// Adding an alias again changes nothing.
func (n *Names) Alias(wire, goName string) error {
	if wire == "" {
		return fmt.Errorf("rpcutil: the alias for %s is empty", goName)
	}
	// The likeliest mistake is the two names in the wrong order.
	if dot := strings.LastIndexByte(goName, '.'); dot <= 0 || dot == len(goName)-1 {
		return fmt.Errorf("rpcutil: alias %s: %q is not of the form Service.Method", wire, goName)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.current()
	for _, a := range old.aliases {
		if a.wire != wire {
			continue
		}
		if a.goName == goName {
			return nil
		}
		return fmt.Errorf("rpcutil: alias %s for %s: it is an alias for %s already", wire, goName, a.goName)
	}
	next, err := newTable(old.services, append(slices.Clip(old.aliases), alias{wire, goName}))
	if err != nil {
		return err
	}
	n.table.Store(next)
	return nil
}

// FromWire finds the Go name, Service.Method, for a name on the wire. It finds nothing for a name that is not in the table or
// that two methods share; [Names.Explain] tells the two apart.
func (n *Names) FromWire(wire string) (goName string, ok bool) {
	goName, ok = n.current().fromWire[wire]
	return goName, ok
}

// ToWire gives the name that a client sends for a Go name: the first alias of the method, else its bare name (sum), else, if
// that is shared, the qualified one (user.get). A name that is not the Go name of a method in the table is sent as it is.
func (n *Names) ToWire(goName string) (wire string) {
	if wire, ok := n.current().toWire[goName]; ok {
		return wire
	}
	return goName
}

// Explain gives the text for the caller of a wire name that FromWire does not find although methods have it, because there are
// several: "method not found: get is ambiguous, use user.get or order.get". It is empty for every other name. A server codec
// sends it as the error of the call.
func (n *Names) Explain(wire string) string { return n.current().explain[wire] }

// add puts a service into the table if both the table and register, which hands it to net/rpc, accept it.
func (n *Names) add(name string, rcvr any, register func() error) error {
	s, err := newService(name, rcvr)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	next, err := n.current().with(s)
	if err != nil {
		return err
	}
	// net/rpc never takes back a registration, so it comes last of what can fail. Until the table is stored its methods are
	// served but not yet found, never the reverse.
	if err := register(); err != nil {
		return err
	}
	n.table.Store(next)
	return nil
}

// current gives the table, never nil: the zero Names has an empty one.
func (n *Names) current() *table {
	if t := n.table.Load(); t != nil {
		return t
	}
	return &emptyTable
}

var emptyTable table

func orDefault(server *rpc.Server) *rpc.Server {
	if server == nil {
		return rpc.DefaultServer
	}
	return server
}
