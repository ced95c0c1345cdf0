package value_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec/value"
)

// newLike returns a pointer to a new value of the type that p points to.
func newLike(p any) any { return reflect.New(reflect.TypeOf(p).Elem()).Interface() }

type (
	myString string
	myByte   byte
	myBool   bool
	myAny    interface{}
)

func ptr[T any](v T) *T { return &v }

func TestContainers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  string
		want any // a pointer to it
	}{
		{"c3", ptr(true)},
		{"c2", ptr(myBool(false))},
		{"a161", ptr("a")},
		{"c40161", ptr("a")}, // old peers send either
		{"a161", ptr(myString("a"))},
		{"a161", ptr([]byte("a"))},
		{"c40161", ptr([]byte("a"))},
		{"c400", ptr([]byte{})},
		{"c40161", ptr([]myByte{'a'})},
		{"c4026162", ptr([2]byte{'a', 'b'})},
		{"a26162", ptr([2]myByte{'a', 'b'})},
		{"c400", ptr([0]byte{})},
		{"92 01 02", ptr([2]int{1, 2})},
		{"90", ptr([0]string{})},
		{"90", ptr([]int{})},
		{"92 01 c0", ptr([]*int{ptr(1), nil})},
		{"92 01 a161", ptr(value.Args{int64(1), "a"})},
		{"91 91 91 05", ptr([][][]int8{{{5}}})},
		{"80", ptr(map[string]int{})},
		{"82 01 a161 02 a162", ptr(map[int]string{1: "a", 2: "b"})},
		{"81 920102 c3", ptr(map[[2]int]bool{{1, 2}: true})},
		{"81 c40161 01", ptr(map[string]int{"a": 1})},
		{"82 a161 81 a141 01 a162 81 a142 02", ptr(map[string]Inner{"a": {A: 1}, "b": {B: 2}})}, // nothing is left of the entry before
		{"81 c4026162 01", ptr(map[[2]byte]int{{'a', 'b'}: 1})},
		{"81 a161 01", ptr(map[any]int{"a": 1})},
		{"81 a1ff 01", ptr(map[any]int{"\xff": 1})},
		{"81 c0 01", ptr(map[any]int{nil: 1})},
		{"81 92 01 02 01", ptr(map[Inner]int{{1, 2}: 1})},
		{"05", ptr(ptr(ptr(5)))},
		{"c0", ptr((**int)(nil))},
		{"05", ptr(myAny(int64(5)))},
		{"a26e6f", ptr(errors.New("no"))},
		{"c0", ptr(error(nil))},
		{"91 a26e6f", ptr([]error{errors.New("no")})},
		{"c0", ptr(fmt.Stringer(nil))},
		{"80", ptr(struct{}{})},
		{"c0", ptr(struct{}{})},
	} {
		got := newLike(tt.want)
		if err := values.DecodeResult(scanned(t, unhex(t, tt.raw)), got); err != nil {
			t.Errorf("%s into %T: %v", tt.raw, got, err)
		}
		if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b error) bool { return errText(a) == errText(b) })); d != "" {
			t.Errorf("%s into %T: %s", tt.raw, got, d)
		}
	}
}

