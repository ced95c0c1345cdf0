package rpcutil_test

import (
	"context"
	"net"
	"net/rpc"
	"strconv"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// BenchmarkServer compares what serves the same calls: net/rpc's own loop, a Server
// with the same service, and one with a Mux. In "apart" every method runs on a
// goroutine of its own, as in a Server without the quick path. Client and server
// share the process: package benchmarks measures them in two.
func BenchmarkServer(b *testing.B) {
	server, names := rpc.NewServer(), new(rpcutil.Names)
	if err := names.Register(server, new(Clerk)); err != nil {
		b.Fatal(err)
	}
	o := codec.Options{Names: names}
	serves := map[string]func(net.Conn){
		"codec":  func(c net.Conn) { server.ServeCodec(o.NewServerCodec(c)) },
		"Server": func(c net.Conn) { (&rpcutil.Server{Handler: server, Codec: o}).ServeConn(c) },
		"apart":  func(c net.Conn) { (&rpcutil.Server{Handler: apart{server}, Codec: o}).ServeConn(c) },
		"Mux":    func(c net.Conn) { (&rpcutil.Server{Handler: muxOfSum()}).ServeConn(c) },
	}
	for _, name := range []string{"codec", "Server", "apart", "Mux"} {
		for _, callers := range []int{1, 64} {
			b.Run("server="+name+"/callers="+strconv.Itoa(callers), func(b *testing.B) {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				served := make(chan struct{})
				go func() {
					if conn, err := l.Accept(); err == nil {
						serves[name](conn)
					}
					close(served)
				}()
				client, err := rpcutil.Dial(context.Background(), "tcp", l.Addr().String(), rpcutil.ClientOptions{})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				b.ResetTimer()
				var all sync.WaitGroup
				for w := range callers {
					all.Go(func() {
						for i := w; i < b.N; i += callers {
							var sum int
							if err := client.Call("sum", codec.Args{i, 1}, &sum); err != nil || sum != i+1 {
								b.Error(sum, err)
								return
							}
						}
					})
				}
				all.Wait()
				b.StopTimer()
				client.Close()
				<-served
				l.Close()
			})
		}
	}
}

// apart has each call served on a goroutine of its own.
type apart struct{ rpcutil.Handler }

func (a apart) ServeRequest(c rpc.ServerCodec) error {
	return a.Handler.ServeRequest(handingOver{c, make(chan struct{})})
}

// handingOver lets the method begin on another goroutine than the one that reads:
// what starting one and waiting for it costs.
type handingOver struct {
	rpc.ServerCodec
	begun chan struct{}
}

func (h handingOver) ReadRequestBody(body any) error {
	err := h.ServerCodec.ReadRequestBody(body)
	go close(h.begun)
	<-h.begun
	return err
}
