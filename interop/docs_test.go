package interop_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// What the pages in docs show stands here, about servers in docs_server_test.go and about pools in pool_docs_test.go,
// perhaps wrapped otherwise; TestDocsAreCompiled compares.

func askForSum(ctx context.Context, address string) (int, error) {
	client, err := rpcutil.Dial(ctx, "tcp", address, rpcutil.ClientOptions{})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	return rpcutil.Call[int](ctx, client, "sum", 1, 2)
}

func askCalculator(address string) (sum int, err error) {
	client, err := codec.Options{Names: rpcutil.SnakeCase}.Dial("tcp", address) // was: rpc.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	err = client.Call("Calculator.Sum", Addition{1, 2}, &sum)
	return sum, err
}

func askPool(ctx context.Context, address string) (sum int, err error) {
	p := pool.New(pool.Options{Address: address})
	defer p.Close()

	err = p.Do(ctx, func(c *pool.Conn) error { // with client_pool.connection() as client:
		return c.Call(ctx, "sum", codec.Args{1, 2}, &sum)
	})
	if err != nil {
		return 0, err
	}
	return pool.Call[int](ctx, p, "sum", 1, 2) // the same where one call is all
}

var westEuropean = codec.Options{
	EncodeText: charmap.ISO8859_1.NewEncoder().Bytes, // pack_encoding='latin-1'
	DecodeText: charmap.ISO8859_1.NewDecoder().Bytes, // unpack_encoding='latin-1'
}

func dialWithOptions(ctx context.Context, address string) (*rpcutil.Client, error) {
	dialer := net.Dialer{KeepAlive: -1} // keep_alive=False
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn.(*net.TCPConn).SetNoDelay(false)                                                // tcp_no_delay=False
	fmt.Println(conn.RemoteAddr())                                                       // getpeername()
	return rpcutil.NewClient(conn, rpcutil.ClientOptions{CallTimeout: time.Second}), nil // timeout=1
}

func addWhoami(mux *rpcutil.Mux) {
	mux.Handle("whoami", func(ctx context.Context) string {
		return rpcutil.RequestFrom(ctx).RemoteAddr.String() // client_host and client_port
	})
}

type Range struct {
	Low  int `msgpack:"low"`
	High int `msgpack:"high"`
}

// goMethods are the Go sides of the differences, for Python to call.
func goMethods(mux *rpcutil.Mux) {
	mux.Handle("seat", func(n int) string { return fmt.Sprint("seat ", n) })
	mux.Handle("half", func(x float64) float64 { return x / 2 })
	mux.Handle("tags", func() []string { return nil })
	mux.Handle("no_tags", func() []string { return []string{} })
	mux.Handle("next_day", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) })
	mux.Handle("largest", func() uint64 { return 1<<64 - 1 })
	mux.Handle("list", func() []int { return []int{1, 2} })
	mux.Handle("range", func() Range { return Range{Low: 1, High: 2} })
	mux.Handle("upper", func(s string) string { return strings.ToUpper(s) })
	mux.Handle("data", func() []byte { return []byte("ab") })
	mux.Handle("count", func(stock map[string]int) int { return len(stock) })
	mux.Handle("names", func(byID map[int]string) map[int]string { return byID })
	mux.Handle("fail", func() error { return errors.New("") })
	mux.Handle("nap", func(ctx context.Context, seconds float64) { time.Sleep(time.Duration(seconds * 1e9)) })
	mux.Handle("greet", func(name string, greeting *string) string {
		if greeting == nil {
			return "hello " + name
		}
		return *greeting + " " + name
	})
}

// goCalls are the Go sides of the differences that call Python.
func goCalls(ctx context.Context, client *rpcutil.Client) {
	fmt.Println(rpcutil.Call[int](ctx, client, "half", 4))     // 0 codec: half: result: float 2 does not fit int
	fmt.Println(rpcutil.Call[float64](ctx, client, "half", 4)) // 2 <nil>

	fmt.Println(rpcutil.Call[string](ctx, client, "show", []int(nil))) // None <nil>
	fmt.Println(rpcutil.Call[string](ctx, client, "show", []int{}))    // () <nil>
	fmt.Println(rpcutil.Call[int](ctx, client, "nothing"))             // 0 <nil>
	fmt.Println(rpcutil.Call[*int](ctx, client, "nothing"))            // <nil> <nil>

	day := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	fmt.Println(rpcutil.Call[string](ctx, client, "show", day))           // '2024-05-01T12:00:00Z' <nil>
	fmt.Println(rpcutil.Call[string](ctx, client, "show", 2*time.Second)) // 2.0 <nil>

	fmt.Println(rpcutil.Call[int8](ctx, client, "many")) // 0 codec: many: result: 300 does not fit int8

	fmt.Println(rpcutil.Call[[]int](ctx, client, "low_high"))           // [1 2] <nil>
	fmt.Println(rpcutil.Call[Range](ctx, client, "low_high"))           // {1 2} <nil>
	fmt.Println(rpcutil.Call[string](ctx, client, "show", Range{1, 2})) // {'low': 1, 'high': 2} <nil>

	fmt.Println(rpcutil.Call[string](ctx, client, "show", []byte("ab"))) // b'ab' <nil>
	fmt.Println(rpcutil.Call[string](ctx, client, "show", "\xff"))       //  codec: show: parameter 1: text is not valid UTF-8; use []byte for bytes

	_, err := rpcutil.Call[int](ctx, client, "fail")
	fmt.Println(err) // peer reported an error without text
}

