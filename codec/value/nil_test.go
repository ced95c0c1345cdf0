package value_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// TestNil shows where nil fits: as a parameter only types that have a nil, as a
// result every type, where it becomes the zero value.
func TestNil(t *testing.T) {
	t.Parallel()
	n := 5
	for _, tt := range []struct {
		start any // what the variable holds before
		param string
	}{
		{&n, ""},
		{[]int{1}, ""},
		{[]byte{1}, ""},
		{map[string]int{"a": 1}, ""},
		{new(any), ""},
		{msgpack.RawMessage{1}, ""}, // it decodes itself
		{true, "nil does not fit bool"},
		{5, "nil does not fit int"},
		{uint8(5), "nil does not fit uint8"},
		{1.5, "nil does not fit float64"},
		{"x", "nil does not fit string"},
		{[2]int{1, 2}, "nil does not fit [2]int"},
		{[2]byte{1, 2}, "nil does not fit [2]uint8"},
		{struct{ A int }{1}, "nil does not fit struct { A int }"},
		{time.Unix(1, 0), "nil does not fit time.Time"}, // vmihailenco panics here
		{time.Second, "nil does not fit time.Duration"},
	} {
		typ := reflect.TypeOf(tt.start)
		for _, param := range []bool{true, false} {
			to := reflect.New(typ)
			to.Elem().Set(reflect.ValueOf(tt.start))
			var err error
			want := tt.param
			if param {
				err = values.DecodeEach([]byte{0x91, 0xc0}, to.Interface())
				if want != "" {
					want = "parameter 1: " + want
				}
			} else {
				err, want = values.DecodeResult([]byte{0xc0}, to.Interface()), ""
			}
			if errText(err) != want {
				t.Errorf("%s, parameter %v: %v, want %q", typ, param, err, want)
			}
			if raw, is := to.Interface().(*msgpack.RawMessage); is {
				if string(*raw) != "\xc0" && *raw != nil {
					t.Errorf("RawMessage: % x", *raw)
				}
			} else if err == nil && !to.Elem().IsZero() {
				t.Errorf("%s, parameter %v: %v", typ, param, to.Elem())
			}
		}
	}
}

// TestNilWithin shows the same inside of a value: `nil` in a list of a result.
func TestNilWithin(t *testing.T) {
	t.Parallel()
	var list []int
	if err := values.DecodeResult([]byte{0x92, 1, 0xc0}, &list); err != nil || diff([]int{1, 0}, list) != "" {
		t.Error(list, err)
	}
	if err := values.DecodeEach([]byte{0x91, 0x92, 1, 0xc0}, &list); errText(err) != "parameter 1[1]: nil does not fit int" {
		t.Error(err)
	}
	times := map[string]time.Time{}
	if err := values.DecodeResult([]byte{0x81, 0xa1, 'a', 0xc0}, &times); err != nil || !times["a"].IsZero() || len(times) != 1 {
		t.Error(times, err)
	}
}
