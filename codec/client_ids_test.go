package codec_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/rpc"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
)

func TestIDsStartAtOneAndGrowInTheirShortestForm(t *testing.T) {
	shortest := func(id int) string {
		switch {
		case id < 1<<7:
			return fmt.Sprintf("%02x", id)
		case id < 1<<8:
			return fmt.Sprintf("cc %02x", id)
		case id < 1<<16:
			return fmt.Sprintf("cd %04x", id)
		}
		return fmt.Sprintf("ce %08x", id)
	}
	synctest.Test(t, func(t *testing.T) {
		client, c, peer := scriptedCodec(t, codec.Options{Pipeline: codec.Never})
		round := func(id int) {
			done := client.Go("f", nil, nil, nil)
			peer.want("94 00 " + shortest(id) + "a1 'f' 90")
			peer.Send("94 01 " + shortest(id) + "c0 c0")
			wantDone(t, done)
		}
		for id := 1; id <= 300; id++ {
			round(id)
		}
		for _, id := range []int{1<<16 - 1, 1 << 16, math.MaxInt32} {
			codec.SetLastID(c, uint32(id-1))
			round(id)
		}
		round(1) // behind 2^31-1
		round(2)
	})
}

func TestIDsStillPendingAreSkippedWhenTheyWrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, c, peer := scriptedCodec(t, codec.Options{Pipeline: codec.Always})
		first := client.Go("f", nil, nil, nil)
		second := client.Go("f", nil, nil, nil)
		peer.want("94 00 01 a1 'f' 90")
		peer.want("94 00 02 a1 'f' 90")
		codec.SetLastID(c, math.MaxInt32)
		third := client.Go("f", nil, nil, nil)
		peer.want("94 00 03 a1 'f' 90")
		for id := 3; id > 0; id-- {
			peer.Send(fmt.Sprintf("94 01 %02x c0 c0", id))
		}
		wantDone(t, first, second, third)
	})
}

// repliesToNobody spells responses that a client with the pending id 1 and
// answered id 7 has no call for.
var repliesToNobody = map[string]string{
	"unknown":              "94 01 02 c0 01",
	"answered before":      "94 01 07 c0 01",
	"zero":                 "94 01 00 c0 01",
	"negative":             "94 01 ff c0 01",
	"negative in 64 bits":  "94 01 d3 ffffffff 00000001 c0 01",
	"2^31":                 "94 01 ce 80000000 c0 01",
	"2^32+1, 1 in 32 bits": "94 01 cf 00000001 00000001 c0 01",
	"2^64-1":               "94 01 cf ffffffff ffffffff c0 01",
	"nil":                  "94 01 c0 c0 01",
	"nil like Hello":       "94 01 c0 c0 c0",
	"text":                 "94 01 a1 '1' c0 01",
	"float":                "94 01 cb 3ff00000 00000000 c0 01",
	"list":                 "94 01 91 01 c0 01",
	"error of mprpc's -1":  "94 01 ff a1 'x' c0",
	"short, unknown":       "92 01 02",
}

func TestRepliesToNobodyAreIgnoredAndCounted(t *testing.T) {
	for name, reply := range repliesToNobody {
		for _, mode := range []codec.Pipelining{codec.Never, codec.Always} {
			t.Run(fmt.Sprintf("%s/%d", name, mode), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log ledger
					client, c, peer := scriptedCodec(t, codec.Options{Pipeline: mode, Logger: log.logger()})
					codec.SetLastID(c, 6)
					answered := client.Go("f", nil, nil, nil)
					peer.want("94 00 07 a1 'f' 90")
					peer.Send("94 01 07 c0 c0")
					wantDone(t, answered)

					codec.SetLastID(c, 0)
					var n int
					pending := client.Go("f", nil, &n, nil)
					peer.want("94 00 01 a1 'f' 90")
					peer.Send(reply)
					peer.Send(reply)
					peer.Send("94 01 01 c0 2a")
					if wantDone(t, pending); n != 42 {
						t.Errorf("result %d, want 42", n)
					}
					client.Close()
					if got := log.last()["ignored_responses"]; got != int64(2) {
						t.Errorf("ignored_responses = %v, want 2; log %v", got, log.all())
					}
				})
			})
		}
	}
}

func TestReplyToAQueuedRequestIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never, Logger: log.logger()})
		var a, b int
		first, second := client.Go("a", nil, &a, nil), client.Go("b", nil, &b, nil)
		peer.want("94 00 01 a1 'a' 90")
		peer.Send("94 01 02 c0 07")
		peer.wantNone()
		peer.Send("94 01 01 c0 01")
		peer.want("94 00 02 a1 'b' 90")
		peer.Send("94 01 02 c0 02")
		if wantDone(t, first, second); a != 1 || b != 2 {
			t.Errorf("results %d and %d, want 1 and 2", a, b)
		}
		peer.Conn.Close()
		synctest.Wait()
		if got := log.last()["ignored_responses"]; got != int64(1) {
			t.Errorf("ignored_responses = %v, want 1; log %v", got, log.all())
		}
	})
}

// A duplex logs under its server half, which never sees a response.
func TestDuplexCountsRepliesToNobodyToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		near, far := net.Pipe()
		server, c := codec.Options{Logger: log.logger()}.NewDuplex(near)
		go rpc.NewServer().ServeCodec(server)
		client := rpc.NewClientWithCodec(c)
		peer := newScript(t, far)
		peer.Send("94 01 05 c0 c0")
		synctest.Wait()
		client.Close()
		if got := log.last()["ignored_responses"]; got != int64(1) {
			t.Errorf("ignored_responses = %v, want 1; log %v", got, log.all())
		}
	})
}

func TestRepliesOfAnotherShapeFailTheirCallAlone(t *testing.T) {
	for _, tc := range []struct{ reply, want string }{
		{"92 01 01", "message has 2 elements, want 4"},
		{"93 01 01 c0", "message has 3 elements, want 4"},
		{"95 01 01 c0 01 02", "message has 5 elements, want 4"},
	} {
		for _, through := range []string{"plain", "exchange"} {
			t.Run(fmt.Sprintf("%s/%s", tc.want, through), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
					go func() {
						peer.want("94 00 01 a1 'f' 90")
						peer.Send(tc.reply)
					}()
					n, want := 0, tc.want
					var err error
					if through == "plain" {
						err = client.Call("f", nil, &n)
					} else {
						err, want = call(client, "f", &codec.Exchange{Reply: &n}), "codec: f: "+want
					}
					if err == nil || err.Error() != want {
						t.Errorf("error %v, want %s", err, want)
					}
					next := client.Go("f", nil, nil, nil)
					peer.want("94 00 02 a1 'f' 90")
					peer.Send("94 01 02 c0 c0")
					wantDone(t, next)
				})
			})
		}
	}
}

func TestRepliesAreReadWithWideHeadersToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		for id := 1; id <= 4; id++ {
			var n int
			done := client.Go("f", nil, &n, nil)
			<-peer.got
			wide := binary.BigEndian.AppendUint64(nil, uint64(id))
			peer.Send([]string{
				fmt.Sprintf("dc 0004 01 cc %x c0 05", wide[7:]),
				fmt.Sprintf("dd 00000004 d0 01 cd %x c0 05", wide[6:]),
				fmt.Sprintf("94 cf 00000000 00000001 cf %x c0 cc 05", wide),
				fmt.Sprintf("94 01 d2 %x c0 d3 00000000 00000005", wide[4:]),
			}[id-1])
			if wantDone(t, done); n != 5 {
				t.Errorf("reply %d: %d, want 5", id, n)
			}
		}
	})
}
