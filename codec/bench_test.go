package codec_test

import (
	"io"
	"net/rpc"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
)

type benchService struct{}

// BenchArgs are the arguments of Sum; net/rpc wants their type exported.
type BenchArgs struct{ X, Y int }

func (benchService) Sum(args BenchArgs, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

// BenchmarkCall makes whole calls through net/rpc over memory. codec=nothing
// shows what net/rpc itself takes, and extra-allocs how much more a codec does:
// the goal for this one is 6, client and server together.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name string
		pair func() (rpc.ClientCodec, rpc.ServerCodec)
	}{{"codec=nothing", nothingPair}, {"codec=mprpc", mprpcPair}} {
		for _, callers := range []struct {
			name string
			n    int
		}{{"/callers=1", 1}, {"/callers=64", 64}} {
			b.Run(c.name+callers.name, func(b *testing.B) {
				extra := allocations(b, c.pair) - allocations(b, nothingPair)
				call, end := benchClient(b, c.pair)
				defer end()
				b.ReportAllocs()
				if callers.n == 1 {
					for b.Loop() {
						call()
					}
				} else {
					b.SetParallelism(callers.n)
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							call()
						}
					})
				}
				b.ReportMetric(extra, "extra-allocs")
			})
		}
	}
}

// allocations counts those of a call on both sides.
func allocations(b *testing.B, pair func() (rpc.ClientCodec, rpc.ServerCodec)) float64 {
	call, end := benchClient(b, pair)
	defer end()
	return testing.AllocsPerRun(1000, call)
}

// benchClient returns a function that makes one call of Sum.
func benchClient(b *testing.B, pair func() (rpc.ClientCodec, rpc.ServerCodec)) (call, end func()) {
	near, far := pair()
	server := rpc.NewServer()
	if err := server.RegisterName("Bench", benchService{}); err != nil {
		b.Fatal(err)
	}
	served := make(chan bool)
	go func() {
		server.ServeCodec(far)
		close(served)
	}()
	client := rpc.NewClientWithCodec(near)
	call = func() {
		var sum int
		if err := client.Call("Bench.Sum", BenchArgs{1, 2}, &sum); err != nil || sum != 3 {
			b.Errorf("sum is %d, %v", sum, err)
		}
	}
	return call, func() {
		client.Close()
		<-served
	}
}

func mprpcPair() (rpc.ClientCodec, rpc.ServerCodec) {
	there, back := newFlow(), newFlow()
	return codec.NewClientCodec(flowEnd{back, there}), codec.NewServerCodec(flowEnd{there, back})
}

// A flow is one direction of a connection in memory, with a buffer as a socket
// has it.
type flow struct {
	more *sync.Cond
	// Protected by more.L:
	bytes  []byte
	closed bool
}

func newFlow() *flow { return &flow{more: sync.NewCond(new(sync.Mutex))} }

func (f *flow) Read(p []byte) (int, error) {
	f.more.L.Lock()
	defer f.more.L.Unlock()
	for len(f.bytes) == 0 {
		if f.closed {
			return 0, io.EOF
		}
		f.more.Wait()
	}
	n := copy(p, f.bytes)
	f.bytes = f.bytes[:copy(f.bytes, f.bytes[n:])]
	return n, nil
}

func (f *flow) Write(p []byte) (int, error) {
	f.more.L.Lock()
	defer f.more.L.Unlock()
	if f.closed {
		return 0, io.ErrClosedPipe
	}
	f.bytes = append(f.bytes, p...)
	f.more.Signal()
	return len(p), nil
}

func (f *flow) close() {
	f.more.L.Lock()
	defer f.more.L.Unlock()
	f.closed = true
	f.more.Broadcast()
}

// A flowEnd is one end of a connection.
type flowEnd struct{ in, out *flow }

func (e flowEnd) Read(p []byte) (int, error)  { return e.in.Read(p) }
func (e flowEnd) Write(p []byte) (int, error) { return e.out.Write(p) }
func (e flowEnd) Close() error                { e.in.close(); e.out.close(); return nil }

// A nothing is a codec that passes Go values on through channels.
type nothing struct {
	requests  chan rpc.Request
	responses chan rpc.Response
	arguments chan BenchArgs
	results   chan int
	over      chan bool
	once      *sync.Once
}

func nothingPair() (rpc.ClientCodec, rpc.ServerCodec) {
	n := nothing{make(chan rpc.Request, 100), make(chan rpc.Response, 100), make(chan BenchArgs, 100),
		make(chan int, 100), make(chan bool), new(sync.Once)}
	return n, nothingServer{n}
}

func (n nothing) WriteRequest(r *rpc.Request, args any) error {
	n.arguments <- args.(BenchArgs)
	n.requests <- *r
	return nil
}

func (n nothing) ReadResponseHeader(r *rpc.Response) error {
	select {
	case *r = <-n.responses:
		return nil
	case <-n.over:
		return io.EOF
	}
}

func (n nothing) ReadResponseBody(reply any) error {
	*reply.(*int) = <-n.results
	return nil
}

func (n nothing) Close() error {
	n.once.Do(func() { close(n.over) })
	return nil
}

type nothingServer struct{ nothing }

func (n nothingServer) ReadRequestHeader(r *rpc.Request) error {
	select {
	case *r = <-n.requests:
		return nil
	case <-n.over:
		return io.EOF
	}
}

func (n nothingServer) ReadRequestBody(args any) error {
	*args.(*BenchArgs) = <-n.arguments
	return nil
}

func (n nothingServer) WriteResponse(r *rpc.Response, result any) error {
	n.results <- *result.(*int)
	n.responses <- *r
	return nil
}
