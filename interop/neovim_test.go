package interop_test

import (
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// stdio is the connection to a child process: its standard input and output.
type stdio struct {
	io.ReadCloser
	io.WriteCloser
}

func (s stdio) Close() error {
	err := s.WriteCloser.Close()
	s.ReadCloser.Close()
	return err
}

// startNeovim runs Neovim as a MessagePack-RPC peer on its standard input and
// output, which is how editors embed it. It ends with the test.
func startNeovim(t *testing.T) stdio {
	t.Helper()
	path, err := exec.LookPath("nvim")
	if err != nil {
		const text = "peer missing: nvim; on Debian: apt-get install neovim"
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--embed", "--clean")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() })
	return stdio{out, in}
}

// Editor is a net/rpc service that Neovim calls.
type Editor struct{ client *rpc.Client }

func (*Editor) Sum(args struct{ X, Y int }, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

// Double calls Neovim back while Neovim waits for the answer.
func (e *Editor) Double(n int, reply *int) error {
	return e.client.Call("nvim_call_function", codec.Args{"float2nr", []any{float64(2 * n)}}, reply)
}

func TestNeovimCallsAndIsCalled(t *testing.T) {
	var names rpcutil.Names
	server := rpc.NewServer()
	editor := new(Editor)
	if err := names.Register(server, editor); err != nil {
		t.Fatal(err)
	}
	events := make(chan []any, 1)
	options := codec.Options{Names: &names, Pipeline: codec.Always, OnNotify: func(r *codec.Request) {
		var list codec.Args
		for range r.Params.Len() {
			list = append(list, nil)
		}
		to := make([]any, len(list))
		for i := range list {
			to[i] = &list[i]
		}
		if err := r.Params.Decode(to...); err != nil {
			t.Error(err)
		}
		events <- append([]any{r.Method}, list...)
	}}
	sc, cc := options.NewDuplex(startNeovim(t))
	client := rpc.NewClientWithCodec(cc)
	editor.client = client
	served := make(chan struct{})
	go func() { server.ServeCodec(sc); close(served) }()
	defer func() {
		// Neovim ends before it answers this; that the answer is missing is the point.
		client.Go("nvim_command", "quitall!", nil, nil)
		<-served
		client.Close()
	}()
	timeout := time.AfterFunc(time.Minute, func() { client.Close() })
	defer timeout.Stop()

	for _, test := range []struct {
		name, method string
		args         any
		want         any
	}{
		{"a call", "nvim_eval", "40 + 2", int64(42)},
		{"text", "nvim_eval", "'é' . '日'", "é日"},
		{"a map", "nvim_eval", "{'a': [1, 2.5, v:true, v:null]}", map[string]any{"a": []any{int64(1), 2.5, true, nil}}},
		{"a call back", "nvim_eval", "rpcrequest(1, 'sum', 20, 22)", int64(42)},
		{"a call back that calls", "nvim_eval", "rpcrequest(1, 'double', 21)", int64(42)},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got any
			if err := client.Call(test.method, test.args, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}

	t.Run("an error keeps its code", func(t *testing.T) {
		x := &codec.Exchange{Args: "no_such_function()", Reply: new(any)}
		if err := client.Call("nvim_eval", x, nil); err != nil {
			t.Fatal(err)
		}
		e, ok := x.Err.(*codec.Error)
		if !ok || e.Message == "" || len(e.Raw) == 0 || e.Raw[0] != 0x92 {
			t.Errorf("%#v", x.Err)
		}
	})

	t.Run("our error reaches Neovim", func(t *testing.T) {
		err := client.Call("nvim_eval", "rpcrequest(1, 'sum', 'x', 2)", nil)
		if err == nil || !strings.Contains(err.Error(), "sum: parameter 1 (X): text does not fit int") {
			t.Error(err)
		}
	})

	t.Run("a notification", func(t *testing.T) {
		if err := client.Call("nvim_eval", "rpcnotify(1, 'event', 1, 'two')", nil); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-events:
			if diff := cmp.Diff([]any{"event", int64(1), "two"}, got); diff != "" {
				t.Error(diff)
			}
		case <-served:
			t.Error("the connection ended")
		}
	})

	t.Run("our notification reaches Neovim", func(t *testing.T) {
		if err := cc.(codec.Notifier).Notify("nvim_set_var", codec.Args{"told", 7}); err != nil {
			t.Fatal(err)
		}
		var got int
		if err := client.Call("nvim_get_var", "told", &got); err != nil || got != 7 {
			t.Error(got, err)
		}
	})
}
