package codec_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

func TestAReplyBeyondALimitFailsThePendingCallsWithItsName(t *testing.T) {
	for name, tc := range map[string]struct {
		o     codec.Options
		reply string
		want  string
	}{
		"MaxMessage, all there":    {codec.Options{MaxMessage: 20}, "94 01 01 c0 b0 '0123456789abcdef'", "message exceeds MaxMessage (20)"},
		"MaxMessage, only a claim": {codec.Options{}, "94 01 01 c0 c6 ffffffff", "message exceeds MaxMessage (16777216)"},
		"MaxDepth":                 {codec.Options{MaxDepth: 3}, "94 01 01 c0 91 91 91 90", "message exceeds MaxDepth (3)"},
		"MaxDepth, default":        {codec.Options{}, "94 01 01 c0" + strings.Repeat("91", 128), "message exceeds MaxDepth (128)"},
		"MaxElements":              {codec.Options{MaxElements: 6}, "94 01 01 c0 93 01 02 03", "message exceeds MaxElements (6)"},
		"MaxElements, in the id":   {codec.Options{}, "94 01 dd ffffffff", "message exceeds Max"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				tc.o.Logger, tc.o.Pipeline = log.logger(), codec.Always
				client, peer := scripted(t, tc.o)
				x := new(codec.Exchange)
				exchange, plain := client.Go("f", x, nil, nil), client.Go("g", nil, nil, nil)
				<-peer.got
				<-peer.got
				peer.Conn.Write(codectest.Bytes(tc.reply)) // may be cut off in the middle
				wantDone(t, exchange)
				<-plain.Done
				for _, err := range []error{x.Err, plain.Error} {
					if !contains(err, tc.want) || errors.Is(err, io.ErrUnexpectedEOF) {
						t.Errorf("error %v, want %s", err, tc.want)
					}
				}
				if got := fmt.Sprint(log.last()["reason"]); !strings.Contains(got, tc.want) {
					t.Errorf("log %v, want %s", log.all(), tc.want)
				}
			})
		})
	}
}

func TestRepliesOfExactlyTheLimitsAreFine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{MaxMessage: 21, MaxDepth: 3, MaxElements: 7})
		for _, reply := range []string{"c0 b0 '0123456789abcdef'", "c0 91 90", "c0 93 01 02 03"} {
			go peer.answer(reply)
			var v any
			if err := call(client, "f", &codec.Exchange{Reply: &v}); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAResultBeyondMaxDecodedCostsItsCallAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{MaxDecoded: 1000})
		var large [][100]int
		go peer.answer("c0 92 90 90")
		err := call(client, "f", &codec.Exchange{Reply: &large})
		if !contains(err, "MaxDecoded (1000)") || large != nil {
			t.Errorf("%v, %v, want an error that names MaxDecoded", large, err)
		}
		var n int
		go peer.answer("c0 05")
		if err := call(client, "f", &codec.Exchange{Reply: &n}); err != nil || n != 5 {
			t.Errorf("the call after that: %d, %v", n, err)
		}
	})
}

func TestReadTimeoutCountsForAMessageNotForAByteNorForAnIdleConnection(t *testing.T) {
	for name, tc := range map[string]struct {
		timeout time.Duration
		every   time.Duration // between two bytes of a reply
		cut     time.Duration // when the connection ends after the first byte; 0: never
	}{
		"default":         {0, time.Second, time.Minute},
		"five seconds":    {5 * time.Second, time.Second, 5 * time.Second},
		"quick enough":    {0, 200 * time.Millisecond, 0},
		"none":            {-1, time.Hour, 0},
		"one byte, quiet": {0, 24 * time.Hour, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, peer := scripted(t, codec.Options{ReadTimeout: tc.timeout})
				time.Sleep(24 * time.Hour) // idle before a call,
				var s string
				x := &codec.Exchange{Reply: &s}
				done := client.Go("f", x, nil, nil)
				<-peer.got
				time.Sleep(24 * time.Hour) // and in one
				text := strings.Repeat("x", 200)
				reply := codectest.Bytes("94 01 01 c0 d9 c8 '" + text + "'")
				begin := time.Now()
				for i := range reply {
					if _, err := peer.Conn.Write(reply[i : i+1]); err != nil {
						break
					}
					time.Sleep(tc.every)
				}
				wantDone(t, done)
				if tc.cut == 0 {
					if x.Err != nil || s != text {
						t.Errorf("%q, %v", s, x.Err)
					}
					time.Sleep(24 * time.Hour) // idle after it
					next := client.Go("f", nil, nil, nil)
					peer.answer("c0 c0")
					wantDone(t, next)
					return
				}
				if !contains(x.Err, "not complete within ReadTimeout") {
					t.Errorf("error %v, want one that names ReadTimeout", x.Err)
				}
				if took := time.Since(begin); took > max(tc.cut, tc.every)+time.Second {
					t.Errorf("cut after %v, want %v", took, tc.cut)
				}
			})
		})
	}
}

func TestWriteTimeoutEndsAConnectionToAPeerThatDoesNotRead(t *testing.T) {
	for name, tc := range map[string]struct {
		timeout, want time.Duration
	}{
		"default":      {0, 30 * time.Second},
		"five seconds": {5 * time.Second, 5 * time.Second},
		"none":         {-1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				client, _, _ := silentCodec(t, codec.Options{WriteTimeout: tc.timeout, Logger: log.logger()})
				begin := time.Now()
				result := make(chan error)
				go func() { result <- client.Call("f", nil, nil) }()
				if tc.want == 0 {
					time.Sleep(24 * time.Hour)
					synctest.Wait()
					client.Close()
					<-result
					if took := time.Since(begin); took < 24*time.Hour {
						t.Errorf("ended after %v, want no end", took)
					}
					return
				}
				err := <-result
				if took := time.Since(begin); took != tc.want {
					t.Errorf("ended after %v, want %v", took, tc.want)
				}
				if !contains(err, "peer does not read") {
					t.Errorf("error %v", err)
				}
				if got := fmt.Sprint(log.last()["reason"]); !strings.Contains(got, "peer does not read") {
					t.Errorf("log %v, want the reason", log.all())
				}
			})
		})
	}
}
