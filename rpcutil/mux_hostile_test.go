package rpcutil_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

type myErr struct{ text string }

func (e *myErr) Error() string { return e.text } // panics for nil

type panickyErr struct{}

func (panickyErr) Error() string { panic("SECRET") }

type badHandler struct{ slog.Handler }

func (badHandler) Handle(context.Context, slog.Record) error { panic("handler") }

type secretive struct{}

func (*secretive) DecodeMsgpack(*msgpack.Decoder) error { panic("SECRET") }

func TestMuxAnswersWhateverErrorsAndParametersDo(t *testing.T) {
	for _, broken := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			handler := slog.Handler(slog.NewTextHandler(&log, nil))
			if broken {
				handler = badHandler{handler}
			}
			m := rpcutil.Mux{Logger: slog.New(handler)}
			m.Handle("typed", func() error { var e *myErr; return e })
			m.Handle("coded", func() error { var e *codec.Error; return e })
			m.Handle("panicky", func() error { return panickyErr{} })
			m.Handle("exit", func() { runtime.Goexit() })
			m.Handle("decode", func(secretive) {})
			client := served(t, &m, codec.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			for _, method := range []string{"typed", "coded", "panicky", "exit"} {
				if err := client.Call(method, nil, nil); errText(err) != "internal error" {
					t.Errorf("%s: %v", method, err)
				}
			}
			if err := client.Call("decode", 1, nil); errText(err) != "internal error" {
				t.Error(err)
			}
			if text := log.String(); !broken && (strings.Count(text, "SECRET") != 2 || strings.Count(text, "ended its goroutine") != 1) {
				t.Errorf("log %q", text)
			}
		})
	}
}

func TestMuxBoundsTextsAboutParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		type deep map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]map[string]int
		m.Handle("deep", func(deep) {})
		client := served(t, &m, codec.Options{})
		key := strings.Repeat("\x01", 64)
		v := any("no number")
		for range 16 {
			v = map[string]any{key: v}
		}
		err := client.Call("deep", codec.Args{v}, nil)
		if text := errText(err); len(text) > 1<<10+3 || !strings.HasPrefix(text, "deep: parameter 1") {
			t.Errorf("%d bytes: %s", len(text), text)
		}
	})
}

type big struct{ Data [1000]int64 }

func TestMuxChargesVariadicParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m rpcutil.Mux
		m.Handle("big", func(label string, all ...big) int { return len(all) })
		client := served(t, &m, codec.Options{})
		args := codec.Args{"x"}
		for range 100_000 { // 800 MB in Go
			args = append(args, map[string]any{})
		}
		if err := client.Call("big", args, nil); err == nil || !strings.HasPrefix(err.Error(), "big: message exceeds MaxDecoded") {
			t.Error(err)
		}
		if n, err := rpcutil.Call[int](t.Context(), client, "big", args[:4]...); n != 3 || err != nil {
			t.Error(n, err)
		}
	})
}

func TestMuxInterceptorsSeePanicsAndMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := rpcutil.Mux{Logger: slog.New(slog.DiscardHandler)}
		m.Handle("panic", func() { panic("x") })
		var seen []string
		m.Use(func(ctx context.Context, r *rpcutil.Received, next func(context.Context) (any, error)) (any, error) {
			result, err := next(ctx)
			seen = append(seen, r.Method+" "+errText(err))
			if r.Method == "rpc.methods" {
				return nil, errors.New("not for you")
			}
			return result, err
		})
		client := served(t, &m, codec.Options{})
		if err := client.Call("panic", nil, nil); errText(err) != "internal error" {
			t.Error(err)
		}
		if err := client.Call("rpc.methods", nil, nil); errText(err) != "not for you" {
			t.Error(err)
		}
		if err := client.Call("nope", nil, nil); errText(err) != "method not found: nope" {
			t.Error(err)
		}
		if strings.Join(seen, ",") != "panic internal error,rpc.methods " {
			t.Error(seen)
		}
		m.Use(func(context.Context, *rpcutil.Received, func(context.Context) (any, error)) (any, error) { panic("y") })
		if err := client.Call("panic", nil, nil); errText(err) != "internal error" {
			t.Error(err)
		}
	})
	defer func() {
		if v := recover(); v != "rpcutil: Use needs an interceptor, not nil" {
			t.Error(v)
		}
	}()
	new(rpcutil.Mux).Use(nil)
}
