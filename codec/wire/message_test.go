package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// TestParse goes through the shapes that real mprpc was asked about, with this package's answer: a *FormatError ends the connection, a
// Problem costs one call.
func TestParse(t *testing.T) {
	t.Parallel()
	sum := []byte("sum")
	for _, tt := range []struct {
		name, frame string
		want        wire.Message
		err         string
	}{
		{"request", "94 00 01 a373756d 92 01 02",
			wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x92, 1, 2}}, ""},
		{"notification", "93 02 a373756d 90",
			wire.Message{Type: 2, Num: -1, Method: sum, Params: []byte{0x90}}, ""},
		{"response", "94 01 05 c0 03",
			wire.Message{Type: 1, ID: []byte{5}, Num: 5, Result: []byte{3}}, ""},
		{"error response", "94 01 05 a2 6e6f c0",
			wire.Message{Type: 1, ID: []byte{5}, Num: 5, Error: []byte("\xa2no"), Result: []byte{0xc0}}, ""},
		{"error and result", "94 01 05 c2 03",
			wire.Message{Type: 1, ID: []byte{5}, Num: 5, Error: []byte{0xc2}, Result: []byte{3}}, ""},

		// The message's own array and type in every width.
		{"array16", "dc 0004 00 01 a373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"array32", "dd 00000004 00 01 a373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"type in 8 bytes", "94 d3 0000000000000000 01 a373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"type uint16", "93 cd 0002 a373756d 90", wire.Message{Type: 2, Num: -1, Method: sum, Params: []byte{0x90}}, ""},
		{"type 3", "94 03 01 a373756d 90", wire.Message{Num: -1}, "message type is not 0, 1 or 2"},
		{"type -1", "94 ff 01 a373756d 90", wire.Message{Num: -1}, "message type is not 0, 1 or 2"},
		{"type 2^64-1", "94 cf ffffffffffffffff 01 a373756d 90", wire.Message{Num: -1}, "message type is not 0, 1 or 2"},
		{"type 2^32", "94 cf 0000000100000000 01 a373756d 90", wire.Message{Num: -1}, "message type is not 0, 1 or 2"},
		{"type nil", "94 c0 01 a373756d 90", wire.Message{Num: -1}, "message type is not 0, 1 or 2"},
		{"type false, which mprpc accepts", "94 c2 01 a373756d 90", wire.Message{Num: -1}, "message type is not 0, 1 or 2"},
		{"type 0.0, which mprpc accepts", "94 cb 0000000000000000 01 a373756d 90", wire.Message{Num: -1}, "message type is not 0, 1 or 2"},

		// Ids, kept as they came.
		{"id 0", "94 00 00 a373756d 90", wire.Message{ID: []byte{0}, Method: sum, Params: []byte{0x90}}, ""},
		{"id -1", "94 00 ff a373756d 90", wire.Message{ID: []byte{0xff}, Num: -1, Method: sum, Params: []byte{0x90}}, ""},
		{"id -2^31", "94 00 d280000000 a373756d 90", wire.Message{ID: unhex(t, "d280000000"), Num: -1, Method: sum, Params: []byte{0x90}}, ""},
		{"id uint8", "94 00 cc01 a373756d 90", wire.Message{ID: unhex(t, "cc01"), Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"id uint16", "94 00 cd0100 a373756d 90", wire.Message{ID: unhex(t, "cd0100"), Num: 256, Method: sum, Params: []byte{0x90}}, ""},
		{"id 2^32-1", "94 00 ceffffffff a373756d 90", wire.Message{ID: unhex(t, "ceffffffff"), Num: 1<<32 - 1, Method: sum, Params: []byte{0x90}}, ""},
		{"id 2^63-1", "94 00 cf7fffffffffffffff a373756d 90", wire.Message{ID: unhex(t, "cf7fffffffffffffff"), Num: 1<<63 - 1, Method: sum, Params: []byte{0x90}}, ""},
		{"id 2^64-1", "94 00 cfffffffffffffffff a373756d 90", wire.Message{ID: unhex(t, "cfffffffffffffffff"), Num: -1, Method: sum, Params: []byte{0x90}}, ""},
		{"id int8", "94 00 d001 a373756d 90", wire.Message{ID: unhex(t, "d001"), Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"id int16", "94 00 d10001 a373756d 90", wire.Message{ID: unhex(t, "d10001"), Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"id int32", "94 00 d200000001 a373756d 90", wire.Message{ID: unhex(t, "d200000001"), Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"id int64", "94 00 d30000000000000001 a373756d 90", wire.Message{ID: unhex(t, "d30000000000000001"), Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"request id nil", "94 00 c0 a373756d 90", wire.Message{Num: -1}, "request id is nil, not an integer"},
		{"request id text", "94 00 a131 a373756d 90", wire.Message{Num: -1}, "request id is text, not an integer"},
		{"request id bytes", "94 00 c40131 a373756d 90", wire.Message{Num: -1}, "request id is bytes, not an integer"},
		{"request id list", "94 00 90 a373756d 90", wire.Message{Num: -1}, "request id is a list, not an integer"},
		{"request id map", "94 00 80 a373756d 90", wire.Message{Num: -1}, "request id is a map, not an integer"},
		{"request id 1.0", "94 00 cb3ff0000000000000 a373756d 90", wire.Message{Num: -1}, "request id is a float, not an integer"},
		{"request id true", "94 00 c3 a373756d 90", wire.Message{Num: -1}, "request id is a bool, not an integer"},
		{"request id ext", "94 00 d40101 a373756d 90", wire.Message{Num: -1}, "request id is an extension, not an integer"},
		{"response id nil", "94 01 c0 c0 03", wire.Message{Type: 1, Num: -1, Result: []byte{3}}, ""},
		{"response id list", "94 01 9101 c0 03", wire.Message{Type: 1, Num: -1, Result: []byte{3}}, ""},
		{"mprpc's answer to what is no array", "94 01 ff b0 496e76616c69642070726f746f636f6c c0",
			wire.Message{Type: 1, ID: []byte{0xff}, Num: -1, Error: []byte("\xb0Invalid protocol"), Result: []byte{0xc0}}, ""},

		// Lengths.
		{"array of 0", "90", wire.Message{Num: -1}, "message is an empty array"},
		{"request of 1", "91 00", wire.Message{Num: -1}, "message ends before its id"},
		{"request of 2", "92 00 07", wire.Message{ID: []byte{7}, Num: 7, Problem: "message has 2 elements, want 4"}, ""},
		{"request of 3", "93 00 07 a373756d", wire.Message{ID: []byte{7}, Num: 7, Problem: "message has 3 elements, want 4"}, ""},
		{"request of 5", "95 00 07 a373756d 90 c0", wire.Message{ID: []byte{7}, Num: 7, Problem: "message has 5 elements, want 4"}, ""},
		{"response of 1", "91 01", wire.Message{Num: -1}, "message ends before its id"},
		{"response of 3", "93 01 07 c0", wire.Message{Type: 1, ID: []byte{7}, Num: 7, Problem: "message has 3 elements, want 4"}, ""},
		{"response of 5", "95 01 07 c0 c0 c0", wire.Message{Type: 1, ID: []byte{7}, Num: 7, Problem: "message has 5 elements, want 4"}, ""},
		{"notification of 1", "91 02", wire.Message{Type: 2, Num: -1, Problem: "message has 1 elements, want 3"}, ""},
		{"notification of 4", "94 02 a373756d 90 c0", wire.Message{Type: 2, Num: -1, Problem: "message has 4 elements, want 3"}, ""},

		// Methods.
		{"method as bytes", "94 00 01 c40373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"method empty", "94 00 01 a0 90", wire.Message{ID: []byte{1}, Num: 1, Method: []byte{}, Params: []byte{0x90}}, ""},
		{"method in str8", "94 00 01 d90373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"method in str16", "94 00 01 da000373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"method in str32 asks", "94 00 01 db0000000373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Asks: true, Params: []byte{0x90}}, ""},
		{"method in str32 of a notification does not", "93 02 db0000000373756d 90", wire.Message{Type: 2, Num: -1, Method: sum, Params: []byte{0x90}}, ""},
		{"method in bin32 does not", "94 00 01 c60000000373756d 90", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: []byte{0x90}}, ""},
		{"method 5", "94 00 01 05 90", wire.Message{ID: []byte{1}, Num: 1, Problem: "method is an integer, not text"}, ""},
		{"method nil", "94 00 01 c0 90", wire.Message{ID: []byte{1}, Num: 1, Problem: "method is nil, not text"}, ""},
		{"method true", "94 00 01 c3 90", wire.Message{ID: []byte{1}, Num: 1, Problem: "method is a bool, not text"}, ""},
		{"method list", "94 00 01 9105 90", wire.Message{ID: []byte{1}, Num: 1, Problem: "method is a list, not text"}, ""},
		{"method map", "93 02 80 90", wire.Message{Type: 2, Num: -1, Problem: "method is a map, not text"}, ""},

		// Params: what mprpc takes apart into arguments is refused.
		{"params nil", "94 00 01 a373756d c0", wire.Message{ID: []byte{1}, Num: 1, Method: sum}, ""},
		{"params array16", "94 00 01 a373756d dc000101", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Params: unhex(t, "dc000101")}, ""},
		{"params text", "94 00 01 a373756d a26162", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Problem: "params is text, not a list"}, ""},
		{"params bytes", "94 00 01 a373756d c4020102", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Problem: "params is bytes, not a list"}, ""},
		{"params map", "94 00 01 a373756d 8201090209", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Problem: "params is a map, not a list"}, ""},
		{"params 5", "94 00 01 a373756d 05", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Problem: "params is an integer, not a list"}, ""},
		{"params 1.5", "94 00 01 a373756d cb3ff8000000000000", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Problem: "params is a float, not a list"}, ""},
		{"params true", "94 00 01 a373756d c3", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Problem: "params is a bool, not a list"}, ""},
		{"params ext", "94 00 01 a373756d d40161", wire.Message{ID: []byte{1}, Num: 1, Method: sum, Problem: "params is an extension, not a list"}, ""},

		// Top level.
		{"5", "05", wire.Message{Num: -1}, "message is an integer, not an array"},
		{"nil", "c0", wire.Message{Num: -1}, "message is nil, not an array"},
		{"text", "a161", wire.Message{Num: -1}, "message is text, not an array"},
		{"map", "80", wire.Message{Num: -1}, "message is a map, not an array"},
		{"GET, the start of HTTP", "47", wire.Message{Num: -1}, "message is an integer, not an array"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frame := scanned(t, unhex(t, tt.frame))
			got, err := wire.Parse(frame)
			if errText(err) != tt.err {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if d := cmp.Diff(tt.want, got); d != "" && tt.err == "" {
				t.Error(d)
			}
			checkHead(t, frame, got, err)
		})
	}
}

