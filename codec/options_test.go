package codec_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// The time-outs and LockStepGrace have their tests beside what they limit.

// shout is a NameMapper whose names on the wire are in capitals.
type shout struct{}

func (shout) FromWire(wire string) (string, bool) { return strings.ToLower(wire), true }
func (shout) ToWire(serviceMethod string) string  { return strings.ToUpper(serviceMethod) }

func TestOptionsChangeTheBytesThatAClientSends(t *testing.T) {
	noon := time.Date(2024, 2, 29, 12, 0, 0, 5, time.UTC)
	reverse := func(b []byte) ([]byte, error) {
		out := bytes.Clone(b)
		for i := range out {
			out[len(b)-1-i] = b[i]
		}
		return out, nil
	}
	for name, tc := range map[string]struct {
		o      codec.Options
		method string
		args   any
		want   string
	}{
		"no Names":       {codec.Options{}, "Sum.Do", nil, "a6 'Sum.Do' 90"},
		"Names":          {codec.Options{Names: shout{}}, "Sum.Do", nil, "a6 'SUM.DO' 90"},
		"Strings Modern": {codec.Options{}, "f", strings.Repeat("x", 32), "a1 'f' 91 d9 20 '" + strings.Repeat("x", 32) + "'"},
		"Strings Raw":    {codec.Options{Strings: codec.Raw}, "f", strings.Repeat("x", 32), "a1 'f' 91 da 0020 '" + strings.Repeat("x", 32) + "'"},
		"bytes Modern":   {codec.Options{}, "f", []byte("x"), "a1 'f' 91 c4 01 'x'"},
		"bytes Raw":      {codec.Options{Strings: codec.Raw}, "f", []byte("x"), "a1 'f' 91 a1 'x'"},
		"EncodeText":     {codec.Options{EncodeText: reverse}, "abc", "def", "a3 'cba' 91 a3 'fed'"},
		"Time Text":      {codec.Options{}, "f", noon, "a1 'f' 91 be '2024-02-29T12:00:00.000000005Z'"},
		"Time Ext":       {codec.Options{Time: codec.TimeExt}, "f", noon, "a1 'f' 91 d7 ff 00000014 65e071c0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tc.o.Pipeline = codec.Never
				client, peer := scripted(t, tc.o)
				client.Go(tc.method, tc.args, nil, nil)
				peer.want("94 00 01" + tc.want)
			})
		})
	}
}

func TestAutoAsksWithTheEncodedName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{
			Names:      shout{},
			EncodeText: func(b []byte) ([]byte, error) { return bytes.ReplaceAll(b, []byte("É"), []byte{0xc9}), nil },
		})
		client.Go("écho", nil, nil, nil)
		peer.want("94 00 01 db 00000004 c9 'CHO' 90")
	})
}

// A limit's default refuses what a negative value lets through; see
// errors_limits_test.go for the values in between.
func TestNegativeLimitsAreNone(t *testing.T) {
	elements := append(codectest.Bytes("dd 000f4240"), make([]byte, 1_000_000)...) // and those around them
	message := append(codectest.Bytes("c6 01000000"), make([]byte, 16<<20)...)
	depth := append(bytes.Repeat([]byte{0x91}, 500), 0x90)
	for name, tc := range map[string]struct {
		o      codec.Options
		result []byte
	}{
		"MaxMessage":  {codec.Options{MaxMessage: -1}, message},
		"MaxDepth":    {codec.Options{MaxDepth: -1}, depth},
		"MaxElements": {codec.Options{MaxElements: -1}, elements},
	} {
		t.Run(name, func(t *testing.T) {
			for _, limited := range []bool{true, false} {
				near, far := codectest.Pair(t)
				o := tc.o
				if limited {
					o = codec.Options{}
				}
				o.Pipeline, o.Logger = codec.Never, slog.New(slog.DiscardHandler)
				client, peer := o.NewClient(near), newScript(t, far)
				x := new(codec.Exchange)
				done := client.Go("f", x, nil, nil)
				<-peer.got
				far.Write(append(codectest.Bytes("94 01 01 c0"), tc.result...))
				wantDone(t, done)
				if limited != contains(x.Err, name) || !limited && x.Err != nil {
					t.Errorf("limited %v: error %v", limited, x.Err)
				}
				client.Close()
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		for limit, ok := range map[int64]bool{-1: true, 10: false, 0: true} {
			client, peer := scripted(t, codec.Options{MaxDecoded: limit})
			var s string
			go peer.answer("c0 b0 '0123456789abcdef'")
			if err := call(client, "f", &codec.Exchange{Reply: &s}); (err == nil) != ok {
				t.Errorf("MaxDecoded %d: %v", limit, err)
			}
		}
	})
}

func TestTheDefaultLoggerIsThatOfSlog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		before := slog.Default()
		defer slog.SetDefault(before)
		slog.SetDefault(log.logger())
		near, far := net.Pipe()
		client := codec.NewClient(near)
		peer := newScript(t, far)
		peer.Send("c1")
		peer.wantEnd()
		client.Close()
		if got := fmt.Sprint(log.last()["reason"]); got != "byte 0xc1 is not MessagePack" {
			t.Errorf("log %v", log.all())
		}
	})
}

func TestOptionsMayBeSharedByConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := codec.Options{Pipeline: codec.Never}
		for range 2 { // neither has learned anything from the other
			client, peer := scripted(t, o)
			done := client.Go("f", nil, nil, nil)
			peer.want("94 00 01 a1 'f' 90")
			peer.Send("94 01 01 c0 c0")
			wantDone(t, done)
		}
		if o.LockStepGrace != 0 || o.Logger != nil {
			t.Errorf("the options were changed: %+v", o)
		}
	})
}

func TestAChoiceThatDoesNotExistPanics(t *testing.T) {
	for _, o := range []codec.Options{
		{Pipeline: codec.Never + 1}, {Pipeline: -1}, {Strings: codec.Raw + 1}, {Time: codec.TimeExt + 1}, {Errors: codec.ErrorMap + 1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is accepted", o)
				}
			}()
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			o.NewClientCodec(near)
		}()
	}
}
