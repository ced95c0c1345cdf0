package value_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"testing"

	"github.com/go-mprpc/mprpc/codec/value"
)

// decodeParam decodes the only value of a parameters' array into a new T.
func decodeParam[T any](t testing.TB, vs *value.Values, raw []byte) (T, error) {
	t.Helper()
	var v T
	err := vs.DecodeEach(append([]byte{0x91}, scanned(t, raw)...), &v)
	return v, err
}

// boundaries are the integers at the edges of Go's types, of MessagePack's
// formats and of the floats' mantissas, with those beside them.
func boundaries() []*big.Int {
	var all []*big.Int
	for _, exp := range []uint{0, 5, 7, 8, 15, 16, 24, 31, 32, 53, 54, 63, 64} {
		for _, off := range []int64{-1, 0, 1} {
			i := new(big.Int).Lsh(big.NewInt(1), exp)
			i.Add(i, big.NewInt(off))
			all = append(all, i, new(big.Int).Neg(i))
		}
	}
	low, high := big.NewInt(math.MinInt64), new(big.Int).SetUint64(math.MaxUint64)
	var in []*big.Int
	for _, i := range all {
		if i.Cmp(low) >= 0 && i.Cmp(high) <= 0 {
			in = append(in, i)
		}
	}
	return in
}

// widths returns an integer in every format that can hold it.
func widths(i *big.Int) (all [][]byte) {
	if i.IsInt64() && i.Int64() >= -32 && i.Int64() <= 127 {
		all = append(all, []byte{byte(i.Int64())})
	}
	for log := range 4 {
		size := uint(8) << log
		unsigned := new(big.Int).Lsh(big.NewInt(1), size)
		half := new(big.Int).Rsh(unsigned, 1)
		low := binary.BigEndian.AppendUint64(nil, i.Uint64())
		if i.Sign() < 0 {
			low = binary.BigEndian.AppendUint64(nil, uint64(i.Int64()))
		}
		low = low[8-size/8:]
		if i.Sign() >= 0 && i.Cmp(unsigned) < 0 {
			all = append(all, append([]byte{0xcc + byte(log)}, low...))
		}
		if i.Cmp(half) < 0 && new(big.Int).Neg(i).Cmp(half) <= 0 {
			all = append(all, append([]byte{0xd0 + byte(log)}, low...))
		}
	}
	return all
}

// TestIntegers decodes every boundary in every width into every integer type.
func TestIntegers(t *testing.T) {
	t.Parallel()
	types := []any{int(0), int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0)}
	for _, i := range boundaries() {
		for _, raw := range widths(i) {
			for _, zero := range types {
				to := reflect.New(reflect.TypeOf(zero))
				err := values.DecodeResult(scanned(t, raw), to.Interface())
				if got, ok := fmt.Sprint(to.Elem()), fitsInteger(i, to.Elem()); ok && (got != i.String() || err != nil) {
					t.Errorf("% x into %T: %s, %v; want %s", raw, zero, got, err, i)
				} else if want := fmt.Sprintf("%s does not fit %T", i, zero); !ok && errText(err) != want {
					t.Errorf("% x into %T: %s, error %v; want %q", raw, zero, got, err, want)
				}
			}
			var got any
			if err := values.DecodeResult(raw, &got); err != nil || fmt.Sprint(got) != i.String() || fmt.Sprintf("%T", got) != anyInteger(i) {
				t.Errorf("% x into any: %T %v, %v", raw, got, got, err)
			}
		}
	}
}

func anyInteger(i *big.Int) string {
	if i.IsInt64() {
		return "int64"
	}
	return "uint64"
}

func fitsInteger(i *big.Int, v reflect.Value) bool {
	if v.CanInt() {
		return i.IsInt64() && !v.OverflowInt(i.Int64())
	}
	return i.IsUint64() && !v.OverflowUint(i.Uint64())
}

// TestIntegersIntoFloats shows that an integer enters a float only as itself.
func TestIntegersIntoFloats(t *testing.T) {
	t.Parallel()
	for _, i := range boundaries() {
		f := new(big.Float).SetInt(i)
		f64, acc64 := f.Float64()
		f32, acc32 := f.Float32()
		for _, raw := range widths(i) {
			if got, err := decodeParam[float64](t, &values, raw); (err == nil) != (acc64 == big.Exact) || err == nil && got != f64 {
				t.Errorf("%s into float64: %v, %v", i, got, err)
			}
			got, err := decodeParam[float32](t, &values, raw)
			if (err == nil) != (acc32 == big.Exact) || err == nil && got != f32 {
				t.Errorf("%s into float32: %v, %v", i, got, err)
			}
			if want := fmt.Sprintf("parameter 1: %s does not fit float32", i); err != nil && err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
		}
	}
}

