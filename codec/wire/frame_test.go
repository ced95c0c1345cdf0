package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// every holds one value of each MessagePack format, in the order of its code.
const every = `
	00 7f                                // positive fixint
	80 81 a1 6b 01                       // fixmap, empty and {"k": 1}
	90 91 05                             // fixarray
	a0 a3 61 62 63                       // fixstr
	c0 c2 c3                             // nil, false, true
	c4 00 c4 02 00 ff                    // bin8
	c5 00 01 aa                          // bin16
	c6 00 00 00 01 aa                    // bin32
	c7 00 05 c7 03 05 01 02 03           // ext8
	c8 00 01 05 01                       // ext16
	c9 00 00 00 01 05 01                 // ext32
	ca 3f c0 00 00                       // float32
	cb 3f f8 00 00 00 00 00 00           // float64
	cc 01 cd 00 01 ce 00 00 00 01        // uint8, 16, 32
	cf 00 00 00 00 00 00 00 01           // uint64
	d0 ff d1 ff ff d2 ff ff ff ff        // int8, 16, 32
	d3 ff ff ff ff ff ff ff ff           // int64
	d4 01 aa d5 01 aa aa                 // fixext 1, 2
	d6 01 aa aa aa aa                    // fixext 4
	d7 01 aa aa aa aa aa aa aa aa        // fixext 8
	d8 01 aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa // fixext 16
	d9 01 61 da 00 01 61 db 00 00 00 01 61 // str8, 16, 32
	dc 00 01 05 dd 00 00 00 01 05        // array16, 32
	dd 00 00 00 00                       // array32, empty
	de 00 01 01 02 df 00 00 00 01 01 02  // map16, 32
	e0 ff                                // negative fixint
`

// everything returns them all in one list.
func everything(t testing.TB) []byte {
	b := unhex(t, every)
	count := 0
	for rest := b; len(rest) > 0; count++ {
		s := wire.Scanner{Limits: limits}
		n, err := s.Scan(rest)
		if n == 0 || err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	return append([]byte{0xdc, 0, byte(count)}, b...)
}

func TestScanTruncated(t *testing.T) {
	t.Parallel()
	whole := everything(t)
	for end := range whole {
		s := wire.Scanner{Limits: limits}
		if n, err := s.Scan(whole[:end:end]); n != 0 || err != nil {
			t.Errorf("%d of %d bytes: %d, %v", end, len(whole), n, err)
		}
	}
	s := wire.Scanner{Limits: limits}
	if n, err := s.Scan(append(bytes.Clone(whole), 0xc1)); n != len(whole) || err != nil {
		t.Errorf("whole: %d of %d, %v", n, len(whole), err)
	}
}

// TestScanOnce shows that bytes are looked at once: as soon as they have been
// scanned they are overwritten with a byte that is no MessagePack.
func TestScanOnce(t *testing.T) {
	t.Parallel()
	whole := everything(t)
	for _, step := range []int{1, 2, 3, 7, 64} {
		s := wire.Scanner{Limits: limits}
		b := bytes.Clone(whole)
		n := 0
		for end := step; n == 0; end += step {
			end = min(end, len(b))
			var err error
			if n, err = s.Scan(b[:end:end]); err != nil {
				t.Fatalf("step %d, at %d: %v", step, end, err)
			}
			// A header cut in half is looked at again; it has at most 5 bytes.
			for i := range end - min(end, 5) {
				b[i] = 0xc1
			}
			if end == len(b) {
				break
			}
		}
		if n != len(whole) {
			t.Errorf("step %d: %d of %d bytes", step, n, len(whole))
		}
		for _, before := range []string{"", "91 92 93 00", "91 c1", "dbffffffff"} { // whatever went before
			_, _ = s.Scan(unhex(t, before))
			s.Reset()
			if n, err := s.Scan(whole); n != len(whole) || err != nil {
				t.Errorf("after Reset: %d, %v", n, err)
			}
			s.Reset()
		}
	}
}

func TestScanInvalid(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"c1",             // the one byte that is never used
		"92 00 c1",       // within an array
		"81 a1 6b c1",    // as a map's value
		"81 c1",          // as a map's key
		"94 00 01 a0 c1", // in the place of params
	} {
		s := wire.Scanner{Limits: limits}
		n, err := s.Scan(unhex(t, in))
		var fe *wire.FormatError
		if !errors.As(err, &fe) || n != 0 || err.Error() != "byte 0xc1 is not MessagePack" {
			t.Errorf("%s: %d, %v", in, n, err)
		}
	}
	// As payload it is a byte like any other.
	scanned(t, unhex(t, "93 a1c1 c401c1 d401c1"))
}

