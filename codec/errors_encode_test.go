package codec_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
)

// Explosive panics when it is encoded or decoded.
type Explosive struct{ X int }

func (Explosive) EncodeMsgpack(*msgpack.Encoder) error  { panic("boom out") }
func (*Explosive) DecodeMsgpack(*msgpack.Decoder) error { panic("boom in") }

func TestArgumentsThatCannotBeSentCostTheirCallBeforeAByteLeaves(t *testing.T) {
	for name, tc := range map[string]struct {
		method string
		args   any
		want   string
	}{
		"invalid UTF-8":           {"f", codec.Args{1, "\xff"}, "UTF-8; use []byte for bytes"},
		"invalid UTF-8 in a map":  {"f", map[string]any{"k": []string{"\xff"}}, "UTF-8"},
		"method not UTF-8":        {"f\xff", nil, "UTF-8"},
		"chan":                    {"f", make(chan int), "chan int"},
		"func in a list":          {"f", codec.Args{[]any{func() {}}}, "func()"},
		"nil pointer to a struct": {"f", (*struct{ X int })(nil), "nil"},
		"too long":                {"f", make([]byte, 1<<20), "message exceeds MaxMessage (1048576)"},
		"too deep":                {"f", nested(200), "message exceeds MaxDepth (128)"},
		"too many":                {"f", make([]int, 1001), "message exceeds MaxElements (1000)"},
		"panic":                   {"f", Explosive{}, "panic: boom out"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				o := codec.Options{Pipeline: codec.Never, MaxMessage: 1 << 20, MaxElements: 1000, Logger: log.logger()}
				client, c, peer := scriptedCodec(t, o)
				notify := c.(codec.Notifier).Notify
				x := &codec.Exchange{Args: tc.args}
				plain, through := client.Call(tc.method, tc.args, nil), client.Call(tc.method, x, nil)
				for through, err := range map[string]error{
					"plain":    plain,
					"exchange": through,
					"stored":   x.Err,
					"notify":   notify(tc.method, tc.args),
				} {
					if !contains(err, tc.want) || !strings.HasPrefix(err.Error(), "codec: ") {
						t.Errorf("%s: error %v, want %q in it", through, err, tc.want)
					}
				}
				peer.wantNone()
				next := client.Go("g", nil, nil, nil)
				peer.want("94 00 03 a1 'g' 90") // ids count on
				peer.Send("94 01 03 c0 c0")
				wantDone(t, next)
				if name != "panic" {
					if len(log.all()) != 0 {
						t.Errorf("log %v, want silence", log.all())
					}
					return
				}
				for _, r := range log.all() {
					if r["panic"] != "boom out" || r["method"] != "f" || !strings.Contains(r["stack"].(string), "EncodeMsgpack") {
						t.Errorf("log %v, want the panic with its stack", r)
					}
				}
				if len(log.all()) != 3 {
					t.Errorf("%d records, want one for each panic", len(log.all()))
				}
			})
		})
	}
}

func nested(n int) any {
	var v any
	for range n {
		v = []any{v}
	}
	return v
}

func TestAPanicWhileDecodingCostsItsCallAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		client, peer := scripted(t, codec.Options{Logger: log.logger()})
		go peer.answer("c0 05")
		if err := call(client, "f", &codec.Exchange{Reply: new(Explosive)}); !contains(err, "panic: boom in") {
			t.Errorf("error %v, want the panic", err)
		}
		if r := log.last(); r == nil || r["panic"] != "boom in" || !strings.Contains(r["stack"].(string), "DecodeMsgpack") {
			t.Errorf("log %v, want the panic with its stack", log.all())
		}
		var n int
		go peer.answer("c0 05")
		if err := call(client, "f", &codec.Exchange{Reply: &n}); err != nil || n != 5 {
			t.Errorf("the call after that: %d, %v", n, err)
		}
	})
}

// The functions of Options are foreign code too. DecodeText runs on the reading
// goroutine, where nobody could recover.
func TestAPanicInATextEncodingCostsOneMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		explode := func(what string) func([]byte) ([]byte, error) {
			return func(b []byte) ([]byte, error) {
				if strings.Contains(string(b), "!") {
					panic(what)
				}
				return b, nil
			}
		}
		var log ledger
		heard := make(chan string, 10)
		client, peer := scripted(t, codec.Options{
			Logger:     log.logger(),
			EncodeText: explode("encode"),
			DecodeText: explode("decode"),
			OnNotify:   func(r *codec.Request) { heard <- r.Method },
		})
		if err := client.Call("f!", nil, nil); !contains(err, "panic: encode") {
			t.Errorf("error %v, want the panic", err)
		}
		var s string
		go peer.answer("c0 a1 '!'")
		if err := call(client, "f", &codec.Exchange{Reply: &s}); !contains(err, "panic: decode") {
			t.Errorf("error %v, want the panic", err)
		}
		var e *codec.Error
		go peer.answer("a1 '!' c0")
		if err := call(client, "f", new(codec.Exchange)); !errors.As(err, &e) {
			t.Errorf("error %v, want one of the peer all the same", err)
		}
		peer.Send("93 02 a1 '!' 90" + "93 02 a2 'ok' 90")
		if got := <-heard; got != "ok" {
			t.Errorf("heard %q, want ok", got)
		}
		if r := log.last(); !strings.Contains(r["reason"].(string), "panic: decode") {
			t.Errorf("log %v, want the notification that was dropped", log.all())
		}
	})
}
