package rpcutil_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

type (
	None     struct{}
	OneInt   struct{ X int }
	Optional struct {
		X int `msgpack:",omitempty"`
	}
	TwoInts struct{ X, Y int }
	Last    struct { // the second is optional
		X int
		Y int `msgpack:",omitempty"`
	}
	Three struct {
		X int
		Y string
		Z []int
	}
	ThreeOptional struct {
		X int    `msgpack:"x,omitempty"`
		Y string `msgpack:"y,omitempty"`
		Z []int  `msgpack:"z,omitempty"`
	}
	MapFirst    struct{ X map[string]int }
	AnyFirst    struct{ X any }
	StructFirst struct{ X Base }
	PtrFirst    struct{ X *Base }
	TempFirst   struct{ X Table } // a map with a form of its own
	MapThenInt  struct {
		X map[string]int
		Y int `msgpack:",omitempty"`
	}
	MapAndInt struct {
		X map[string]int
		Y int
	}
	ListFirst  struct{ X []int }
	TimeFirst  struct{ X time.Time }
	StampFirst struct{ X Stamp }
	AddrFirst  struct{ X netip.Addr }
	AddrPtr    struct{ X *netip.Addr }
	TextFirst  struct{ X Twofold }
	ErrFirst   struct{ X error }
	SelfFirst  struct{ X Holder }
)

// Holder reads itself from whatever comes.
type Holder struct{ raw string }

func (h *Holder) UnmarshalMsgpack(b []byte) error { h.raw = string(b); return nil }

// params says what the parameters become, read by a struct that stands for them:
// in package value, by net/rpc and by a Mux.
func params[T any](name, b string, want T) valueCase {
	return paramsOf(name, b, want, "")
}

// badParams says what is wrong with them.
func badParams[T any](name, b, problem string) valueCase {
	var none T
	return paramsOf(name, b, none, problem)
}

func paramsOf[T any](name, b string, want T, problem string) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		check := func(where string, got T, err error, prefix string) {
			t.Helper()
			if problem != "" {
				fails(t, where, err, prefix+problem)
				return
			}
			same(t, where, got, err, want)
		}
		var got T
		check("value", got, valuesOf(o).DecodeParams(raw(b), &got), "")
		var list []msgpack.RawMessage
		if err := valuesOf(o).DecodeResult(raw(b), &list); err != nil {
			t.Fatal(err)
		}
		args := codec.Args{}
		for _, x := range list {
			args = append(args, x)
		}
		got = *new(T)
		err := dialService(t, o, Whole[T, int]{func(v T) (int, error) { got = v; return 0, nil }}).Call("do", args, nil)
		check("net/rpc", got, err, "do: ")
		var mux rpcutil.Mux
		got = *new(T)
		mux.Handle("do", func(v T, _ *int) error { got = v; return nil })
		c := rpcutil.NewClient(servedValues(t, o, mux.ServeCodec), rpcutil.ClientOptions{})
		t.Cleanup(func() { c.Close() })
		check("mux", got, c.Call("do", args, nil), "do: ")
	}}
}

// TestOneMapAsParameters takes one map as parameters by name, as clients of
// ugorji/go send them, where it could be no parameter itself. P2
func TestOneMapAsParameters(t *testing.T) {
	t.Parallel()
	const x, y, xy = "91 81 a1 'x' 05", "91 81 a1 'y' 06", "91 82 a1 'y' 06 a1 'X' 05"
	runValues(t, codec.Options{}, []valueCase{
		params("none, nothing", "90", None{}),
		params("none, an empty map", "91 80", None{}),
		badParams[None]("none, a map", x, "want no parameters, got 1"),
		params("one, by place", "91 05", OneInt{5}),
		params("one, by name", x, OneInt{5}),
		badParams[OneInt]("one, an empty map", "91 80", "want 1 parameter (X), got none named X"),
		badParams[OneInt]("one, another name", y, "want 1 parameter (X), got one named y"),
		badParams[OneInt]("one, two names", xy, "want 1 parameter (X), got one named y"),
		badParams[OneInt]("one, a key that is no text", "91 81 05 05", "parameter 1 (X): map does not fit int"),
		badParams[OneInt]("one, two maps", "92 80 80", "want 1 parameter (X), got 2"),
		badParams[OneInt]("one of the wrong type", "91 81 a1 'x' c3", "parameter 1 (X): true does not fit int"),
		params("optional, nothing", "90", Optional{}),
		params("optional, an empty map", "91 80", Optional{}),
		params("optional, by name", x, Optional{5}),
		params("optional, by place", "91 05", Optional{5}),
		badParams[Optional]("optional, another name", y, "want 0 to 1 parameters ([X]), got one named y"),
		params("two", xy, TwoInts{5, 6}),
		badParams[TwoInts]("two, one name", x, "want 2 parameters (X, Y), got none named Y"),
		badParams[TwoInts]("two, an empty map", "91 80", "want 2 parameters (X, Y), got none named X"),
		badParams[TwoInts]("two, twice", "91 83 a1 'x' 05 a1 'y' 06 a1 'X' 07", "parameter X is given twice"),
		params("second optional, first", x, Last{X: 5}),
		params("second optional, both", xy, Last{5, 6}),
		badParams[Last]("second optional, second", y, "want 1 to 2 parameters (X, [Y]), got none named X"),
		params("three", "91 83 a1 'z' 91 01 a1 'x' 05 a1 'y' a1 'a'", Three{5, "a", []int{1}}),
		params("three optional, none", "91 80", ThreeOptional{}),
		params("three optional, the last", "91 81 a1 'z' 91 01", ThreeOptional{Z: []int{1}}),
		params("three optional, by place", "92 05 a1 'a'", ThreeOptional{X: 5, Y: "a"}),
		params("list", "91 81 a1 'x' 91 01", ListFirst{[]int{1}}),
	})
}

