package codec_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

const noText = "peer reported an error without text"

// errorForms are what peers put into the error field of a response. The first
// ones are those of known peers: see the comment.
var errorForms = []struct {
	name, raw string
	text      string
	want      codec.Error // without Raw
}{
	{"text of mprpc", "a3 'bad'", "bad", codec.Error{Message: "bad"}},
	{"empty text of mprpc", "a0", noText, codec.Error{}},
	{"bytes of an old peer", "c4 03 'bad'", "bad", codec.Error{Message: "bad"}},
	{"text that is not UTF-8", "a3 'a' ff 'b'", "a\uFFFDb", codec.Error{Message: "a\uFFFDb"}},
	{"str32", "db 00000003 'bad'", "bad", codec.Error{Message: "bad"}},
	{"number of msgpack-rpc-cpp", "01", "error 1", codec.Error{Code: 1}},
	{"pair of Neovim", "92 00 a3 'bad'", "bad", codec.Error{Message: "bad"}},
	{"pair of tinyrpc", "92 d1 8057 a3 'bad'", "bad", codec.Error{Code: -32681, Message: "bad"}},
	{"pair with data", "93 05 a3 'bad' 91 07", "bad", codec.Error{Code: 5, Message: "bad", Data: []any{int64(7)}}},
	{"pair with bytes", "92 05 c4 03 'bad'", "bad", codec.Error{Code: 5, Message: "bad"}},
	{"pair without text", "92 05 a0", "error 5", codec.Error{Code: 5}},
	{"pair of aiorpc", "92 a4 'Type' a3 'bad'", "[Type bad]", codec.Error{Message: "[Type bad]"}},
	{"map", "83 a4 'code' 05 a7 'message' a3 'bad' a4 'data' 07", "bad", codec.Error{Code: 5, Message: "bad", Data: int64(7)}},
	{"map without message", "81 a1 'k' 07", "map[k:7]", codec.Error{Message: "map[k:7]"}},
	{"map without text", "82 a4 'code' 05 a7 'message' a0", "error 5", codec.Error{Code: 5}},
	{"map with other keys", "81 01 02", "map[1:2]", codec.Error{Message: "map[1:2]"}},
	{"0", "00", noText, codec.Error{}},
	{"false", "c2", noText, codec.Error{}},
	{"empty list", "90", noText, codec.Error{}},
	{"empty map", "80", noText, codec.Error{}},
	{"0.0", "cb 00000000 00000000", noText, codec.Error{}},
	{"true", "c3", "true", codec.Error{Message: "true"}},
	{"negative number", "d1 8057", "error -32681", codec.Error{Code: -32681}},
	{"2^64-1", "cf ffffffff ffffffff", "18446744073709551615", codec.Error{Message: "18446744073709551615"}},
	{"float", "cb 3ff80000 00000000", "1.5", codec.Error{Message: "1.5"}},
	{"list", "94 01 a1 'a' c0 c3", "[1 a <nil> true]", codec.Error{Message: "[1 a <nil> true]"}},
	{"nested", "91 91 81 a1 'k' 90", "[[map[k:[]]]]", codec.Error{Message: "[[map[k:[]]]]"}},
	{"extension", "d4 05 01", "", codec.Error{}},
	{"list as key", "81 90 01", "", codec.Error{}},
}

func TestEveryFormOfErrorFailsItsCallAlone(t *testing.T) {
	for _, tc := range errorForms {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
				n := 42
				go peer.answer(tc.raw + "c0")
				err := call(client, "f", &codec.Exchange{Reply: &n})
				var e *codec.Error
				if !errors.As(err, &e) {
					t.Fatalf("error %v (%T), want a *codec.Error", err, err)
				}
				if got, want := string(e.Raw), string(codectest.Bytes(tc.raw)); got != want {
					t.Errorf("Raw % x, want % x", got, want)
				}
				if e.Error() == "" || tc.text != "" && e.Error() != tc.text {
					t.Errorf("text %q, want %q", e.Error(), tc.text)
				}
				want := tc.want
				if want.Raw = e.Raw; tc.text == "" { // any text will do
					want.Message = e.Message
				}
				if diff := cmp.Diff(&want, e); diff != "" {
					t.Error(diff)
				}

				// A plain client gets the text.
				go peer.answer(tc.raw + "c0")
				if err := client.Call("f", nil, &n); err == nil || err.Error() != e.Error() {
					t.Errorf("a plain client got %v, want %v", err, e)
				}
				if n != 42 {
					t.Errorf("the reply is %d, want it untouched", n)
				}
				go peer.answer("c0 01")
				if err := client.Call("f", nil, &n); err != nil || n != 1 {
					t.Errorf("the call after that: %d, %v", n, err)
				}
			})
		})
	}
}

// msgpack-rpc-ruby puts data into the result field of an error.
func TestAnErrorWinsOverAResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{})
		var n int
		go peer.answer("a3 'bad' 05")
		if err := call(client, "f", &codec.Exchange{Reply: &n}); fmt.Sprint(err) != "bad" || n != 0 {
			t.Errorf("%d, %v, want bad", n, err)
		}
		go peer.answer("a3 'bad' 05")
		if err := client.Call("f", nil, &n); fmt.Sprint(err) != "bad" || n != 0 {
			t.Errorf("plain: %d, %v, want bad", n, err)
		}
	})
}

func TestAnErrorTextIsReadInThePeersEncoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{DecodeText: func(b []byte) ([]byte, error) {
			if strings.HasPrefix(string(b), "!") {
				return nil, errors.New("no such character")
			}
			return []byte(strings.ToUpper(string(b))), nil
		}})
		for raw, want := range map[string]string{
			"a3 'bad'": "BAD",
			"a2 '!x'":  "peer reported an error that cannot be read: text cannot be decoded: no such character",
		} {
			go peer.answer(raw + "c0")
			if err := call(client, "f", new(codec.Exchange)); fmt.Sprint(err) != want {
				t.Errorf("error %v, want %s", err, want)
			}
		}
	})
}

// The text that is made of an error without one is bounded; Raw has all of it.
func TestTheTextMadeOfAnErrorIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, peer := scripted(t, codec.Options{Pipeline: codec.Never})
		x := new(codec.Exchange)
		done := client.Go("m", x, nil, nil)
		<-peer.got
		peer.Send("94 01 01 dc ffff" + strings.Repeat("07", 0xffff) + "c0")
		<-done.Done
		var e *codec.Error
		if !errors.As(x.Err, &e) || len(e.Error()) > 1100 || len(e.Raw) != 3+0xffff {
			t.Errorf("text of %d bytes, %d raw", len(e.Error()), len(e.Raw))
		}
	})
}
