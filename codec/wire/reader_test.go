package wire_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// request is one small message, and text one of n bytes.
var request = []byte{0x94, 0, 1, 0xa3, 's', 'u', 'm', 0x92, 1, 2}

func text(n int) []byte {
	return append([]byte{0xdb, byte((n - 5) >> 24), byte((n - 5) >> 16), byte((n - 5) >> 8), byte(n - 5)}, bytes.Repeat([]byte{'a'}, n-5)...)
}

func TestReaderPieces(t *testing.T) {
	t.Parallel()
	var want [][]byte
	for _, n := range []int{5, 4095, 9, 4096, 4097, 20, 65535, 65536, 65537, 6, 200_000, 12, 40_000, 7} {
		want = append(want, text(n), request, []byte{0xc0}, everything(t))
	}
	stream := bytes.Join(want, nil)
	for name, r := range map[string]io.Reader{
		"whole":        bytes.NewReader(stream),
		"by byte":      iotest.OneByteReader(bytes.NewReader(stream)),
		"by half":      iotest.HalfReader(bytes.NewReader(stream)),
		"data and EOF": iotest.DataErrReader(bytes.NewReader(stream)),
		"nothing read": &stutter{r: bytes.NewReader(stream)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := frames(wire.NewReader(r, limits))
			if err != io.EOF {
				t.Errorf("%v, want EOF", err)
			}
			if len(got) != len(want) {
				t.Fatalf("%d messages, want %d", len(got), len(want))
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("message %d: % x, want % x", i, cut(got[i]), cut(want[i]))
				}
			}
		})
	}
}

// stutter reads nothing every other time, as an io.Reader may.
type stutter struct {
	r   io.Reader
	odd bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.odd = !s.odd; s.odd {
		return 0, nil
	}
	return s.r.Read(p)
}

// once returns all of its data with an error, which it does not repeat.
type once struct {
	data []byte
	err  error
}

func (o *once) Read(p []byte) (n int, err error) {
	n, err = copy(p, o.data), o.err
	*o = once{err: io.EOF}
	return n, err
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestReaderErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tt := range []struct {
		name       string
		r          io.Reader
		frames     int
		want       error
		unfinished string
	}{
		{"nothing", strings.NewReader(""), 0, io.EOF, ""},
		{"end behind a message", bytes.NewReader(request), 1, io.EOF, ""},
		{"end within a message", bytes.NewReader(append(request, request[:4]...)), 1, io.ErrUnexpectedEOF, "\x94\x00\x01\xa3"},
		{"error behind a message", io.MultiReader(bytes.NewReader(request), iotest.ErrReader(broken)), 1, broken, ""},
		{"error within a message", io.MultiReader(bytes.NewReader(request[:3]), iotest.ErrReader(broken)), 0, broken, "\x94\x00\x01"},
		{"error with the last data", iotest.DataErrReader(io.MultiReader(bytes.NewReader(append(request, 0x90)), iotest.ErrReader(broken))), 2, broken, ""},
		{"error once, with the last data", &once{data: append(request, request[:3]...), err: broken}, 1, broken, "\x94\x00\x01"},
		{"nothing for ever", nothing{}, 0, io.ErrNoProgress, ""},
		{"no MessagePack", strings.NewReader("\xc0\x91\xc1\x00"), 1, &wire.FormatError{}, "\x91\xc1\x00"},
		{"over a limit", strings.NewReader("\xc0\x91\xdb\xff\xff\xff\xff"), 1, &wire.LimitError{}, "\x91\xdb\xff\xff\xff\xff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := wire.NewReader(tt.r, limits)
			got, err := frames(r)
			if len(got) != tt.frames {
				t.Errorf("%d messages, want %d", len(got), tt.frames)
			}
			if !errors.Is(err, tt.want) && (ending(err) != ending(tt.want) || ending(err) < invalid) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if d := cmp.Diff(tt.unfinished, string(r.Unfinished())); d != "" {
				t.Error(d)
			}
			if _, again := r.Next(); !errors.Is(again, err) { // it is final
				t.Errorf("%v, then %v", err, again)
			}
		})
	}
}

