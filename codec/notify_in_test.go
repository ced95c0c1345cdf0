package codec_test

import (
	"context"
	"fmt"
	"net/rpc"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
)

func TestNotificationsReachOnNotifyInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 500
		heard := make(chan *codec.Request, n)
		_, peer := scripted(t, codec.Options{OnNotify: func(r *codec.Request) { heard <- r }})
		for i := range n {
			peer.Send(fmt.Sprintf("93 02 a3 'evt' 92 cd %04x a1 'x'", i))
		}
		for want := range n {
			r := <-heard
			var got int
			var text string
			if err := r.Params.Decode(&got, &text); err != nil || got != want || text != "x" {
				t.Errorf("heard %d %q, %v, want %d", got, text, err, want)
			}
			if r.Method != "evt" || !r.Notification || r.Params.Len() != 2 || r.RemoteAddr == nil || r.Context().Err() != nil {
				t.Errorf("request %+v", r)
			}
		}
	})
}

func TestOnNotifyMayCallBackWhileCallsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var client *rpc.Client
		done := make(chan int)
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never, OnNotify: func(*codec.Request) {
			var n int
			if err := client.Call("back", nil, &n); err != nil {
				t.Error(err)
			}
			done <- n
		}})
		peer.Send("93 02 a3 'evt' 90")
		peer.want("94 00 01 a4 'back' 90")
		peer.Send("93 02 a3 'evt' 90") // the handler is busy, the reader is not
		peer.Send("94 01 01 c0 05")
		if n := <-done; n != 5 {
			t.Errorf("%d, want 5", n)
		}
		peer.want("94 00 02 a4 'back' 90")
		peer.Send("94 01 02 c0 06")
		if n := <-done; n != 6 {
			t.Errorf("%d, want 6", n)
		}
	})
}

func TestNotificationsThatWaitAreBounded(t *testing.T) {
	long := strings.Repeat("m", 180)
	for name, tc := range map[string]struct {
		o       codec.Options
		message string
		fit     int // behind the one in the handler
	}{
		"number":           {codec.Options{}, "93 02 a3 'evt' 90", 1000},
		"bytes":            {codec.Options{MaxMessage: 1000}, "93 02 a3 'evt' 91 c4 c5" + strings.Repeat("00", 0xc5), 4},
		"bytes of a name":  {codec.Options{MaxMessage: 1000}, "93 02 d9 b4 '" + long + "' 90", 5},
		"no limit, number": {codec.Options{MaxMessage: -1}, "93 02 a3 'evt' 90", 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				release := make(chan bool)
				heard := 0
				o := tc.o
				o.Logger, o.OnNotify = log.logger(), func(*codec.Request) { heard++; <-release }
				client, peer := scripted(t, o)
				for range 1 + tc.fit {
					peer.Send(tc.message)
					synctest.Wait()
				}
				if len(log.all()) != 0 {
					t.Fatalf("log %v, want silence so far", log.all())
				}
				x := new(codec.Exchange)
				pending := client.Go("f", x, nil, nil)
				<-peer.got
				peer.Send(tc.message)
				wantDone(t, pending)
				if !contains(x.Err, "wait for OnNotify") || !strings.Contains(fmt.Sprint(log.last()["reason"]), "wait for OnNotify") {
					t.Errorf("error %v, log %v, want the reason", x.Err, log.all())
				}
				peer.wantEnd()
				close(release)
				synctest.Wait()
				if heard != 1+tc.fit { // those before the end are handled
					t.Errorf("heard %d, want %d", heard, 1+tc.fit)
				}
			})
		})
	}
}

func TestNotificationsThatNobodyHandlesAreLogged(t *testing.T) {
	for name, tc := range map[string]struct {
		handler  func(*codec.Request)
		message  string
		key, log string
	}{
		"no OnNotify":       {nil, "93 02 a3 'evt' 90", "method", "evt"},
		"no OnNotify, text": {nil, "93 02 a2 'e' 0a 90", "method", `"e\n"`},
		"panic":             {func(*codec.Request) { panic("boom") }, "93 02 a3 'evt' 90", "panic", "boom"},
		"method no text":    {func(*codec.Request) {}, "93 02 05 90", "reason", "method is an integer, not text"},
		"params no list":    {func(*codec.Request) {}, "93 02 a3 'evt' 80", "reason", "params is a map, not a list"},
		"too short":         {func(*codec.Request) {}, "92 02 a3 'evt'", "reason", "message has 2 elements, want 3"},
		"too long":          {func(*codec.Request) {}, "94 02 a3 'evt' 90 c0", "reason", "message has 4 elements, want 3"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log ledger
				client, peer := scripted(t, codec.Options{OnNotify: tc.handler, Logger: log.logger()})
				peer.Send(tc.message)
				synctest.Wait()
				if r := log.last(); r == nil || r[tc.key] != tc.log {
					t.Errorf("log %v, want %s=%s", log.all(), tc.key, tc.log)
				}
				done := client.Go("f", nil, nil, nil) // the connection goes on
				peer.answer("c0 c0")
				wantDone(t, done)
				peer.Send(tc.message) // and so do notifications
				synctest.Wait()
				if len(log.all()) != 2 {
					t.Errorf("log %v, want two records", log.all())
				}
			})
		})
	}
}

func TestNotificationsThatWaitAtTheEndAreHandledAndAfterCloseDropped(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(*rpc.Client, *script)
		want int
	}{
		"EOF":   {func(_ *rpc.Client, s *script) { s.Conn.Close() }, 10},
		"Close": {func(c *rpc.Client, _ *script) { c.Close() }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heard, begun, release := 0, make(chan context.Context, 10), make(chan bool)
				client, peer := scripted(t, codec.Options{OnNotify: func(r *codec.Request) {
					heard++
					begun <- r.Context()
					<-release
				}})
				for range 10 {
					peer.Send("93 02 a3 'evt' 90")
				}
				ctx := <-begun
				tc.end(client, peer)
				<-ctx.Done() // a handler that is at work can see the end
				close(release)
				synctest.Wait()
				if heard != tc.want {
					t.Errorf("heard %d, want %d", heard, tc.want)
				}
			})
		})
	}
}

func TestARequestToAClientIsAnsweredMethodNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		for request, reply := range map[string]string{
			"94 00 05 a3 'sum' 90":                 "94 01 05 b5 'method not found: sum' c0",
			"94 00 ff a3 'sum' 90":                 "94 01 ff b5 'method not found: sum' c0",
			"94 00 cf 00000000 00000005 a1 'x' 90": "94 01 cf 00000000 00000005 b3 'method not found: x' c0",
			"93 00 05 a3 'sum'":                    "94 01 05 be 'message has 3 elements, want 4' c0",
		} {
			peer.Send(request)
			peer.want(reply)
		}
		done := client.Go("f", nil, nil, nil)
		peer.answer("c0 c0")
		wantDone(t, done)
	})
}

func TestAPeerThatSendsRequestsAndDoesNotReadTheAnswersIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		_, far := connected(t, codec.Options{Logger: log.logger(), WriteTimeout: -1})
		request := []byte("\x94\x00\x05\xa3sum\x90")
		sent := 0
		for ; sent < 100_000; sent++ {
			if _, err := far.Write(request); err != nil {
				break
			}
		}
		if sent < 5_000 || sent > 20_000 { // 256 KB of answers of 25 bytes each
			t.Errorf("cut off after %d requests", sent)
		}
		synctest.Wait()
		if got := fmt.Sprint(log.last()["reason"]); got != "peer sends requests and does not read the answers" {
			t.Errorf("log %v, want the reason", log.all())
		}
	})
}