// TestOneMapAsParameter keeps one map the parameter that it can be.
func TestOneMapAsParameter(t *testing.T) {
	t.Parallel()
	const x = "91 81 a1 'X' 05"
	at := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	addr := netip.MustParseAddr("1.2.3.4")
	runValues(t, codec.Options{}, []valueCase{
		params("map", x, MapFirst{map[string]int{"X": 5}}),
		params("map, empty", "91 80", MapFirst{map[string]int{}}),
		params("any", x, AnyFirst{map[string]any{"X": int64(5)}}),
		params("struct", "91 81 a2 'ID' 05", StructFirst{Base{ID: 5}}),
		params("struct with the parameter's name in it", x, StructFirst{}),
		params("pointer to a struct", "91 81 a2 'ID' 05", PtrFirst{&Base{ID: 5}}),
		params("what reads itself", x, SelfFirst{Holder{string(raw("81 a1 'X' 05"))}}),
		params("map, second optional", x, MapThenInt{X: map[string]int{"X": 5}}),
		params("map, two required", "91 82 a1 'X' 80 a1 'Y' 05", MapAndInt{map[string]int{}, 5}),
		// Structs and maps that are read from text alone are no maps to a peer.
		params("time", "91 81 a1 'X' b4 '2024-02-03T04:05:06Z'", TimeFirst{at}),
		params("embedded time", "91 81 a1 'X' b4 '2024-02-03T04:05:06Z'", StampFirst{Stamp{at}}),
		params("address", "91 81 a1 'X' a7 '1.2.3.4'", AddrFirst{addr}),
		params("pointer to an address", "91 81 a1 'X' a7 '1.2.3.4'", AddrPtr{&addr}),
		params("text form", "91 81 a1 'X' a3 't:x'", TextFirst{Twofold{"x"}}),
		params("map with a text form", "91 81 a1 'X' a1 'x'", TempFirst{Table{"x": 1}}),
		badParams[ErrFirst]("error, a map", "91 81 a1 'X' 05", "parameter 1 (X): 5 does not fit error"),
	})
}

// TestOneMapForAFunction has them for functions whose parameters have names, and
// leaves those alone that have none.
func TestOneMapForAFunction(t *testing.T) {
	t.Parallel()
	var mux rpcutil.Mux
	handle := func(name string, fn any, params ...string) {
		if err := mux.HandleMethod(rpcutil.Method{Name: name, Func: fn, Params: params}); err != nil {
			t.Fatal(err)
		}
	}
	handle("one", func(x int) int { return x }, "x")
	handle("optional", func(x *int) bool { return x == nil }, "x")
	handle("addr", func(a netip.Addr) string { return a.String() }, "a")
	handle("map", func(m map[string]int) int { return len(m) }, "m")
	handle("two", func(x, y int) int { return x - y }, "x", "y")
	handle("none", func() int { return 1 })
	handle("unnamed", func(x int) int { return x })
	c := rpcutil.NewClient(servedValues(t, codec.Options{}, mux.ServeCodec), rpcutil.ClientOptions{})
	t.Cleanup(func() { c.Close() })
	for _, tt := range []struct {
		method, b string
		want      any
		problem   string
	}{
		{"one", "81 a1 'x' 05", int64(5), ""},
		{"one", "80", nil, "one: want 1 parameter (x), got none named x"},
		{"optional", "80", true, ""},
		{"optional", "81 a1 'x' 05", false, ""},
		{"addr", "81 a1 'a' a7 '1.2.3.4'", "1.2.3.4", ""},
		{"map", "82 a1 'm' 01 a1 'n' 02", int64(2), ""},
		{"two", "82 a1 'y' 01 a1 'x' 03", int64(2), ""},
		{"none", "80", int64(1), ""},
		{"unnamed", "81 a3 'int' 05", nil, "unnamed: parameter 1 (int): map does not fit int"},
	} {
		var got any
		err := c.Call(tt.method, codec.Args{raw(tt.b)}, &got)
		if tt.problem != "" {
			fails(t, tt.method, err, tt.problem)
			continue
		}
		same(t, tt.method+" "+tt.b, got, err, tt.want)
	}
}