// unknownMethod is what a Go program sees of mprpc's way to say that there is no such method.
func unknownMethod(ctx context.Context, client *rpcutil.Client) {
	_, err := rpcutil.Call[int](ctx, client, "nosuch")
	fmt.Println(err) // codec: connection closed by peer before answering "nosuch" (mprpc does this for ...)
	_, err = rpcutil.Call[int](ctx, client, "sum", 1, 2)
	fmt.Println(err != nil) // true: the connection is gone, dial again
}

func slowCall(ctx context.Context, client *rpcutil.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := rpcutil.Call[any](ctx, client, "nap", 0.5)
	return err // wraps context.DeadlineExceeded; the connection can be used again after the 0.5 s
}

type Order struct {
	Item  string
	Count int
	Note  string `msgpack:",omitempty"` // optional: it may be missing, and is not sent while empty
	draft bool   // never sent
}

type Shop struct{}

func (*Shop) Price(order Order, reply *int) error {
	if order.draft || order.Count < 1 {
		return errors.New("nothing ordered")
	}
	*reply = 5 * order.Count
	return nil
}

func wrongReply(ctx context.Context, address string) error {
	client, err := rpcutil.Dial(ctx, "tcp", address, rpcutil.ClientOptions{}) // was: rpc.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer client.Close()
	var text string
	err = client.Call("Shop.Price", Order{Item: "tea", Count: 2}, &text)
	fmt.Println(err) // codec: Shop.Price: result: 10 does not fit string
	var price int
	err = client.Call("Shop.Price", Order{Item: "tea", Count: 2}, &price) // the client is not shut down
	fmt.Println(price, err)                                               // 10 <nil>
	err = client.Call("Shop.Price", Order{Item: "tea"}, &price)
	var reported *codec.Error
	fmt.Println(errors.As(err, &reported), err) // true nothing ordered
	return nil
}

// From here on it is not in the pages.

func docsListener() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	return l
}

// docsClient returns a client of a Mux.
func docsClient(fill func(*rpcutil.Mux)) *rpcutil.Client {
	var mux rpcutil.Mux
	fill(&mux)
	near, far := net.Pipe()
	go mux.ServeCodec(codec.NewServerCodec(far))
	return rpcutil.NewClient(near, rpcutil.ClientOptions{})
}

func Example_docsSums() {
	sums, calculators := docsListener(), docsListener()
	defer sums.Close()
	defer calculators.Close()
	go serveSums(sums)
	go serveCalculator(calculators)
	for _, l := range []net.Listener{sums, calculators} {
		fmt.Println(askForSum(context.Background(), l.Addr().String()))
	}
	fmt.Println(askCalculator(calculators.Addr().String()))
	fmt.Println(askPool(context.Background(), sums.Addr().String()))
	// Output:
	// 3 <nil>
	// 3 <nil>
	// 3 <nil>
	// 3 <nil>
}

func echoMux() *rpcutil.Mux {
	mux := new(rpcutil.Mux)
	mux.Handle("echo", func(s string) string { return s })
	return mux
}

// The page says what Python sees; here is what a Go caller sees of the same methods.
func Example_docsGoMethods() {
	client := docsClient(goMethods)
	defer client.Close()
	for _, call := range []struct {
		method string
		params codec.Args
	}{
		{"seat", codec.Args{2.0}}, {"half", codec.Args{3}}, {"half", codec.Args{1<<53 + 1}}, {"tags", nil}, {"no_tags", nil},
		{"next_day", codec.Args{"2024-05-01T12:00:00+02:00"}}, {"next_day", codec.Args{"2024-05-01"}}, {"largest", nil},
		{"list", nil}, {"range", nil}, {"upper", codec.Args{[]byte("ab")}}, {"upper", codec.Args{nil}}, {"data", nil},
		{"count", codec.Args{map[int]int{1: 2}}}, {"names", codec.Args{map[string]string{"1": "a"}}}, {"fail", nil},
		{"greet", codec.Args{"Ann"}}, {"greet", codec.Args{"Ann", "good day"}}, {"greet", nil}, {"_hidden", nil},
	} {
		fmt.Print(call.method, ": ")
		fmt.Println(rpcutil.Call[any](context.Background(), client, call.method, call.params...))
	}
	// Output:
	// seat: <nil> seat: parameter 1 (int): float 2 does not fit int
	// half: 1.5 <nil>
	// half: <nil> half: parameter 1 (float64): 9007199254740993 does not fit float64
	// tags: <nil> <nil>
	// no_tags: [] <nil>
	// next_day: 2024-05-02T10:00:00Z <nil>
	// next_day: <nil> next_day: parameter 1 (time.Time): text "2024-05-01" is not a time in RFC 3339 form
	// largest: 18446744073709551615 <nil>
	// list: [1 2] <nil>
	// range: map[high:2 low:1] <nil>
	// upper: AB <nil>
	// upper: <nil> upper: parameter 1 (string): nil does not fit string
	// data: [97 98] <nil>
	// count: <nil> count: parameter 1 (map[string]int): key 1 does not fit string
	// names: <nil> names: parameter 1 (map[int]string): key text does not fit int
	// fail: <nil> *errors.errorString without text
	// greet: hello Ann <nil>
	// greet: good day Ann <nil>
	// greet: <nil> greet: want 1 to 2 parameters (string, [*string]), got 0
	// _hidden: <nil> method not found: _hidden
}

