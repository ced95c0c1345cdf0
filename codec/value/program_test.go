package value_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec/value"
)

// What code of the program does while its values are encoded.

// TestUnnamedStructsAreParameters has types without a name, whose tags have options.
func TestUnnamedStructsAreParameters(t *testing.T) {
	t.Parallel()
	for want, args := range map[string]any{
		"92 01 02": struct {
			A int
			B int `msgpack:",omitempty"`
		}{1, 2},
		"93 01 02 03": struct {
			Inner
			C int
		}{Inner{1, 2}, 3},
	} {
		got, err := values.AppendNotification(nil, "m", args)
		if d := diff(unhex(t, "93 02 a16d"+want), got); d != "" || err != nil {
			t.Error(d, err)
		}
	}
}

// shrinking deletes the other entries of the map that it stands in.
type shrinking struct{ from map[string]*shrinking }

func (s *shrinking) MarshalText() ([]byte, error) {
	clear(s.from)
	return []byte("x"), nil
}

// TestAMapThatChangesIsAnError: its header has been written.
func TestAMapThatChangesIsAnError(t *testing.T) {
	t.Parallel()
	typed := map[string]*shrinking{}
	untyped := map[string]any{}
	for i := range 50 {
		typed[fmt.Sprint(i)] = &shrinking{typed}
		untyped[fmt.Sprint(i)] = clearing(func() { clear(untyped) })
	}
	for _, v := range []any{typed, untyped} {
		if _, err := values.AppendResult(nil, []byte{1}, v); !strings.Contains(errText(err), "map was changed while it was encoded") {
			t.Errorf("%T: %v", v, err)
		}
	}
}

type clearing func()

func (c clearing) MarshalText() ([]byte, error) { c(); return []byte("x"), nil }

type (
	deepEmpty struct {
		X any `msgpack:",omitempty"`
	}
	sharedEmpty struct {
		A any `msgpack:",omitempty"`
		B any `msgpack:",omitempty"`
	}
)

// TestAskingWhetherAValueIsEmptyEnds asks values that are empty all the way down: one
// very deep, one whose parts stand in it 2^60 times.
func TestAskingWhetherAValueIsEmptyEnds(t *testing.T) {
	t.Parallel()
	var deep any
	for range 1_000_000 {
		deep = deepEmpty{deep}
	}
	var shared any
	for range 60 {
		shared = sharedEmpty{shared, shared}
	}
	for _, v := range []any{deep, shared} {
		begin := time.Now()
		_, err := values.AppendResult(nil, []byte{1}, v)
		if took := time.Since(begin); took > 30*time.Second { // it was for ever
			t.Errorf("%T: %v after %v", v, err, took)
		}
	}
}

// writing has a method that writes to its receiver.
type writing [4]int

func (w *writing) MarshalMsg(b []byte) ([]byte, error) { w[0] = 9; return append(b, 5), nil }

// TestMethodsGetACopyOfWhatIsInAnInterface: it belongs to all who have the interface.
func TestMethodsGetACopyOfWhatIsInAnInterface(t *testing.T) {
	t.Parallel()
	args := struct {
		A int
		W writing
	}{1, writing{1, 2, 3, 4}}
	var boxed any = args
	if _, err := values.AppendNotification(nil, "m", boxed); err != nil || !reflect.DeepEqual(boxed, any(args)) {
		t.Errorf("%v, %v, want %v", boxed, err, args)
	}
}

type ending int

// TestAnEncoderThatEndsItsGoroutine is asked again, and by others.
func TestAnEncoderThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	var once sync.Once
	msgpack.Register(ending(0), func(e *msgpack.Encoder, v reflect.Value) error {
		once.Do(runtime.Goexit)
		return e.EncodeString("ended")
	}, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		values.AppendResult(nil, []byte{1}, ending(1))
	}()
	<-done
	got, err := values.AppendResult(nil, []byte{1}, ending(1))
	if d := diff(unhex(t, "94 01 01 c0 a5 656e646564"), got); d != "" || err != nil {
		t.Error(d, err)
	}
}

type describing struct{ N describedWithin }
type describedWithin struct{ N int }

// TestADecoderThatIsRegisteredMayDecode: it may run while a type is described.
func TestADecoderThatIsRegisteredMayDecode(t *testing.T) {
	t.Parallel()
	msgpack.Register(describing{}, nil, func(d *msgpack.Decoder, v reflect.Value) error {
		var other struct{ A, B, C int8 }
		return values.DecodeResult([]byte{0x80}, &other)
	})
	done := make(chan error, 1)
	go func() {
		var to []describing
		done <- values.DecodeResult([]byte{0x90}, &to)
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestNamesThatAreNone are those of Go.
func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "\xff"} {
		vs := value.Values{Limits: limits, Format: value.Format{Names: value.NewNames(func(string) string { return name })}}
		got, err := vs.AppendResult(nil, []byte{1}, struct{ A int }{5})
		if d := diff(unhex(t, "94 01 01 c0 81 a141 05"), got); d != "" || err != nil {
			t.Errorf("%q: %s %v", name, d, err)
		}
	}
}
