package interop_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

const mprpcText = 1 << 20 // the longest text that mprpc takes by default

// deeper lets either side nest as deep as mprpc can.
var deeper = codec.Options{MaxDepth: 2000}

// large lifts mprpc's limits.
var large = map[string]any{"unpack_params": map[string]any{"use_list": false, "max_buffer_size": 1 << 27}}

func hexOf(text string) string { return hex.EncodeToString([]byte(text)) }

// limitRows are about sizes and nesting.
func limitRows() []row {
	return []row{
		{
			name: "limit/nested 500, refused",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
				got := ask[any](t, client, "see", codec.Args{nest(500)})
				if want := "failure: codec: see: message exceeds MaxDepth (128)"; !match(want, got) {
					t.Errorf("sending it brings %s, want %s", got, want)
				}
				// Nothing was sent, so the connection goes on.
				if got := ask[int](t, client, "sum", codec.Args{1, 2}); got != "int 3" {
					t.Errorf("the call after it brings %s", got)
				}
				// What has arrived cannot be left out; the call fails with the reason.
				got = ask[any](t, client, "value", nestExpr(500))
				if want := "failure: codec: connection ended before the answer to value: message exceeds MaxDepth (128)"; !match(want, got) {
					t.Errorf("receiving it brings %s, want %s", got, want)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class,
					expression{"connect().call('see', nest(500))", raises("message exceeds MaxDepth (128)")},
					expression{"call('deep', 500)", raises("deep: result cannot be sent: message exceeds MaxDepth (128)")}, nextExpr)
			},
		},
		{
			name: "limit/nested 500, with MaxDepth raised",
			toMprpc: func(t *testing.T, m *matrix) {
				client := dial(t, m.server(t, python.ServerOptions{}).Addr(), deeper)
				var seen [][2]string
				if err := try(t, client, "see", codec.Args{nest(500)}, &seen); err != nil || seen[0] != [2]string{nestRepr(500), "tuple"} {
					t.Errorf("Python saw %q, %v", seen, err)
				}
				if got := ask[any](t, client, "echo", codec.Args{nest(500)}); got != show(nest(500)) {
					t.Errorf("echo is %s", got)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				client := m.client(t, class, m.servedWith(t, "deeper", deeper).addr, nil)
				if got := goSaw(t, client, "call('see', nest(500))"); got != show(nest(500)) {
					t.Errorf("Go saw %s", got)
				}
				evalIn(t, client, expression{"call('deep', 500)", "tuple " + nestRepr(500)},
					expression{"call('echo', nest(500)) == nest(500)", "bool True"})
			},
		},
		{
			// A server's packer takes 511, its unpacker 1024 with the message's own two; a client likewise.
			name: "limit/nesting of mprpc itself",
			toMprpc: func(t *testing.T, m *matrix) {
				addr := m.server(t, python.ServerOptions{}).Addr()
				client := dial(t, addr, deeper)
				for _, c := range []call{
					{"value", nestExpr(511), show(nest(511))},
					{"count", codec.Args{nest(1022)}, "int64 1"},
					{"value", nestExpr(512), `failure: codec: connection closed by peer before answering "value" ~.*`},
				} {
					if got := ask[any](t, client, c.method, c.args); !match(c.want, got) {
						t.Errorf("%s brings %s, want %s", c.method, got, c.want)
					}
				}
				got := ask[any](t, dial(t, addr, deeper), "count", codec.Args{nest(1023)})
				if want := `failure: codec: connection closed by peer before answering "count" ~.*`; !match(want, got) {
					t.Errorf("count of 1023 levels brings %s", got)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				client := m.client(t, class, m.servedWith(t, "deeper", deeper).addr, nil)
				evalIn(t, client,
					expression{"call('count', nest(510))", "int 1"},
					expression{"call('count', nest(511))", "raises ValueError: recursion limit exceeded."},
					expression{"len(call('deep', 1023))", "int 1"},
					expression{"call('deep', 1024)", "raises StackError: ~.*"})
			},
		},
		texts("limit/1,048,576 bytes of text", "x", mprpcText, false),
		texts("limit/1,048,577 bytes of text", "x", mprpcText+1, true),
		texts("limit/1,048,576 bytes of text outside ASCII", "é", mprpcText/2, false),
		texts("limit/1,048,578 bytes of text outside ASCII", "é", mprpcText/2+1, true),
		{
			name: "limit/12 MiB of text, with max_buffer_size raised",
			toMprpc: func(t *testing.T, m *matrix) {
				text := strings.Repeat("x", 12<<20)
				client := m.dial(t, m.server(t, python.ServerOptions{Options: large}).Addr())
				var seen [][2]string
				if err := try(t, client, "see", codec.Args{text}, &seen); err != nil || seen[0] != [2]string{cut("str", text), "str"} {
					t.Errorf("Python saw %q, %v", seen, err)
				}
				if got := ask[any](t, client, "echo", codec.Args{text}); got != show(text) {
					t.Errorf("echo is %s", got)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				text := strings.Repeat("x", 12<<20)
				client := m.client(t, class, m.served(t).addr, large)
				if got := goSaw(t, client, "call('see', 'x' * (12 << 20))"); got != show(text) {
					t.Errorf("Go saw %s", got)
				}
				evalIn(t, client, expression{"call('echo', 'x' * (12 << 20))", "str " + cut("str", text)})
			},
		},
		{
			name: "limit/17 MiB, more than Go takes",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{Options: large}).Addr())
				for range 2 { // nothing is sent, so the connection goes on
					got := ask[any](t, client, "count", codec.Args{make([]byte, 17<<20)})
					if want := "failure: codec: count: message exceeds MaxMessage (16777216)"; !match(want, got) {
						t.Errorf("sending it brings %s, want %s", got, want)
					}
				}
				got := ask[any](t, client, "big", 17<<20)
				if want := "failure: codec: connection ended before the answer to big: message exceeds MaxMessage (16777216)"; !match(want, got) {
					t.Errorf("receiving it brings %s, want %s", got, want)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class,
					expression{"connect().call('count', b'x' * (17 << 20))", raises("message exceeds MaxMessage (16777216)")},
					expression{"call('big', 17 << 20)", raises("big: result cannot be sent: message exceeds MaxMessage (16777216)")})
			},
		},
		{
			name: "limit/131,072 elements, mprpc's most",
			toMprpc: func(t *testing.T, m *matrix) {
				addr := m.server(t, python.ServerOptions{}).Addr()
				for n, want := range map[int]string{
					131_072: "int64 1", 131_073: `failure: codec: connection closed by peer before answering "count" ~.*`,
				} {
					if got := ask[any](t, m.dial(t, addr), "count", codec.Args{make([]int, n)}); !match(want, got) {
						t.Errorf("%d elements bring %s, want %s", n, got, want)
					}
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class, expression{"call('count', [0] * 131072)", "int 1"}, expression{"call('count', [0] * 131073)", "int 1"},
					expression{"len(call('echo', [0] * 131072))", "int 131072"},
					expression{"connect().call('echo', [0] * 131073)", "raises ValueError: ~.*131073 exceeds max_array_len.*"})
			},
		},
		textRow("limit/1,000,000 elements, more than Go takes", []call{
			{"count", codec.Args{make([]bool, 1_000_001)}, "failure: codec: count: message exceeds MaxElements (1000000)"}, nextCall,
		}, []expression{{"connect().call('count', [0] * 1000001)", raises("message exceeds MaxElements (1000000)")}}),
	}
}