func TestFloats(t *testing.T) {
	t.Parallel()
	type f32 float32
	for _, tt := range []struct {
		raw  string
		want any // a float, compared as its own type; else the error
	}{
		{"cb 3ff8000000000000", 1.5},
		{"cb 3fb999999999999a", 0.1},
		{"cb 3fb999999999999a", float32(0.1)}, // Python has no float32 to send
		{"cb 3fb999999999999a", f32(0.1)},
		{"ca 3dcccccd", float32(0.1)},
		{"ca 3dcccccd", float64(float32(0.1))},
		{"cb 7ff0000000000000", math.Inf(1)},
		{"cb fff0000000000000", float32(math.Inf(-1))},
		{"cb 7ff8000000000000", math.NaN()},
		{"cb 7ff8000000000000", float32(math.NaN())},
		{"cb 8000000000000000", math.Copysign(0, -1)},
		{"cb 0000000000000001", 5e-324},
		{"cb 0000000000000001", float32(0)}, // too small is no overflow
		{"cb 47efffffe0000000", float32(math.MaxFloat32)},
		{"cb 47f0000000000000", "float 3.402823669209385e+38 does not fit float32"},
		{"cb 7e37e43c8800759c", "float 1e+300 does not fit float32"},
		{"a3 312e35", "text does not fit float32"},
		{"c3", "true does not fit float32"},
		{"c0", "nil does not fit float32"},
		{"90", "list does not fit float32"},
	} {
		raw := unhex(t, tt.raw)
		if text, bad := tt.want.(string); bad {
			if _, err := decodeParam[float32](t, &values, raw); errText(err) != "parameter 1: "+text {
				t.Errorf("%s: %v, want %q", tt.raw, err, text)
			}
			continue
		}
		to := reflect.New(reflect.TypeOf(tt.want))
		if err := values.DecodeResult(raw, to.Interface()); err != nil {
			t.Errorf("%s: %v", tt.raw, err)
		}
		if d := diff(tt.want, to.Elem().Interface()); d != "" {
			t.Errorf("%s: %s", tt.raw, d)
		}
	}
}

// TestFloatsIntoIntegers shows that floats never enter integers, whole ones
// included: a peer that computes 6/2 means a float.
func TestFloatsIntoIntegers(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"cb 4008000000000000", "ca 40400000"} {
		if _, err := decodeParam[int](t, &values, unhex(t, raw)); errText(err) != "parameter 1: float 3 does not fit int" {
			t.Error(err)
		}
		if _, err := decodeParam[uint8](t, &values, unhex(t, raw)); errText(err) != "parameter 1: float 3 does not fit uint8" {
			t.Error(err)
		}
	}
}

// TestWriteIntegers writes every boundary from every type that holds it, alone
// and within a list, always in the shortest form.
func TestWriteIntegers(t *testing.T) {
	t.Parallel()
	for _, i := range boundaries() {
		want := widths(i)[0]
		if len(widths(i)) > 1 && i.Sign() >= 0 && len(widths(i)[1]) == len(want) {
			want = widths(i)[0] // unsigned before signed, as msgpack-python does
		}
		for _, zero := range []any{int(0), int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0)} {
			v := reflect.New(reflect.TypeOf(zero)).Elem()
			if !fitsInteger(i, v) {
				continue
			}
			if v.CanInt() {
				v.SetInt(i.Int64())
			} else {
				v.SetUint(i.Uint64())
			}
			slice := reflect.Append(reflect.MakeSlice(reflect.SliceOf(v.Type()), 0, 1), v)
			if v.Kind() == reflect.Uint8 { // a []byte
				slice = reflect.ValueOf([]any{v.Interface()})
			}
			got, err := values.AppendResult(nil, []byte{1}, []any{v.Interface(), slice.Interface()})
			if full := string("\x94\x01\x01\xc0\x92") + string(want) + "\x91" + string(want); string(got) != full || err != nil {
				t.Errorf("%T %s: % x, %v; want % x", zero, i, got, err, full)
			}
			got, err = values.AppendNotification(nil, "", v.Interface())
			if full := "\x93\x02\xa0\x91" + string(want); string(got) != full || err != nil {
				t.Errorf("%T %s: % x, %v; want % x", zero, i, got, err, full)
			}
		}
	}
}
