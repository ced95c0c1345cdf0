package rpcutil_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
)

// Types that may contain themselves, each by another kind of reference.
type (
	Chain   struct{ Next *Chain }
	Tree    []Tree
	Dict    map[string]Dict
	Loose   struct{ V any }
	Mixture struct {
		M map[string]*Mixture
		L []any `msgpack:",omitempty"`
	}
	Inner struct { // by value within, by a pointer in an interface back
		V struct {
			S Shape `msgpack:",omitempty"`
		}
	}
	Listed struct {
		//lint:ignore U1000 its tag is about the struct
		_msgpack struct{} `msgpack:",as_array"`
		Next     *Listed
	}
	Embeds struct {
		*Embeds
		V any
	}
	Cell  *any
	Keyed map[*Keyed]int
)

func (*Inner) Area() int { return 0 }

// cycles are values that contain themselves, with the error that each ends in.
func cycles() map[string]struct {
	v    any
	want string
} {
	const deep, hops = "message exceeds MaxDepth (128)", "interface {} leads through more than 1000 pointers"
	var itself any
	itself = &itself
	var first, second any
	first, second = &second, &first
	pointer := &itself
	cell := new(any)
	*cell = Cell(cell)
	chain := &Chain{}
	chain.Next = &Chain{chain}
	tree := Tree{nil}
	tree[0] = tree
	dict := Dict{}
	dict["a"] = dict
	list := []any{1, nil}
	list[1] = list
	dictOfAny := map[string]any{}
	dictOfAny["a"] = map[string]any{"b": dictOfAny}
	mixedKeys := map[any]any{}
	mixedKeys[1] = &mixedKeys
	loose := &Loose{}
	loose.V = loose
	byValue := Loose{&itself}
	mixed := &Mixture{M: map[string]*Mixture{}}
	mixed.M["a"] = &Mixture{L: []any{mixed}}
	inner := &Inner{}
	inner.V.S = inner
	listed := &Listed{}
	listed.Next = listed
	embeds := &Embeds{}
	embeds.Embeds, embeds.V = embeds, []any{embeds}
	keyed := Keyed{}
	keyed[&keyed] = 1
	array := new([1]any)
	array[0] = array
	args := codec.Args{nil}
	args[0] = args
	var pointers any
	twice := &pointers
	pointers = &twice
	return map[string]struct {
		v    any
		want string
	}{
		"any":                  {itself, hops}, // F9
		"two anys":             {first, hops},
		"pointer to an any":    {&pointer, hops},
		"named pointer":        {cell, hops},
		"pointer to a pointer": {pointers, hops},
		"struct":               {chain, deep},
		"list":                 {tree, deep},
		"map":                  {dict, deep},
		"list of any":          {list, deep},
		"map of any":           {dictOfAny, deep},
		"map with any keys":    {mixedKeys, deep},
		"struct of any":        {loose, deep}, // F9
		"struct of that any":   {byValue, hops},
		"mixture":              {mixed, deep},
		"interface":            {inner, deep},
		"struct as a list":     {listed, deep},
		"embedded":             {[]any{embeds}, deep},
		"key":                  {keyed, deep},
		"array":                {array, deep},
		"args":                 {[]any{args}, deep},
	}
}