// TestReaderStaysBroken shows that what follows broken framing is never taken
// for a message: a scan of the same bytes would find one.
func TestReaderStaysBroken(t *testing.T) {
	t.Parallel()
	small := limits
	small.Depth = 1
	r := wire.NewReader(bytes.NewReader(append([]byte{0x91, 0x91}, request...)), small)
	for range 5 {
		if frame, err := r.Next(); limitName(err) != "MaxDepth" {
			t.Fatalf("% x, %v", frame, err)
		}
	}
}

// TestReaderPartial watches the calls by which a connection's read deadline is
// set: none for messages that arrive whole.
func TestReaderPartial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		pieces chunks
		want   string
	}{
		{"whole", chunks{request, request}, "m m EOF"},
		{"several in one read", chunks{bytes.Repeat(request, 3)}, "m m m EOF"},
		{"two pieces", chunks{request[:3], request[3:]}, "+ - m EOF"},
		{"many pieces", chunks{request[:1], request[1:2], request[2:5], request[5:]}, "+ - m EOF"},
		{"end of one with start of the next", chunks{append(request, request[:4]...), append(request[4:], request[:1]...), request[1:]}, "m + - m + - m EOF"},
		{"never completed", chunks{request[:9]}, "+ unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			r := wire.NewReader(&tt.pieces, limits)
			r.Partial = func(on bool) { got = append(got, map[bool]string{true: "+", false: "-"}[on]) }
			for {
				_, err := r.Next()
				if err != nil {
					got = append(got, err.Error())
					break
				}
				got = append(got, "m")
			}
			if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReaderBuffered(t *testing.T) {
	t.Parallel()
	r := wire.NewReader(bytes.NewReader(bytes.Repeat(request, 3)), limits)
	for _, want := range []int{2 * len(request), len(request), 0} {
		if _, err := r.Next(); err != nil || r.Buffered() != want {
			t.Errorf("%d bytes behind the message, want %d; %v", r.Buffered(), want, err)
		}
	}
}

// TestReaderMemory measures what a Reader allocates for what has arrived, which
// must not depend on what a header claims.
func TestReaderMemory(t *testing.T) { // not parallel: it measures the whole process
	claim := []byte{0xdb, 0, 0xff, 0, 0} // just under 16 MiB
	for _, tt := range []struct {
		name    string
		pieces  chunks
		allowed uint64
	}{
		{"claim and nothing of it", chunks{claim}, 16 << 10},
		{"claim and 3 KB of it", chunks{claim, make([]byte, 3000)}, 16 << 10},
		{"claim and 1 MB of it", chunks{claim, make([]byte, 1_000_000)}, 5 << 20},
		{"1,000 small messages", chunks{bytes.Repeat(request, 1000)}, 16 << 10},
		{"nested claims", chunks{bytes.Repeat([]byte{0xdd, 0, 0, 0x20, 0}, 128)}, 32 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := wire.NewReader(&tt.pieces, limits)
			got := allocated(func() {
				for err := error(nil); err == nil; {
					_, err = r.Next()
				}
			})
			if got > tt.allowed {
				t.Errorf("%d bytes allocated, want at most %d", got, tt.allowed)
			}
		})
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestReaderGivesBack shows that a Reader that has had a large message does not
// keep its buffer: when it is idle again, one read asks for little.
func TestReaderGivesBack(t *testing.T) {
	t.Parallel()
	for _, n := range []int{5000, 100_000, 1 << 20} {
		src := &asked{r: bytes.NewReader(append(text(n), text(n)...))}
		r := wire.NewReader(src, limits)
		for range 2 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if src.most < n/2 {
			t.Errorf("%d bytes: reads of at most %d", n, src.most)
		}
		if _, err := r.Next(); err != io.EOF || src.last > 4<<10 {
			t.Errorf("%d bytes: the idle reader has %d to read into, %v", n, src.last, err)
		}
	}
}

// asked records how much a Read may take.
type asked struct {
	r          io.Reader
	last, most int
}

func (a *asked) Read(p []byte) (int, error) {
	a.last, a.most = len(p), max(a.most, len(p))
	return a.r.Read(p)
}
