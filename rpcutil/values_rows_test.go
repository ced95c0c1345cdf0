package rpcutil_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
)

// The rows of tables of values: each says what becomes of one value, and holds it
// to that on every road.

// A valueCase is a row of a table: a value, what becomes of it, and under which options.
type valueCase struct {
	name string
	run  func(t *testing.T, o codec.Options)
}

// runValues runs the rows of a table.
func runValues(t *testing.T, o codec.Options, rows []valueCase) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.run(t, o)
		})
	}
}

// same reports a value that is not as it should be.
func same[T any](t *testing.T, where string, got T, err error, want T) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %+v, %v; want %+v", where, got, err, want)
	}
}

// fails reports an error that has not the text that it should have.
func fails(t *testing.T, where string, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("%s: error %v\nwant %s", where, err, want)
	}
}

// reads says that the bytes become want, as a parameter and as a result.
func reads[T any](name, bytes string, want T) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		vs, b := valuesOf(o), raw(bytes)
		var got T
		err := vs.DecodeResult(b, &got)
		same(t, "result", got, err, want)
		var one One[T]
		err = vs.DecodeParams(append([]byte{0x91}, b...), &one)
		same(t, "parameter", one.V, err, want)
		for _, road := range roads[T, msgpack.RawMessage]() {
			c := road.dial(t, o, func(v T) (msgpack.RawMessage, error) {
				same(t, road.name+": parameter", v, nil, want)
				return b, nil
			})
			var got T
			err := c.Call("do", codec.Args{b}, &got)
			same(t, road.name+": reply", got, err, want)
		}
	}}
}

// refuses says that the bytes do not become a T, and why: what the path leads to,
// and what is wrong with it.
func refuses[T any](name, bytes, path, problem string) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		vs, b := valuesOf(o), raw(bytes)
		fails(t, "result", vs.DecodeResult(b, new(T)), strings.TrimPrefix(path+": "+problem, ": "))
		fails(t, "parameter", vs.DecodeParams(append([]byte{0x91}, b...), new(One[T])), "parameter 1 (V)"+path+": "+problem)
		for _, road := range roads[T, any]() {
			c := road.dial(t, o, func(v T) (any, error) {
				t.Errorf("%s: called with %+v", road.name, v)
				return nil, nil
			})
			fails(t, road.name+": parameter", c.Call("do", codec.Args{b}, nil), "do: parameter 1 ("+road.param+")"+path+": "+problem)
		}
		for _, road := range roads[any, msgpack.RawMessage]() {
			c := road.dial(t, o, func(any) (msgpack.RawMessage, error) { return b, nil })
			fails(t, road.name+": reply", c.Call("do", codec.Args{nil}, new(T)), replyError(road.name, new(T))+strings.TrimPrefix(path+": "+problem, ": "))
		}
	}}
}

// replyError is what stands in front of an error about a reply.
func replyError(road string, reply any) string {
	if road == "net/rpc" {
		return fmt.Sprintf("reading body codec: result does not fit %T, and net/rpc ends the connection for that; codec.Exchange does not: ", reply)
	}
	return "codec: do: result: "
}

// writes says that v becomes the bytes, as a parameter and as a result.
func writes[T any](name string, v T, bytes string) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		vs, want := valuesOf(o), raw(bytes)
		b, err := vs.AppendResult(nil, []byte{1}, v)
		same(t, "result", msgpack.RawMessage(b), err, append(raw("94 01 01 c0"), want...))
		b, err = vs.AppendNotification(nil, "do", codec.Args{v})
		same(t, "parameter", msgpack.RawMessage(b), err, append(raw("93 02 a2 'do' 91"), want...))
		for _, road := range roads[msgpack.RawMessage, T]() {
			c := road.dial(t, o, func(b msgpack.RawMessage) (T, error) {
				same(t, road.name+": parameter", asSent(b), nil, want)
				return v, nil
			})
			var got msgpack.RawMessage
			err := c.Call("do", codec.Args{v}, &got)
			same(t, road.name+": reply", asSent(got), err, want)
		}
	}}
}

// asSent undoes what makes a nil RawMessage of nil.
func asSent(b msgpack.RawMessage) msgpack.RawMessage {
	if b == nil {
		return raw("c0")
	}
	return b
}

// both says that v becomes the bytes, and the bytes v.
func both[T any](name string, v T, bytes string) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		reads(name, bytes, v).run(t, o)
		writes(name, v, bytes).run(t, o)
	}}
}

// echoes says that v arrives as it was sent, there and back: for values that may
// be written in more than one way.
func echoes[T any](name string, v T) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		for _, road := range roads[T, T]() {
			c := road.dial(t, o, func(got T) (T, error) {
				same(t, road.name+": parameter", got, nil, v)
				return got, nil
			})
			var got T
			err := c.Call("do", codec.Args{v}, &got)
			same(t, road.name+": reply", got, err, v)
		}
	}}
}

// unsendable says that v cannot be sent, and why. A server tells its caller and its log.
func unsendable[T any](name string, v T, path, problem string) valueCase {
	return valueCase{name, func(t *testing.T, o codec.Options) {
		vs := valuesOf(o)
		_, err := vs.AppendResult(nil, []byte{1}, v)
		fails(t, "result", err, strings.TrimPrefix(path+": "+problem, ": "))
		_, err = vs.AppendNotification(nil, "do", codec.Args{v})
		fails(t, "parameter", err, "parameter 1"+path+": "+problem)
		for _, road := range roads[any, T]() {
			log := new(records)
			o.Logger = slog.New(slog.NewTextHandler(log, nil))
			c := road.dial(t, o, func(any) (T, error) { return v, nil })
			fails(t, road.name+": parameter", c.Call("do", codec.Args{v}, nil), "codec: do: parameter 1"+path+": "+problem)
			text := "do: result cannot be sent: " + strings.TrimPrefix(path+": "+problem, ": ")
			fails(t, road.name+": reply", c.Call("do", codec.Args{nil}, nil), text)
			if got, want := log.String(), "error="+strconv.Quote(text); !strings.Contains(got, want) {
				t.Errorf("%s: log %s\nwant %s in it", road.name, got, want)
			}
		}
	}}
}

// records is what a log handler writes to.
type records struct {
	mu   sync.Mutex
	text strings.Builder // protected by mu
}

func (r *records) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