// docsPython stands in for the Python server of the page, whose show is repr.
func docsPython(mux *rpcutil.Mux) {
	mux.Handle("half", func(x float64) float64 { return x / 2 })
	mux.Handle("show", func(x any) string {
		switch x := x.(type) {
		case nil:
			return "None"
		case []any:
			return "()"
		case string:
			return "'" + x + "'"
		case map[string]any:
			return fmt.Sprintf("{'low': %v, 'high': %v}", x["low"], x["high"])
		case []byte:
			return fmt.Sprintf("b'%s'", x)
		case float64: // short ones, as there are here
			return fmt.Sprintf("%.1f", x)
		}
		return fmt.Sprint(x)
	})
	mux.Handle("nothing", func() {})
	mux.Handle("many", func() int { return 300 })
	mux.Handle("low_high", func() []int { return []int{1, 2} })
	mux.Handle("nap", func(seconds float64) { time.Sleep(time.Duration(seconds * 1e9)) })
}

func Example_docsGoCalls() {
	client := docsClient(func(mux *rpcutil.Mux) {
		docsPython(mux)
		mux.Handle("fail", func() error { return &codec.Error{Message: "peer reported an error without text"} })
	})
	defer client.Close()
	goCalls(context.Background(), client)
	fmt.Println(errors.Is(slowCall(context.Background(), client), context.DeadlineExceeded))
	// Output:
	// 0 codec: half: result: float 2 does not fit int
	// 2 <nil>
	// None <nil>
	// () <nil>
	// 0 <nil>
	// <nil> <nil>
	// '2024-05-01T12:00:00Z' <nil>
	// 2.0 <nil>
	// 0 codec: many: result: 300 does not fit int8
	// [1 2] <nil>
	// {1 2} <nil>
	// {'low': 1, 'high': 2} <nil>
	// b'ab' <nil>
	//  codec: show: parameter 1: text is not valid UTF-8; use []byte for bytes
	// peer reported an error without text
	// true
}

func Example_docsUnknownMethod() {
	near, far := net.Pipe()
	go func() { // as mprpc does
		far.Read(make([]byte, 4096)) // all of the request
		far.Close()
	}()
	silent := codec.Options{Logger: slog.New(slog.DiscardHandler)}
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: silent})
	defer client.Close()
	unknownMethod(context.Background(), client)
	// Output:
	// codec: connection closed by peer before answering "nosuch" (mprpc does this for an unknown method or a value that it cannot read)
	// true
}

func askPrice(address string, args codec.Args) (price int, err error) {
	client, err := codec.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	err = client.Call("price", args, &price)
	return price, err
}

func TestDocsAreCompiled(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages in docs: %v", err)
	}
	var source string
	for _, file := range []string{"docs_test.go", "docs_server_test.go", "pool_docs_test.go", "values_docs_test.go", "../pool/etcd/example_test.go"} {
		source += words(read(t, file)) + " "
	}
	for _, page := range pages {
		n := 0
		for i, part := range strings.Split(read(t, page), "```") {
			snippet, isGo := strings.CutPrefix(part, "go\n")
			if i%2 == 0 || !isGo {
				continue
			}
			n++
			if !strings.Contains(source, words(snippet)) {
				t.Errorf("%s shows what is not compiled here:\n%s", page, snippet)
			}
		}
		if n == 0 {
			t.Errorf("no Go in %s", page)
		}
	}
}

// The configuration of HAProxy on the page is the one that is tested.
func TestDocsShowHAProxy(t *testing.T) {
	want := "```haproxy\n" + read(t, "haproxy/haproxy.cfg") + "```\n"
	if !strings.Contains(read(t, "docs/many-servers.md"), want) {
		t.Error("docs/many-servers.md does not show haproxy/haproxy.cfg as it is")
	}
}
