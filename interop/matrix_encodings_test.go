package interop_test

import (
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
)

var (
	rawStrings = codec.Options{Strings: codec.Raw}
	latin1     = codec.Options{
		EncodeText: charmap.ISO8859_1.NewEncoder().Bytes, DecodeText: charmap.ISO8859_1.NewDecoder().Bytes}
	timeExt = codec.Options{Time: codec.TimeExt}
)

// The same in Python.
var (
	oldParams    = map[string]any{"pack_params": map[string]any{"use_bin_type": false}}
	oldBytes     = map[string]any{"pack_params": map[string]any{"use_bin_type": false}, "unpack_encoding": nil}
	latin1Params = map[string]any{"pack_encoding": "latin-1", "unpack_encoding": "latin-1"}
)

// encodingRows are about options of both sides that change bytes.
func encodingRows() []row {
	return []row{
		encodingRow("use_bin_type=False/text", rawStrings, oldParams, []call{
			{"see", codec.Args{"é", "日本語"}, "[]interface {}[[]interface {}[string 'é', string str], []interface {}[string '日本語', string str]]"},
			{"echo", codec.Args{textOf(31).write}, show(textOf(31).write)}, {"echo", codec.Args{textOf(32).write}, show(textOf(32).write)},
			{"echo", codec.Args{textOf(255).write}, show(textOf(255).write)}, {"echo", codec.Args{textOf(65536).write}, show(textOf(65536).write)},
			{"value", "'é' * 16", "string éééééééééééééééé"},
		}, []expression{
			{"call('see', 'é', '日本語')", "tuple ('string é', 'string 日本語')"}, {"call('echo', 'a' * 32)", "str " + textOf(32).repr},
			{"call('echo', 'a' * 255)", "str " + textOf(255).repr}, {"call('echo', 'a' * 65536)", "str " + textOf(65536).repr},
		}),
		// Bytes that happen to be text arrive as text: the old format does not tell the two apart.
		encodingRow("use_bin_type=False/bytes that are text", rawStrings, oldParams, []call{
			{"see", codec.Args{[]byte("abc")}, "[]interface {}[[]interface {}[string 'abc', string str]]"},
			{"value", "b'abc'", "string abc"}, {"value", "{b'k': b'v'}", "map[string]interface {}[string k: string v]"},
		}, []expression{
			{"call('see', b'abc')", "tuple ('string abc',)"}, {"call('bytes.typed', b'abc')", "tuple ('[]uint8 [97 98 99]', 'abc')"},
			{"call('give', 'bytes/that are text')", "str 'abc'"}, {"call('see', {b'k': 1})", "tuple ('map[string]interface {}[string k: int64 1]',)"},
		}),
		encodingRow("use_bin_type=False/bytes that are no text", rawStrings, oldParams, []call{
			{"value", "b'\\xff\\x00'", "[]uint8 [255 0]"},
			{"see", codec.Args{[]byte{0xff}}, `failure: codec: connection closed by peer before answering "see" ~.*`},
		}, []expression{
			{"call('see', b'\\xff\\x00')", "tuple ('[]uint8 [255 0]',)"},
			{"call('bytes.typed', b'\\xff')[0]", "raises UnicodeDecodeError: ~.*"}, // our answer holds the bytes
		}),
		{
			name: "use_bin_type=False/unpack_encoding=None",
			toGo: func(t *testing.T, m *matrix, class string) {
				client := m.client(t, class, m.servedWith(t, "raw", rawStrings).addr, oldBytes)
				evalIn(t, client, expression{"call('echo', b'\\xff\\x00')", "bytes b'\\xff\\x00'"},
					expression{"call('echo', 'é')", "bytes b'\\xc3\\xa9'"},
					expression{"call('bytes.typed', b'\\xff')", "tuple (b'[]uint8 [255]', b'\\xff')"})
			},
			omitted: "an mprpc server closes on every request then, because it compares the method's name with text",
		},
		encodingRow("latin-1/text", latin1, latin1Params, []call{
			{"see", codec.Args{"é"}, "[]interface {}[[]interface {}[string 'é', string str]]"},
			{"see", codec.Args{map[string][]string{"é": {"ÿ"}}}, "[]interface {}[[]interface {}[string {'é': ('ÿ',)}, string dict]]"},
			{"echo", codec.Args{"é"}, "string é"}, {"value", "'é' * 32", "string éééééééééééééééééééééééééééééééé"},
			{"value", "{'é': b'\\xe9'}", "map[string]interface {}[string é: []uint8 [233]]"},
		}, []expression{
			{"call('see', 'é')", "tuple ('string é',)"}, {"call('echo', 'é' * 32)", "str 'éééééééééééééééééééééééééééééééé'"},
			{"call('see', {'é': b'\\xe9'})", "tuple ('map[string]interface {}[string é: []uint8 [233]]',)"},
			{"call('string.typed', 'é')", "tuple ('string é', 'é')"},
		}),
		encodingRow("latin-1/errors and method names", latin1, latin1Params, []call{
			{"fail", codec.Args{"ValueError", "é"}, "error: é"}, nextCall,
		}, []expression{
			{"call('fail', 'é')", raises("é")}, {"call('écho', 1)", "int 1"}, {"call('éç')", raises("method not found: éç")}, nextExpr,
		}),
		encodingRow("latin-1/text that it lacks", latin1, latin1Params, []call{
			{"echo", codec.Args{"日"}, "failure: codec: echo: parameter 1: text cannot be encoded: ~.*"}, nextCall,
			{"value", "'\\u65e5'", `failure: codec: connection closed by peer before answering "value" ~.*`},
		}, []expression{
			{"call('echo', '日')", "raises UnicodeEncodeError: ~.*"}, nextExpr,
			{"call('give', 'str/ja')", raises("no value \"str/ja\"")}, {"call('give', 'str/emoji')", raises("~give: result cannot be sent: text cannot be encoded: .*")},
			nextExpr,
		}),
		{
			name: "time/as extension",
			toMprpc: func(t *testing.T, m *matrix) {
				client := dial(t, m.server(t, python.ServerOptions{}).Addr(), timeExt)
				got := ask[any](t, client, "see", codec.Args{leapDay})
				if want := `failure: codec: connection closed by peer before answering "see" ~.*`; !match(want, got) {
					t.Errorf("got %s, want %s", got, want)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				s := m.servedWith(t, "time ext", timeExt)
				evalIn(t, m.client(t, class, s.addr, nil), expression{"connect().call('now')", "raises ValueError: code must be 0~~127"})
			},
			goToGo: func(t *testing.T, m *matrix) {
				client := dial(t, m.servedWith(t, "time ext", timeExt).addr, timeExt)
				if got, want := ask[any](t, client, "echo", leapDay), show(leapDay); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			},
		},
		{
			name: "time/as text",
			toMprpc: func(t *testing.T, m *matrix) {
				client := m.dial(t, m.server(t, python.ServerOptions{}).Addr())
				expr := "datetime.datetime(2024, 2, 29, 12, 0, 0, 5, datetime.timezone(datetime.timedelta(hours=9))).isoformat()"
				var got time.Time
				want := time.Date(2024, 2, 29, 3, 0, 0, 5000, time.UTC)
				if err := try(t, client, "value", expr, &got); err != nil || !got.Equal(want) {
					t.Errorf("Python's time is %v, %v, want %v", got, err, want)
				}
				if err := try(t, client, "value", "'yesterday'", &got); err == nil || err.Error() != "codec: value: result: text \"yesterday\" is not a time in RFC 3339 form" {
					t.Errorf("error %v", err)
				}
			},
			toGo: func(t *testing.T, m *matrix, class string) {
				m.eval(t, class, expression{"call('now')", "str '2024-02-29T12:34:56.789000001Z'"},
					expression{"call('time.typed', '2024-02-29T12:00:00+09:00')", "tuple ('time.Time 2024-02-29 03:00:00 +0000 UTC', '2024-02-29T03:00:00Z')"},
					expression{"call('time.typed', datetime.datetime(2024, 2, 29, 1, 2, 3, 4, datetime.timezone.utc).isoformat())[1]", "str '2024-02-29T01:02:03.000004Z'"},
					expression{"call('time.typed', 'yesterday')", raises(`time.typed: parameter 1: text "yesterday" is not a time in RFC 3339 form`)})
			},
		},
	}
}

// encodingRow runs with options on both sides.
func encodingRow(name string, options codec.Options, params map[string]any, toMprpc []call, toGo []expression) row {
	return row{
		name: name,
		toMprpc: func(t *testing.T, m *matrix) {
			client := dial(t, m.server(t, python.ServerOptions{Options: params}).Addr(), options)
			for _, c := range toMprpc {
				if got := ask[any](t, client, c.method, c.args); !match(c.want, got) {
					t.Errorf("%s(%s) brings\n%s, want\n%s", c.method, show(c.args), got, c.want)
				}
			}
		},
		toGo: func(t *testing.T, m *matrix, class string) {
			kind := "raw"
			if options.EncodeText != nil {
				kind = "latin-1"
			}
			evalIn(t, m.client(t, class, m.servedWith(t, kind, options).addr, params), toGo...)
		},
	}
}
