package main

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// SumServer is a service as net/rpc programs have it; nothing in it knows of
// MessagePack-RPC.
type SumServer struct{}

// SumArgs are the arguments of Sum; on the wire they are two parameters.
type SumArgs struct {
	X, Y int
}

// Sum adds two numbers.
func (*SumServer) Sum(args SumArgs, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

// User is a result with fields.
type User struct {
	ID   int    `msgpack:"id"`
	Name string `msgpack:"name"`
}

// GetUserByID finds a user.
func (*SumServer) GetUserByID(id int, reply *User) error {
	if id != 7 {
		return fmt.Errorf("no user %d", id)
	}
	*reply = User{7, "Zoë"}
	return nil
}

// server is a net/rpc program's main loop.
type server struct {
	listener net.Listener
	rpc      *rpc.Server
	names    rpcutil.Names
}

// startServer serves SumServer. The server is rpc.DefaultServer, apart from
// tests, which may run more than once in a process.
func startServer(r *rpc.Server) (*server, error) {
	s := &server{rpc: r}
	if err := s.names.Register(r, new(SumServer)); err != nil { // was: rpc.Register(new(SumServer))
		return nil, err
	}
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	go s.accept()
	return s, nil
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go s.rpc.ServeCodec(codec.Options{Names: &s.names}.NewServerCodec(conn)) // was: rpc.ServeConn(conn)
		}
	}
}

func (s *server) addr() string { return s.listener.Addr().String() }
