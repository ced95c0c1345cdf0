package rpcutil_test

import (
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
)

// TestReplyThatHoldsSomething fills what a reply leads to, as encoding/json does,
// and replaces what it only holds. Q1
func TestReplyThatHoldsSomething(t *testing.T) {
	t.Parallel()
	const base = "82 a2 'ID' 05 a3 'Rev' 02"
	want := Base{5, 2}
	for _, tt := range []struct {
		name, b string
		// start returns the reply, a pointer, and what is to be looked at then.
		start func() (reply any, get func() any)
		want  any
	}{
		{"any with a pointer", base, func() (any, func() any) { // Q1
			p := new(Base)
			var reply any = p
			return &reply, func() any { return []any{reply == any(p), *p} }
		}, []any{true, want}},
		{"any with a pointer to an any", base, func() (any, func() any) {
			p := new(Base)
			var inner any = p
			var reply any = &inner
			return &reply, func() any { return []any{reply == any(&inner), *p} }
		}, []any{true, want}},
		{"any with a pointer to a pointer", base, func() (any, func() any) {
			var p *Base
			var reply any = &p
			return &reply, func() any { return *p }
		}, want},
		{"any with a pointer to a map", "81 a1 'b' 02", func() (any, func() any) {
			m := map[string]int{"a": 1}
			var reply any = &m
			return &reply, func() any { return m }
		}, map[string]int{"a": 1, "b": 2}},
		{"any with a pointer to a list", "92 01 02", func() (any, func() any) {
			l := []int{7}
			var reply any = &l
			return &reply, func() any { return l }
		}, []int{1, 2}},
		{"any with a pointer to a number", "05", func() (any, func() any) {
			n := 7
			var reply any = &n
			return &reply, func() any { return n }
		}, 5},
		{"any with a pointer to what reads itself", "a3 't:x'", func() (any, func() any) {
			x := new(Textual)
			var reply any = x
			return &reply, func() any { return *x }
		}, Textual{"x"}},
		{"any with a nil pointer", base, func() (any, func() any) { // encoding/json replaces it, too
			var reply any = (*Base)(nil)
			return &reply, func() any { return reply }
		}, map[string]any{"ID": int64(5), "Rev": int64(2)}},
		{"any with a value", base, func() (any, func() any) {
			var reply any = Base{1, 1}
			return &reply, func() any { return reply }
		}, map[string]any{"ID": int64(5), "Rev": int64(2)}},
		{"any with a map", "81 a1 'b' 02", func() (any, func() any) {
			m := map[string]any{"a": 1}
			var reply any = m
			return &reply, func() any { return []any{reply, m} }
		}, []any{map[string]any{"b": int64(2)}, map[string]any{"a": 1}}},
		{"nil for a pointer", "c0", func() (any, func() any) {
			p := &Base{1, 1}
			var reply any = p
			return &reply, func() any { return []any{reply, *p} }
		}, []any{nil, Base{1, 1}}},
		{"interface with methods", base, func() (any, func() any) {
			p := new(Plot)
			var reply Shape = p
			return &reply, func() any { return []any{reply == Shape(p), *p} }
		}, []any{true, Plot{5, 2}}},
		{"field", "81 a1 'V'" + base, func() (any, func() any) {
			p := new(Base)
			reply := &Loose{p}
			return reply, func() any { return []any{reply.V == any(p), *p} }
		}, []any{true, want}},
		{"array", "91" + base, func() (any, func() any) {
			p := new(Base)
			reply := &[1]any{p}
			return reply, func() any { return *p }
		}, want},
		{"list", "91" + base, func() (any, func() any) { // lists are made anew, as the caller may have kept the old one
			p := new(Base)
			reply := &[]any{p}
			return reply, func() any { return []any{*reply, *p} }
		}, []any{[]any{map[string]any{"ID": int64(5), "Rev": int64(2)}}, Base{}}},
		{"map", "81 a1 'a'" + base, func() (any, func() any) { // and so are values in maps
			p := new(Base)
			reply := &map[string]any{"a": p}
			return reply, func() any { return []any{*reply, *p} }
		}, []any{map[string]any{"a": map[string]any{"ID": int64(5), "Rev": int64(2)}}, Base{}}},
		{"what is not sent stays", "81 a3 'Rev' 02", func() (any, func() any) {
			p := &Base{7, 8}
			var reply any = p
			return &reply, func() any { return *p }
		}, Base{7, 2}},
		{"an extension that came before", "d45b05", func() (any, func() any) { // a variable that is used again
			first := &Event{1}
			var reply any
			if err := valuesOf(codec.Options{}).DecodeResult(raw("d45b01"), &reply); err != nil {
				t.Error(err)
			}
			reply = first
			return &reply, func() any { return []any{reply, *first} }
		}, []any{&Event{5}, Event{1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reply, get := tt.start()
			err := valuesOf(codec.Options{}).DecodeResult(raw(tt.b), reply)
			same(t, "result", get(), err, tt.want)
			for _, road := range roads[any, msgpack.RawMessage]() {
				c := road.dial(t, codec.Options{}, func(any) (msgpack.RawMessage, error) { return raw(tt.b), nil })
				reply, get := tt.start()
				err := c.Call("do", codec.Args{nil}, reply)
				same(t, road.name, get(), err, tt.want)
			}
		})
	}
}

// Plot is a Shape that is read by its fields.
type Plot Base

func (*Plot) Area() int { return 0 }

// TestReplyThatDoesNotFit leaves an error, and the rest of the reply alone.
func TestReplyThatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, road := range roads[any, msgpack.RawMessage]() {
		c := road.dial(t, codec.Options{}, func(any) (msgpack.RawMessage, error) { return raw("81 a2 'ID' c3"), nil })
		p := &Base{1, 2}
		var reply any = p
		err := c.Call("do", codec.Args{nil}, &reply)
		fails(t, road.name, err, replyError(road.name, &reply)+".ID: true does not fit int")
		same(t, road.name, *p, nil, Base{1, 2})
	}
}

// TestReplyUsedAgain keeps the results of calls apart that share a variable.
func TestReplyUsedAgain(t *testing.T) {
	t.Parallel()
	for _, road := range roads[msgpack.RawMessage, msgpack.RawMessage]() {
		c := road.dial(t, codec.Options{}, func(b msgpack.RawMessage) (msgpack.RawMessage, error) { return b, nil })
		var reply any
		var all []any
		for _, b := range []string{"81 a1 'a' 01", "81 a1 'b' 02", "92 01 02", "91 03", "d45b05", "d45b06", "a1 'x'", "c401ff"} {
			if err := c.Call("do", codec.Args{raw(b)}, &reply); err != nil {
				t.Errorf("%s: %s: %v", road.name, b, err)
			}
			all = append(all, reply)
		}
		same(t, road.name, all, nil, []any{map[string]any{"a": int64(1)}, map[string]any{"b": int64(2)}, []any{int64(1), int64(2)},
			[]any{int64(3)}, &Event{5}, &Event{6}, "x", []byte{0xff}})
	}
}
