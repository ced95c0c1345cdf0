package value_test

import (
	"errors"
	"io"
	"math"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// small limits are reached by small inputs.
var small = wire.Limits{Message: 200, Depth: 6, Elements: 64, Decoded: 4096}

// targets are the types that FuzzDecode decodes into, one of each kind.
func targets() []any {
	return []any{
		new(any), new(int8), new(uint64), new(float32), new(string), new([]byte), new([3]byte), new(bool),
		new([]any), new(map[string]int), new(map[any]any), new([2]int), new(time.Time), new(error), new(io.Reader),
		new(Recursive), new(Pointered), new(UnexportedPointer), new(Shadowed), new(Tagged), new(everyKind), new(upper), new(textual), new(point),
		new(named), new(generated), new(msgpack.RawMessage), new(*marshaler), new(map[[1]any]bool), new(chan int), new([]Pointered), new(**big64),
	}
}

type big64 struct{ A [64]int64 }

// FuzzDecode takes one value for every target. Nothing panics, and what was
// decoded into an any is the same after having been encoded and decoded again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x91, 0x05}, uint16(math.MaxUint16))
	f.Fuzz(func(t *testing.T, b []byte, decoded uint16) {
		small := small
		small.Decoded = int64(decoded)
		s := wire.Scanner{Limits: small}
		if n, err := s.Scan(b); n == 0 || n != len(b) || err != nil {
			return
		}
		vs := value.Values{Limits: small, Format: value.Format{TimeExt: true}}
		list := append([]byte{0x91}, b...)
		for _, to := range targets() {
			noPanic(t, to, vs.DecodeResult(b, to))
			noPanic(t, to, vs.DecodeParams(list, to))
			noPanic(t, to, vs.DecodeEach(list, to))
			noPanic(t, to, (&value.Values{Limits: small, Format: value.Format{DecodeText: rot}}).DecodeResult(b, to))
		}
		for _, to := range []any{new(two), new(optional), new(value.Args), new(struct{}), new(flat)} {
			noPanic(t, to, vs.DecodeParams(list, to))
			if b[0]&0xf0 == 0x90 || b[0] == 0xc0 {
				noPanic(t, to, vs.DecodeParams(b, to))
			}
		}
		slow := value.Values{Limits: small, Format: value.Format{DecodeText: unchanged}} // see plain_test.go
		for _, target := range []any{two{}, optional{}, plainEach{}, 0, uint64(0), 0.0, false, "", []byte(nil)} {
			for _, raw := range [][]byte{b, list} {
				got, want := likeOf(target), likeOf(target)
				if raw[0]&0xf0 == 0x90 {
					agree(t, raw, got, want, vs.DecodeParams(raw, got), slow.DecodeParams(raw, want))
				}
				agree(t, raw, got, want, vs.DecodeResult(raw, got), slow.DecodeResult(raw, want))
			}
		}
		roundTrip(t, &vs, b)
	})
}

func agree(t *testing.T, raw []byte, got, want any, err, wantErr error) {
	t.Helper()
	if errText(err) != errText(wantErr) || diff(want, got) != "" {
		t.Fatalf("% x into %T: %v, %v\nwant %v, %v", raw, got, deref(got), err, deref(want), wantErr)
	}
}

func roundTrip(t *testing.T, vs *value.Values, b []byte) {
	var v, again any
	if vs.DecodeResult(b, &v) != nil || oddKey(reflect.ValueOf(v)) {
		return
	}
	wide := value.Values{Limits: limits, Format: vs.Format} // minimal forms are shorter, ext types of Go's own may not be
	out, err := wide.AppendResult(nil, []byte{1}, v)
	if err != nil {
		t.Fatalf("%#v: %v", v, err)
	}
	if err := wide.DecodeResult(out[4:], &again); err != nil || diff(v, again) != "" {
		t.Fatalf("% x: %#v became %#v, %v", b, v, again, err)
	}
}

// oddKey reports whether a map in v has a key that does not survive: bytes sent
// as text, which a Go map has no other place for, NaN, and an extension type that
// is registered by pointer, which is equal to nothing but itself.
func oddKey(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Interface:
		return oddKey(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if oddKey(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			k := it.Key()
			for k.Kind() == reflect.Interface && !k.IsNil() {
				k = k.Elem()
			}
			if k.Kind() == reflect.Pointer || k.CanFloat() && math.IsNaN(k.Float()) || k.Kind() == reflect.String && !utf8.ValidString(k.String()) || oddKey(it.Value()) {
				return true
			}
		}
	}
	return false
}

func noPanic(t *testing.T, to any, err error) {
	t.Helper()
	var pe *value.PanicError
	if errors.As(err, &pe) {
		t.Fatalf("%T: %v\n%s", to, err, pe.Stack)
	}
	if err != nil && err.Error() == "" {
		t.Errorf("%T: an error without text", to)
	}
}