// texts sends n times s, which mprpc takes or, if it is too long, answers by
// closing. Go takes it in any case, but mprpc's client does not take it back.
func texts(name, s string, n int, tooLong bool) row {
	text := strings.Repeat(s, n)
	return row{
		name: name,
		toMprpc: func(t *testing.T, m *matrix) {
			client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
			var seen [][2]string
			err := try(t, client, "see", codec.Args{text}, &seen)
			if tooLong {
				if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), `connection closed by peer before answering "see"`) {
					t.Errorf("error %v, want io.ErrUnexpectedEOF and the method", err)
				}
				client = m.dial(t, m.server(t, python.ServerOptions{}).Addr())
			} else if err != nil || seen[0] != [2]string{cut("str", text), "str"} {
				t.Errorf("Python saw %q, %v", seen, err)
			}
			// In the other direction there is no such limit.
			if got := ask[any](t, client, "value", fmt.Sprintf("'%s' * %d", s, n)); got != show(text) {
				t.Errorf("Go saw %s, want %s", got, show(text))
			}
		},
		toGo: func(t *testing.T, m *matrix, class string) {
			client := m.client(t, class, m.served(t).addr, nil)
			expr := fmt.Sprintf("'%s' * %d", s, n)
			if got := goSaw(t, client, "call('see', "+expr+")"); got != show(text) {
				t.Errorf("Go saw %s", got)
			}
			want := "str " + cut("str", text)
			if tooLong {
				want = fmt.Sprintf("raises ValueError: ~%d exceeds max_str_len\\(1048576\\)", len(text))
			}
			evalIn(t, client, expression{"connect().call('echo', " + expr + ")", want})
		},
	}
}