// checkHead compares what ParseHead sees of each beginning of a frame with what
// Parse saw of the whole.
func checkHead(t *testing.T, frame []byte, whole wire.Message, err error) {
	t.Helper()
	found := false
	for end := range len(frame) + 1 {
		m, ok := wire.ParseHead(frame[:end:end])
		if found && !ok {
			t.Errorf("ParseHead lost the head at %d bytes", end)
		}
		if found = ok; !ok {
			continue
		}
		if want := (wire.Message{Type: whole.Type, ID: whole.ID, Num: whole.Num}); err != nil || !cmp.Equal(m, want) {
			t.Errorf("ParseHead of %d bytes: %+v, want %+v, %v", end, m, want, err)
		}
	}
	if want := err == nil && whole.Type != wire.Notification && whole.ID != nil; found != want {
		t.Errorf("ParseHead found a head: %v, want %v", found, want)
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	if !wire.IsHello(scanned(t, wire.Hello)) || wire.IsHello(unhex(t, "94 01 01 c0 c0")) || wire.IsHello(nil) {
		t.Error("IsHello")
	}
	m, err := wire.Parse(wire.Hello)
	if d := cmp.Diff(wire.Message{Type: 1, Num: -1, Result: []byte{0xc0}}, m); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestQuoteName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for in, want := range map[string]string{
		"sum":            "sum",
		"User.get":       "User.get",
		"メソッド":           "メソッド",
		"":               `""`,
		"a\nb":           `"a\nb"`,
		"\x1b[31m":       `"\x1b[31m"`,
		"\xff":           `"\xff"`,
		`say "x"`:        `"say \"x\""`,
		"\u202eevil":     `"\u202eevil"`,
		long:             long,
		long + "b":       long + "...",
		long[:63] + "é":  `"` + long[:63] + `\xc3"...`,
		long[:62] + "\n": `"` + long[:62] + `\n"`,
	} {
		if got := wire.QuoteName(in); got != want {
			t.Errorf("QuoteName(%q) = %s, want %s", in, got, want)
		}
	}
}
