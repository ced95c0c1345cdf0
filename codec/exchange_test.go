package codec_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-mprpc/mprpc/codec"
)

// answer makes the script answer its next request, whose id takes one byte,
// with an error and a result in hexadecimal.
func (s *script) answer(errorAndResult string) {
	s.t.Helper()
	got, ok := <-s.got
	if !ok {
		s.t.Error("the connection ended, want a request")
		return
	}
	s.Send(fmt.Sprintf("94 01 %02x %s", got[2], errorAndResult))
}

func TestExchangeGetsItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		var sum int
		x := &codec.Exchange{Args: codec.Args{1, 2}, Reply: &sum}
		done := client.Go("sum", x, nil, nil)
		peer.want("94 00 01 a3 'sum' 92 01 02") // the same bytes as without
		peer.Send("94 01 01 c0 03")
		if wantDone(t, done); sum != 3 || x.Err != nil {
			t.Errorf("%d, %v, want 3", sum, x.Err)
		}
		if x.GiveUp(io.EOF) || x.Err != nil {
			t.Errorf("GiveUp after the answer was in time; Err %v", x.Err)
		}
	})
}

func TestExchangeWithoutReplyDropsTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		go peer.answer("c0 a1 'x'")
		if err := call(client, "f", new(codec.Exchange)); err != nil {
			t.Error(err)
		}
	})
}

func TestAResultThatDoesNotFitAnExchangeCostsItAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		client, peer := scripted(t, codec.Options{Pipeline: codec.Always, Logger: log.logger()})
		var a, b int8
		var s struct{ Tags []string }
		xs := []*codec.Exchange{{Reply: &a}, {Reply: &s}, {Reply: 5}, {Reply: &b}}
		wants := []string{
			"codec: f: result: 300 does not fit int8",
			"codec: f: result: .Tags[1]: ",
			"codec: f: result: ",
			"",
		}
		plain := client.Go("f", nil, new(int), nil) // shares the client
		<-peer.got
		for i, reply := range []string{"c0 cd 012c", "c0 81 a4 'Tags' 92 a1 'a' 05", "c0 05", "c0 07"} {
			go peer.answer(reply)
			err := call(client, "f", xs[i])
			if text := fmt.Sprint(err); (err == nil) != (wants[i] == "") || !strings.HasPrefix(text, wants[i]) {
				t.Errorf("error %v, want %q", err, wants[i])
			}
			if e := (*codec.Error)(nil); errors.As(err, &e) {
				t.Error("our own error passes for one of the peer")
			}
		}
		if a != 0 || b != 7 {
			t.Errorf("results %d and %d, want 0 and 7", a, b)
		}
		peer.Send("94 01 01 c0 01")
		wantDone(t, plain)
		client.Close()
		if len(log.all()) != 0 {
			t.Errorf("log %v, want silence", log.all())
		}
	})
}

func TestExchangeServesOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		var n int
		x := &codec.Exchange{Reply: &n}
		go peer.answer("c0 01")
		if err := call(client, "f", x); err != nil {
			t.Error(err)
		}
		if err := call(client, "f", x); err == nil || !strings.Contains(err.Error(), "one call") {
			t.Errorf("the second call got %v, want an error", err)
		}
		peer.wantNone()
		go peer.answer("c0 02")
		if err := call(client, "f", &codec.Exchange{Reply: &n}); err != nil || n != 2 {
			t.Errorf("the call after that: %d, %v", n, err)
		}
	})
}

func TestANilExchangeIsAnArgumentWithoutParameters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		done := client.Go("f", (*codec.Exchange)(nil), nil, nil)
		select {
		case got := <-peer.got:
			t.Logf("sent % x", got)
			peer.Send("94 01 01 c0 c0")
			wantDone(t, done)
		case <-done.Done:
			if done.Error == nil {
				t.Error("a call that was not sent succeeded")
			}
		}
	})
}

// An Exchange keeps working where plain calls share its client: the plain call
// whose result does not fit ends the client, and each Exchange learns why.
func TestExchangesLearnThatAPlainCallHasEndedTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		plain := client.Go("plain", nil, new(int), nil)
		x := new(codec.Exchange)
		queued := client.Go("queued", x, nil, nil)
		late := new(codec.Exchange)
		last := client.Go("late", late, nil, nil)
		peer.answer("c0 a1 'x'")
		<-plain.Done
		<-queued.Done
		<-last.Done
		if plain.Error == nil || !strings.Contains(plain.Error.Error(), "codec.Exchange does not") {
			t.Errorf("the plain call got %v", plain.Error)
		}
		if !contains(x.Err, `before the answer to queued`) || !contains(x.Err, "does not fit") {
			t.Errorf("the Exchange in flight got %v, want the reason", x.Err)
		}
		if !errors.Is(late.Err, codec.ErrNotSent) || !contains(late.Err, "does not fit") {
			t.Errorf("the queued Exchange got %v, want ErrNotSent and the reason", late.Err)
		}
	})
}
