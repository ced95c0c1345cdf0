package rpcutil_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/rpc"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// quiet is the logger of servers whose trouble is made on purpose.
var quiet = slog.New(slog.DiscardHandler)

// listening serves on a port of the loopback interface, and checks in the end that
// Serve says that the server was closed.
func listening(t testing.TB, s *rpcutil.Server) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return servingOn(t, s, l)
}

func servingOn(t testing.TB, s *rpcutil.Server, l net.Listener) (address string) {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; err != rpcutil.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr().String()
}

// dialed returns a client that is closed when the test ends.
func dialed(t testing.TB, network, address string) *rpcutil.Client {
	client, err := rpcutil.Dial(context.Background(), network, address, rpcutil.ClientOptions{Codec: codec.Options{Logger: quiet}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// sums makes calls of sum from several goroutines.
func sums(t testing.TB, client *rpcutil.Client) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				if got, err := rpcutil.Call[int](context.Background(), client, "sum", i, w); err != nil || got != i+w {
					t.Errorf("sum(%d, %d) = %d, %v", i, w, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func muxOfSum() *rpcutil.Mux {
	m := &rpcutil.Mux{Logger: quiet}
	m.Handle("sum", func(x, y int) int { return x + y })
	return m
}

func netRPCOfSum(t testing.TB) (*rpc.Server, *rpcutil.Names) {
	var names rpcutil.Names
	server := rpc.NewServer()
	if err := names.Register(server, new(Clerk)); err != nil {
		t.Fatal(err)
	}
	return server, &names
}

func TestServerServesAMuxAndAnRPCServer(t *testing.T) {
	server, names := netRPCOfSum(t)
	for _, s := range []*rpcutil.Server{
		{Handler: muxOfSum()},
		{Handler: server, Codec: codec.Options{Names: names}},
		{Handler: server, Codec: codec.Options{Names: names}, JSON: true, Gob: true},
	} {
		sums(t, dialed(t, "tcp", listening(t, s)))
	}
}

// net/rpc registers once for all runs of a test.
var registerDefault = sync.OnceValue(func() error { return rpc.RegisterName("DefaultClerk", new(Clerk)) })

func TestServerServesTheDefaultServer(t *testing.T) {
	if err := registerDefault(); err != nil {
		t.Fatal(err)
	}
	client := dialed(t, "tcp", listening(t, new(rpcutil.Server)))
	if got, err := rpcutil.Call[int](t.Context(), client, "DefaultClerk.Sum", 1, 2); got != 3 || err != nil {
		t.Error(got, err)
	}
}

func TestServerServesUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sum.sock")
	s := &rpcutil.Server{Handler: muxOfSum()}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	servingOn(t, s, l)
	sums(t, dialed(t, "unix", path))
}

func TestListenAndServe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sum.sock")
	s := &rpcutil.Server{Handler: muxOfSum()}
	opened := make(chan struct{})
	s.Hooks.ConnOpened = func(rpcutil.ConnInfo) { close(opened) }
	ended := make(chan error)
	go func() { ended <- s.ListenAndServe("unix", path) }()
	for {
		conn, err := net.Dial("unix", path)
		if err == nil {
			<-opened
			conn.Close()
			break
		}
	}
	s.Shutdown(t.Context())
	if err := <-ended; err != rpcutil.ErrServerClosed {
		t.Error(err)
	}
	if err := s.ListenAndServe("unix", path); err != rpcutil.ErrServerClosed {
		t.Error(err)
	}
	if err := s.ListenAndServe("nonsense", path); err == nil {
		t.Error("listens on nonsense")
	}
}

func TestServerServesTLS(t *testing.T) {
	https := httptest.NewUnstartedServer(nil) // for its certificate
	https.StartTLS()
	defer https.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	s := &rpcutil.Server{Handler: muxOfSum(), Codec: codec.Options{Logger: quiet}}
	s.Hooks.ConnClosed = func(_ rpcutil.ConnInfo, err error) { closed <- err }
	address := servingOn(t, s, tls.NewListener(l, https.TLS))
	conn, err := tls.Dial("tcp", address, https.Client().Transport.(*http.Transport).TLSClientConfig.Clone())
	if err != nil {
		t.Fatal(err)
	}
	client := rpcutil.NewClient(conn, rpcutil.ClientOptions{})
	sums(t, client)
	client.Close()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	plain.Write([]byte("this is no TLS"))
	if err := <-closed; err == nil {
		t.Error("a failed handshake is no error")
	}
}

// A duct is a connection without deadlines, as standard input and output are.
type duct struct {
	io.Reader
	io.WriteCloser
}

func ducts() (near, far duct) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	return duct{r1, w2}, duct{r2, w1}
}

func TestServeConnServesStandardInputAndOutput(t *testing.T) {
	near, far := ducts()
	s := &rpcutil.Server{Handler: muxOfSum()}
	ended := make(chan error)
	go func() { ended <- s.ServeConn(far) }()
	client := rpcutil.NewClient(near, rpcutil.ClientOptions{})
	sums(t, client)
	client.Close() // what the server reads ends
	near.Reader.(*io.PipeReader).Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownEndsAConnectionWithoutDeadlines(t *testing.T) {
	for _, busy := range []bool{false, true} {
		near, far := ducts()
		m := muxOfSum()
		entered, release := make(chan struct{}), make(chan struct{})
		m.Handle("wait", func() { close(entered); <-release })
		s := &rpcutil.Server{Handler: m}
		ended := make(chan error)
		go func() { ended <- s.ServeConn(far) }()
		client := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: codec.Options{Logger: quiet}})
		sums(t, client)
		called := make(chan error, 1)
		if busy {
			go func() { called <- client.Call("wait", nil, nil) }()
			<-entered
		} else {
			called <- nil
		}
		down := make(chan error)
		go func() { down <- s.Shutdown(context.Background()) }()
		if busy {
			close(release)
		}
		if err := <-called; err != nil {
			t.Error(err)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
		if err := <-ended; err != rpcutil.ErrServerClosed {
			t.Error(err)
		}
		far.Reader.(*io.PipeReader).Close() // as a process that ends would
		client.Close()
		near.Reader.(*io.PipeReader).Close()
	}
}

func TestServerRefusesWhatCannotWork(t *testing.T) {
	_, names := netRPCOfSum(t)
	for _, s := range []*rpcutil.Server{
		{Handler: muxOfSum(), Gob: true},
		{Handler: muxOfSum(), JSON: true},
		{Handler: muxOfSum(), Codec: codec.Options{Names: names}},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(l); err == nil || err == rpcutil.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the listener is open: %v", err)
		}
		near, far := net.Pipe()
		if err := s.ServeConn(far); err == nil {
			t.Errorf("ServeConn returned %v", err)
		}
		near.Close()
	}
}

// A shaky listener has passing trouble before it accepts, and lasting trouble in
// the end.
type shaky struct {
	net.Listener
	errs []error
}

type passing struct{ error }

func (passing) Temporary() bool { return true }

func (l *shaky) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

func TestServeOutlastsPassingTroubleOfAListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	few := passing{errors.New("too few descriptors")}
	s := &rpcutil.Server{Handler: muxOfSum(), Codec: codec.Options{Logger: quiet}}
	address := servingOn(t, s, &shaky{l, []error{few, few}})
	sums(t, dialed(t, "tcp", address))

	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := s.Serve(&shaky{other, []error{broken}}); err != broken {
		t.Error(err)
	}
}

func TestCloseEndsTheWaitOfAListenerInTrouble(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]error, 100)
	for i := range errs {
		errs[i] = passing{errors.New("too few descriptors")}
	}
	s := &rpcutil.Server{Handler: muxOfSum(), Codec: codec.Options{Logger: quiet}}
	ended := make(chan error)
	go func() { ended <- s.Serve(&shaky{l, errs}) }()
	s.Close()
	select {
	case err := <-ended:
		if err != rpcutil.ErrServerClosed {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Serve goes on")
	}
}
