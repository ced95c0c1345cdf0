package interop_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/rpc"
	"os"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// What follows stands in README.md to the letter; TestReadmeIsCompiled compares.

type SumServer struct{}

type SumArgs struct{ X, Y int }

func (*SumServer) Sum(args SumArgs, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

func main() {
	var names rpcutil.Names
	names.Register(rpc.DefaultServer, new(SumServer)) // was: rpc.Register(new(SumServer))

	listener, err := net.Listen("tcp", "127.0.0.1:6000")
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go rpc.ServeCodec(codec.Options{Names: &names}.NewServerCodec(conn)) // was: rpc.ServeConn(conn)
	}
}

var _ = main // compiled, and run by people: its port is fixed

func Example_readmeClient() {
	conn, err := net.Dial("tcp", "127.0.0.1:6000")
	if err != nil {
		log.Fatal(err)
	}
	client := rpc.NewClientWithCodec(codec.NewClientCodec(conn))
	defer client.Close()

	var sum int
	err = client.Call("sum", codec.Args{1, 2}, &sum)
	fmt.Println(sum, err) // 3 <nil>
}

func Example_readmeServer() {
	ctx := context.Background()
	var mux rpcutil.Mux
	mux.Handle("sum", func(ctx context.Context, x, y int) (int, error) { return x + y, nil })

	server := rpcutil.Server{Handler: &mux}
	go server.ListenAndServe("tcp", "127.0.0.1:6000")
	// ...
	server.Shutdown(ctx)
}

func Example_readmePool() {
	ctx := context.Background()
	p := pool.New(pool.Options{Address: "127.0.0.1:6000"})
	defer p.Close()
	sum, err := pool.Call[int](ctx, p, "sum", 1, 2)
	fmt.Println(sum, err) // 3 <nil>
}

func TestReadmeIsCompiled(t *testing.T) {
	readme := read(t, "../README.md")
	source := words(read(t, "readme_test.go"))
	n := 0
	for i, part := range strings.Split(readme, "```") {
		snippet, isGo := strings.CutPrefix(part, "go\n")
		if i%2 == 0 || !isGo {
			continue
		}
		n++
		if !strings.Contains(source, words(snippet)) {
			t.Errorf("README.md shows what is not compiled here:\n%s", snippet)
		}
	}
	if n == 0 {
		t.Error("no Go in README.md")
	}
}

// words is text without its layout.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
