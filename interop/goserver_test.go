package interop_test

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"sync"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// A loop is a way to serve connections. Each has the same service, and Python
// sees one difference: an error without text, which net/rpc takes for none.
type loop string

const (
	byCodec  loop = "rpc.Server.ServeCodec" // the main loop of a net/rpc program, with the codec of this module
	byServer loop = "rpcutil.Server"        // the same rpc.Server behind a rpcutil.Server
	byMux    loop = "rpcutil.Mux"           // a Mux with the same receivers behind a rpcutil.Server
)

// A goServer is a server in Go that tells a test of its connections.
type goServer struct {
	addr     string
	listener net.Listener
	service  *Service
	server   rpcutil.Server // unless the loop is byCodec
	all      sync.WaitGroup
	accepted chan net.Conn // gets every connection, while there is room
	ended    chan net.Conn // gets every connection that is served to its end
	wrote    chan net.Conn // gets a connection after every write, while there is room

	mu sync.Mutex
	// Protected by mu:
	conns  map[string]net.Conn // by the peer's address
	closed bool
}

func listen(addr string, by loop, options codec.Options) (*goServer, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return listenOn(listener, by, options)
}

// listenOn takes the listener over, also when it fails.
func listenOn(listener net.Listener, by loop, options codec.Options) (*goServer, error) {
	s := &goServer{
		addr: listener.Addr().String(), listener: listener,
		service:  &Service{done: make(chan struct{}), gates: map[string]*gate{}},
		accepted: make(chan net.Conn, 1000), ended: make(chan net.Conn, 1000),
		wrote: make(chan net.Conn, 1000), conns: map[string]net.Conn{},
	}
	options.Logger = quiet
	if by == byMux {
		mux, err := s.mux()
		if err != nil {
			listener.Close()
			return nil, err
		}
		s.serve(mux, options)
		return s, nil
	}
	server, names := rpc.NewServer(), new(rpcutil.Names)
	err := names.Register(server, s.service)
	for name, receiver := range typed {
		err = errors.Join(err, names.RegisterName(server, name, receiver))
	}
	// Names that Python can call and Go cannot declare.
	err = errors.Join(err, names.Alias("écho", "Service.Echo"), names.Alias("エコー", "Service.Echo"))
	if err != nil {
		listener.Close()
		return nil, err
	}
	options.Names = names
	if by == byCodec {
		s.all.Go(func() { s.accept(server, options) })
	} else {
		s.serve(server, options)
	}
	return s, nil
}

// mux has what the rpc.Server has.
func (s *goServer) mux() (*rpcutil.Mux, error) {
	mux := &rpcutil.Mux{Logger: quiet}
	err := mux.Register(s.service)
	for name, receiver := range typed {
		err = errors.Join(err, mux.RegisterName(name, receiver))
	}
	mux.Handle("écho", s.service.Echo)
	mux.Handle("エコー", s.service.Echo)
	return mux, err
}

func (s *goServer) accept(server *rpc.Server, options codec.Options) {
	for {
		conn, err := (watchedListener{s.listener, s}).Accept()
		if err != nil {
			return
		}
		s.all.Go(func() {
			server.ServeCodec(options.NewServerCodec(conn))
			s.forget(conn.RemoteAddr())
		})
	}
}

// serve has rpcutil.Server do all of that.
func (s *goServer) serve(handler rpcutil.Handler, options codec.Options) {
	s.server.Handler, s.server.Codec = handler, options
	s.server.Hooks.ConnClosed = func(info rpcutil.ConnInfo, _ error) { s.forget(info.RemoteAddr) }
	s.all.Go(func() {
		if err := s.server.Serve(watchedListener{s.listener, s}); err != rpcutil.ErrServerClosed {
			panic(fmt.Sprint("Serve returned ", err)) // there is no test here to fail
		}
	})
}

// forget is called when a connection has ended.
func (s *goServer) forget(peer net.Addr) {
	s.mu.Lock()
	conn := s.conns[peer.String()]
	delete(s.conns, peer.String())
	s.mu.Unlock()
	offer(s.ended, conn)
}

// A watchedListener tells of connections.
type watchedListener struct {
	net.Listener
	server *goServer
}

func (l watchedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := l.server
	s.mu.Lock()
	s.conns[conn.RemoteAddr().String()] = conn
	if s.closed {
		conn.Close()
	}
	s.mu.Unlock()
	offer(s.accepted, conn)
	return &servedConn{conn.(*net.TCPConn), s}, nil
}

// A servedConn tells of its writes.
type servedConn struct {
	*net.TCPConn
	server *goServer
}

func (c *servedConn) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	offer(c.server.wrote, c.TCPConn)
	return n, err
}

func offer(c chan net.Conn, conn net.Conn) {
	select {
	case c <- conn:
	default:
	}
}

// Close ends the server and all its connections, and waits for its goroutines.
func (s *goServer) Close() {
	s.server.Close()
	s.listener.Close()
	s.mu.Lock()
	again := s.closed
	s.closed = true
	for _, conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	if !again {
		close(s.service.done)
	}
	s.all.Wait()
}