// TestScanClaims feeds headers that claim what never comes: they are refused as
// soon as they are complete, and cost nothing.
func TestScanClaims(t *testing.T) { // not parallel: it counts allocations
	for _, tt := range []struct{ name, frame, limit string }{
		{"4 GiB text", "db ff ff ff ff", "MaxMessage"},
		{"4 GiB bytes", "c6 ff ff ff ff", "MaxMessage"},
		{"4 GiB extension", "c9 ff ff ff ff", "MaxMessage"},
		{"2^32 elements", "dd ff ff ff ff", "MaxMessage"},
		{"2^32 entries", "df ff ff ff ff", "MaxMessage"},
		{"100 Mi text within a request", "94 00 01 a3 73756d 91 db 06 40 00 00", "MaxMessage"},
		{"100 Mi elements within a request", "94 00 01 a3 73756d 91 dd 06 40 00 00", "MaxMessage"},
		{"2 Mi elements", "dd 00 20 00 00", "MaxElements"},
		{"1 Mi entries, each counts twice", "df 00 0f 00 00", "MaxElements"},
		{"500,001 entries", "df 00 07 a1 21", "MaxElements"},
		{"1,000,001 elements", "dd 00 0f 42 41", "MaxElements"},
		{"as much in parts", "93 dd 00 07 a1 20 c0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frame := unhex(t, tt.frame)
			s := wire.Scanner{Limits: limits}
			allocs := testing.AllocsPerRun(10, func() {
				s.Reset()
				_, _ = s.Scan(frame)
			})
			s.Reset()
			n, err := s.Scan(frame)
			if n != 0 || limitName(err) != tt.limit {
				t.Errorf("%d, %v; want %s", n, err, tt.limit)
			}
			if allocs > 3 { // the error
				t.Errorf("%v allocations", allocs)
			}
			s.Reset()
			if n, err := s.Scan(frame[:len(frame)-1]); n != 0 || err != nil {
				t.Errorf("before the header is complete: %d, %v", n, err)
			}
		})
	}
}

// limitName is the name of the limit that an error is about, empty for nil.
func limitName(err error) string {
	var le *wire.LimitError
	if errors.As(err, &le) {
		return le.Name
	}
	return errText(err)
}

// TestScanLimits goes exactly to each limit, and one beyond it.
func TestScanLimits(t *testing.T) {
	t.Parallel()
	small := wire.Limits{Message: 64, Depth: 4, Elements: 12, Decoded: 1}
	for _, tt := range []struct {
		name string
		in   []byte
		want string
	}{
		{"64 bytes", text(64), ""},
		{"65 bytes", text(65), "MaxMessage"},
		{"64 bytes in small values", append([]byte{0x92}, append(text(54), 0xcf, 0, 0, 0, 0, 0, 0, 0, 0)...), ""},
		{"65 bytes in small values", append([]byte{0x92}, append(text(55), 0xcf, 0, 0, 0, 0, 0, 0, 0, 0)...), "MaxMessage"},
		{"65 bytes by the next value", append([]byte{0x92}, append(text(63), 0)...), "MaxMessage"},
		{"66 bytes with more to come", append([]byte{0x93}, append(text(63), 0xcc, 0, 0)...), "MaxMessage"},
		{"depth 4", unhex(t, "91 91 91 91 00"), ""},
		{"depth 4 with maps", unhex(t, "91 81 00 91 80"), ""},
		{"depth 5", unhex(t, "91 91 91 91 91 00"), "MaxDepth"},
		{"depth 5, the innermost empty", unhex(t, "91 91 91 91 90"), "MaxDepth"},
		{"depth 5 with a map", unhex(t, "91 91 91 91 80"), "MaxDepth"},
		{"12 elements", append([]byte{0x9c}, make([]byte, 12)...), ""},
		{"13 elements", append([]byte{0x9d}, make([]byte, 13)...), "MaxElements"},
		{"12 in two lists", append([]byte{0x92, 0x95, 0, 0, 0, 0, 0, 0x95}, make([]byte, 5)...), ""},
		{"13 in two lists", append([]byte{0x92, 0x95, 0, 0, 0, 0, 0, 0x96}, make([]byte, 6)...), "MaxElements"},
		{"6 entries", append([]byte{0x86}, make([]byte, 12)...), ""},
		{"7 entries", append([]byte{0x87}, make([]byte, 14)...), "MaxElements"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := len(tt.in)
			if tt.want != "" {
				want = 0
			}
			for _, step := range []int{1, len(tt.in)} {
				s := wire.Scanner{Limits: small}
				n, err := 0, error(nil)
				for end := step; n == 0 && err == nil && end <= len(tt.in); end += step {
					n, err = s.Scan(tt.in[:end])
				}
				if n != want || limitName(err) != tt.want {
					t.Errorf("steps of %d: %d, %v; want %d, %s", step, n, err, want, tt.want)
				}
			}
		})
	}
	// A claim is judged by itself, before any of it has come.
	for size, want := range map[int]string{64: "", 65: "MaxMessage"} {
		s := wire.Scanner{Limits: small}
		if n, err := s.Scan(text(size)[:5]); n != 0 || limitName(err) != want {
			t.Errorf("claim of %d: %d, %v; want %q", size, n, err, want)
		}
	}
	if got, want := (&wire.LimitError{Name: "MaxDepth", Max: 128}).Error(), "message exceeds MaxDepth (128)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestScanNesting is the message that overflows the stack of decoders that
// recurse. Without a depth limit it is scanned without recursion.
func TestScanNesting(t *testing.T) {
	t.Parallel()
	const depth = 100_000
	deep := append(bytes.Repeat([]byte{0x91}, depth), 0)
	s := wire.Scanner{Limits: limits}
	if n, err := s.Scan(deep); n != 0 || limitName(err) != "MaxDepth" {
		t.Errorf("%d, %v", n, err)
	}
	s = wire.Scanner{Limits: limits}
	s.Limits.Depth = math.MaxInt
	for range 2 {
		if n, err := s.Scan(deep); n != len(deep) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		s.Reset()
	}
}

func ExampleScanner() {
	s := wire.Scanner{Limits: wire.Limits{Message: 100, Depth: 2, Elements: 10}}
	frame := []byte{0x92, 0x01, 0xa3, 'a', 'b', 'c'}
	fmt.Println(s.Scan(frame[:4]))
	fmt.Println(s.Scan(frame))
	// Output:
	// 0 <nil>
	// 6 <nil>
}