func TestMisfits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw  string
		to   any
		want string
	}{
		{"05", new(bool), "5 does not fit bool"},
		{"a161", new(int), "text does not fit int"},
		{"c40161", new(uint), "bytes does not fit uint"},
		{"c3", new(string), "true does not fit string"},
		{"cb3ff8000000000000", new(string), "float 1.5 does not fit string"},
		{"90", new([]byte), "list does not fit []uint8"}, // as vmihailenco
		{"93 01 02 03", new([3]byte), "list does not fit [3]uint8"},
		{"c4026162", new([3]byte), "2 bytes do not fit [3]uint8"},
		{"c404 61626364", new([3]byte), "4 bytes do not fit [3]uint8"},
		{"92 01 02", new([3]int), "a list of 2 does not fit [3]int"},
		{"80", new([3]int), "map does not fit [3]int"},
		{"80", new([]int), "map does not fit []int"},
		{"90", new(map[string]int), "list does not fit map[string]int"},
		{"81 01 01", new(map[string]int), "key 1 does not fit string"},
		{"a1ff", new(string), "text is not UTF-8; the Go type must be []byte"},
		{"81 a161 a162", new(map[string]int), "[a]: text does not fit int"},
		{"81 05 a162", new(map[int]int), "[5]: text does not fit int"},
		{"81 9101 01", new(map[any]int), "a list cannot be a map key in Go"},
		{"81 91c40101 01", new(map[[1]any]int), "[1]interface {} cannot be a map key in Go"},
		{"05", new(error), "5 does not fit error"},
		{"a161", new(fmt.Stringer), "text does not fit fmt.Stringer"},
		{"05", new(fmt.Stringer), "5 does not fit fmt.Stringer"},
		{"05", new(chan int), "5 does not fit chan int"},
		{"05", new(func()), "5 does not fit func()"},
		{"05", new(complex128), "5 does not fit complex128"},
		{"05", new(uintptr), "5 does not fit uintptr"}, // nor is it encoded
		{"9105", new([]struct{}), "[0]: 5 does not fit struct {}"},
		{"91 a3616263", new([]chan int), "[0]: text does not fit chan int"},
	} {
		err := values.DecodeResult(scanned(t, unhex(t, tt.raw)), tt.to)
		if errText(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.raw, err, tt.want)
		}
	}
	for _, raw := range []string{"05", "c0", "80", "9105", "a161"} {
		if err := values.DecodeResult(scanned(t, unhex(t, raw)), new(struct{})); err != nil {
			t.Errorf("%s: %v; an empty struct takes any result", raw, err)
		}
	}
	for _, to := range []any{nil, 5, (*int)(nil)} {
		want := fmt.Sprintf("want a pointer to decode into, got %T", to)
		for _, err := range []error{values.DecodeResult([]byte{5}, to), values.DecodeParams(nil, to), values.DecodeEach([]byte{0x91, 5}, to)} {
			if !strings.HasSuffix(errText(err), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
}

// TestText shows text in the peer's encoding as values, keys and field names.
func TestText(t *testing.T) {
	t.Parallel()
	vs := value.Values{Limits: limits, Format: value.Format{DecodeText: rot}}
	var m map[string]struct{ B string }
	if err := vs.DecodeResult(scanned(t, unhex(t, "81 a162 82 a143 a164 a100 05")), &m); err != nil || m["a"].B != "c" {
		t.Error(m, err)
	}
	for raw, to := range map[string]any{
		"a100":       new(string),
		"81 a100 00": new(map[string]int),
		"91 a100":    new([]error),
	} {
		if err := vs.DecodeResult(unhex(t, raw), to); !strings.Contains(errText(err), "text cannot be decoded: bad") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestReuse decodes into variables that hold something already, as a caller's
// reply variable does in a loop.
func TestReuse(t *testing.T) {
	t.Parallel()
	into := func(raw string, to any) {
		t.Helper()
		if err := values.DecodeResult(scanned(t, unhex(t, raw)), to); err != nil {
			t.Error(err)
		}
	}
	for _, held := range []any{5, "x", []int{1}, map[string]any{"a": 1}, (*int)(nil)} {
		v := held
		into("93 01 02 03", &v)
		if d := diff([]any{int64(1), int64(2), int64(3)}, v); d != "" {
			t.Errorf("any with a %T: %s", held, d)
		}
	}
	// What was there before is not written to through an alias: the caller may
	// have kept it.
	list := []int{7, 8, 9}
	kept := list[:2]
	into("91 01", &list)
	if diff([]int{1}, list) != "" || diff([]int{7, 8}, kept) != "" {
		t.Error(list, kept)
	}
	data := []byte("old")
	keptData := data
	into("c4 03 6e6577", &data)
	if string(data) != "new" || string(keptData) != "old" {
		t.Errorf("%q, %q", data, keptData)
	}
	// A map takes the new entries, a pointer's target and a struct the new
	// fields, as with encoding/json.
	m := map[string]int{"a": 1, "b": 2}
	into("81 a161 05", &m)
	p := &Inner{1, 2}
	keptPtr := p
	into("81 a141 05", &p)
	if diff(map[string]int{"a": 5, "b": 2}, m) != "" || *p != (Inner{5, 2}) || p != keptPtr {
		t.Error(m, p)
	}
}

// TestOwnMemory shows that nothing decoded shares memory with the frame, which
// the reader writes over.
func TestOwnMemory(t *testing.T) {
	t.Parallel()
	for _, to := range []any{new(any), new([]any), new([]string), new([][]byte), new([][1]byte), new([]upper), new([]marshaler), new([]generated)} {
		raw := unhex(t, "91 c4 01 61")
		fresh := newLike(to)
		err1 := values.DecodeResult(raw, to)
		err2 := values.DecodeResult(unhex(t, "91 c4 01 61"), fresh)
		for i := range raw {
			raw[i] = 0xc1
		}
		if !reflect.DeepEqual(to, fresh) || errText(err1) != errText(err2) {
			t.Errorf("%T: %v, want %v; %v", to, to, fresh, err1)
		}
	}
	raw := unhex(t, "92 d40161 c40161")
	var got []any
	if err := values.DecodeResult(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(got)
	clear(raw)
	if fmt.Sprint(got) != want {
		t.Error(got)
	}
}

// TestPlansTogether makes the plans of types that contain each other on several
// goroutines at once.
func TestPlansTogether(t *testing.T) {
	t.Parallel()
	type B struct{ A []any }
	type A struct {
		B *B
		M map[string]*A
		L [][]A
	}
	raw := scanned(t, unhex(t, "82 a142 81 a141 90 a14d 81 a178 81 a14c 91 91 80"))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var a A
			if err := values.DecodeResult(raw, &a); err != nil || len(a.M["x"].L[0]) != 1 {
				t.Error(a, err)
			}
		})
	}
	wg.Wait()
}