// TestCycles sends values that contain themselves: an error within a moment, in
// every place. The ends of the process and hangs that were seen are F9.
func TestCycles(t *testing.T) {
	t.Parallel()
	for name, cycle := range cycles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			places := map[string]any{
				"": cycle.v, "[a]": map[string]any{"a": cycle.v}, ".F": struct{ F any }{cycle.v},
				"[1].F[b]": []any{2, &struct{ F map[string]any }{map[string]any{"b": cycle.v}}},
			}
			for _, road := range roads[int, any]() {
				var v any
				c := road.dial(t, codec.Options{}, func(int) (any, error) { return v, nil })
				for place, v2 := range places {
					v = v2
					within(t, "parameter "+place, c.Call("do", codec.Args{v}, nil), cycle.want)
					within(t, "result "+place, c.Call("do", codec.Args{1}, nil), cycle.want)
				}
				var sum int
				if err := c.Call("do", codec.Args{1}, &sum); err == nil { // the result has not become another
					t.Error("no error")
				}
				within(t, "all parameters", c.Call("do", cycle.v, nil), cycle.want)
				v = 5
				err := c.Call("do", codec.Args{1}, &sum)
				same(t, "the next call", sum, err, 5)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// within reports an error that does not end in want.
func within(t *testing.T, where string, err error, want string) {
	t.Helper()
	if err == nil || len(err.Error()) > 400 || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%s: error %.400v\nwant %s at its end", where, err, want)
	}
}

// TestDeepest has a limit far beyond the default: the walk recurses, and must not
// overflow Go's stack. The most that codec.Options allow, 100,000, takes seconds with
// the race detector.
func TestDeepest(t *testing.T) {
	t.Parallel()
	loose := &Loose{}
	loose.V = loose
	vs := valuesOf(codec.Options{})
	vs.Limits.Depth = 10_000
	_, err := vs.AppendResult(nil, []byte{1}, loose)
	within(t, "result", err, "message exceeds MaxDepth (10000)")
}

// TestManyTimesTheSame sends what is no cycle, but has no end to speak of either.
func TestManyTimesTheSame(t *testing.T) {
	t.Parallel()
	var v any = []any{}
	for range 20 {
		v = []any{v, v, v, v, v, v, v, v, v, v}
	}
	vs := valuesOf(codec.Options{})
	vs.Limits.Elements = 10_000
	_, err := vs.AppendResult(nil, []byte{1}, v)
	within(t, "result", err, "message exceeds MaxElements (10000)")
}

// TestReadIntoCycles reads into replies that contain themselves.
func TestReadIntoCycles(t *testing.T) {
	t.Parallel()
	const hops = "interface {} leads through more than 1000 pointers"
	for _, tt := range []struct {
		name, b string
		start   func() any // a pointer
		want    string     // empty for no error
	}{
		{"any", "05", func() any { var x any; x = &x; return x }, hops},
		{"two anys", "80", func() any { var x, y any; x, y = &y, &x; return &x }, hops},
		{"pointer to a pointer", "90", func() any { var x any; p := &x; x = &p; return &x }, hops},
		{"nil", "c0", func() any { var x any; x = &x; return x }, ""},
		{"field", "81 a1 'V' 05", func() any { l := new(Loose); l.V = &l.V; return l }, ".V: " + hops},
		{"struct", "81 a1 'V' 81 a1 'V' 05", func() any { l := new(Loose); l.V = l; return l }, ".V.V: 5 does not fit rpcutil_test.Loose"},
		{"struct, as deep as it goes", "81 a1 'V' 81 a1 'V' c0", func() any { l := new(Loose); l.V = l; return l }, ""},
		{"chain", "81 a4 'Next' 81 a4 'Next' 81 a4 'Next' c0", func() any { c := new(Chain); c.Next = c; return c }, ""},
		{"list", "91 05", func() any { l := []any{nil}; l[0] = &l; return &l }, ""},
		{"array", "91 91 91 05", func() any { a := new([1]any); a[0] = a; return a }, "[0][0][0]: 5 does not fit [1]interface {}"},
		{"map", "81 a1 'a' 05", func() any { m := map[string]any{}; m["a"] = &m; return &m }, ""},
		{"embedded", "81 a1 'V' 05", func() any { e := new(Embeds); e.Embeds, e.V = e, &e.V; return e }, ".V: " + hops},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(where string, err error, prefix string) {
				t.Helper()
				if tt.want != "" {
					fails(t, where, err, prefix+tt.want)
				} else if err != nil {
					t.Error(where, err)
				}
			}
			check("result", valuesOf(codec.Options{}).DecodeResult(raw(tt.b), tt.start()), "")
			for _, road := range roads[int, msgpack.RawMessage]() {
				c := road.dial(t, codec.Options{}, func(int) (msgpack.RawMessage, error) { return raw(tt.b), nil })
				to := tt.start()
				check(road.name, c.Call("do", codec.Args{1}, to), replyError(road.name, to))
			}
		})
	}
}
