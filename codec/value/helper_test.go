package value_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// limits are those of package codec.
var limits = wire.Limits{Message: 16 << 20, Depth: 128, Elements: 1_000_000, Decoded: 256 << 20}

// values is the default of package codec.
var values = value.Values{Limits: limits}

// unhex turns hex into bytes. Spaces are left out, and so is everything from a
// "//" to the end of its line: hostile frames are spelled byte by byte.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "//")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scanned fails the test unless b is one complete value: nothing else may reach
// the decoding functions.
func scanned(t testing.TB, b []byte) []byte {
	t.Helper()
	s := wire.Scanner{Limits: limits}
	if n, err := s.Scan(b); n != len(b) || err != nil {
		t.Fatalf("% x is not one value: %d of %d bytes, %v", cut(b), n, len(b), err)
	}
	return b
}

func cut(b []byte) []byte { return b[:min(len(b), 64)] }

// diff compares as Go does, but for what reads alike: NaN equals NaN, a time
// equals itself in another zone.
func diff(want, got any) string {
	if reflect.DeepEqual(want, got) { // cmp takes its time over long lists
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateErrors(),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }))
}

// errText is the text of an error, empty for none.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// likeOf returns a pointer to a new value of v's type, deref what it points to.
func likeOf(v any) any { return reflect.New(reflect.TypeOf(v)).Interface() }
func deref(p any) any  { return reflect.ValueOf(p).Elem().Interface() }

// all lets cmp look into unexported fields.
var all = cmp.Exporter(func(t reflect.Type) bool { return t != reflect.TypeFor[time.Time]() })

// limitName is the name of the limit that an error is about, empty for nil.
func limitName(err error) string {
	var le *wire.LimitError
	if errors.As(err, &le) {
		return le.Name
	}
	return errText(err)
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
