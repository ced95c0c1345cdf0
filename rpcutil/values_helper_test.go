package rpcutil_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/rpc"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// Values are tried on three roads, as each has code of its own between the bytes
// and the Go value: package value alone, a Mux with a Client, and the two ends of
// net/rpc with the codecs.

// raw is a value as it is on the wire, spelled as for codectest.Bytes.
func raw(text string) msgpack.RawMessage { return codectest.Bytes(text) }

// valueCaller is what both clients are.
type valueCaller interface {
	Call(method string, args, reply any) error
	Close() error
}

// One is the argument of a net/rpc method that has one parameter, whatever its
// type: a struct stands for its fields.
type One[T any] struct {
	V T `msgpack:"V"`
}

// Values is the net/rpc service of a function of one parameter.
type Values[A, R any] struct{ fn func(A) (R, error) }

func (s Values[A, R]) Do(args One[A], reply *R) (err error) {
	*reply, err = s.fn(args.V)
	return err
}

// Whole is the net/rpc service of a function whose argument stands for all parameters.
type Whole[A, R any] struct{ fn func(A) (R, error) }

func (s Whole[A, R]) Do(args A, reply *R) (err error) {
	*reply, err = s.fn(args)
	return err
}

// doName gives the method of those services the name on the wire that a function
// of a Mux has.
type doName struct{}

func (doName) FromWire(name string) (string, bool) { return "Values.Do", name == "do" }
func (doName) ToWire(name string) string           { return name }

// A road makes a client of a server whose method do calls fn.
type road[A, R any] struct {
	name  string
	dial  func(t *testing.T, o codec.Options, fn func(A) (R, error)) valueCaller
	param string // what errors call the parameter
}

func roads[A, R any]() []road[A, R] {
	return []road[A, R]{
		{"mux", dialMux[A, R], paramType[A]()},
		{"net/rpc", dialNetRPC[A, R], "V"},
	}
}

// paramType is what a Mux calls a parameter without a name.
func paramType[T any]() string {
	t := reflect.TypeFor[T]()
	if name := t.String(); !strings.ContainsAny(name, "\",`\\ ") {
		return name
	}
	return t.Kind().String()
}

func dialMux[A, R any](t *testing.T, o codec.Options, fn func(A) (R, error)) valueCaller {
	t.Helper()
	var mux rpcutil.Mux
	mux.Handle("do", fn)
	near := servedValues(t, o, mux.ServeCodec)
	o.Logger = quiet
	c := rpcutil.NewClient(near, rpcutil.ClientOptions{Codec: o})
	t.Cleanup(func() { c.Close() })
	return c
}

func dialNetRPC[A, R any](t *testing.T, o codec.Options, fn func(A) (R, error)) valueCaller {
	t.Helper()
	return dialService(t, o, Values[A, R]{fn})
}

func dialService(t *testing.T, o codec.Options, service any) valueCaller {
	t.Helper()
	server := rpc.NewServer()
	if err := server.RegisterName("Values", service); err != nil {
		t.Fatal(err)
	}
	o.Names = doName{}
	near := servedValues(t, o, server.ServeCodec)
	o.Logger = quiet
	c := o.NewClient(near)
	t.Cleanup(func() { c.Close() })
	return c
}

// servedValues serves one end of a pipe and returns the other. Serving has ended when the test has.
func servedValues(t *testing.T, o codec.Options, serve func(rpc.ServerCodec)) net.Conn {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet
	}
	near, far := net.Pipe()
	c, done := o.NewServerCodec(far), make(chan struct{})
	go func() { serve(c); close(done) }()
	t.Cleanup(func() {
		near.Close()
		<-done
	})
	return near
}

// valuesOf are the values of package value for options, with the default limits.
func valuesOf(o codec.Options) *value.Values {
	vs := &value.Values{
		Limits: wire.Limits{Message: 16 << 20, Depth: 128, Elements: 1_000_000, Decoded: 256 << 20},
		Format: value.Format{
			Raw: o.Strings == codec.Raw, TimeExt: o.Time == codec.TimeExt, Zone: o.Zone,
			Nanoseconds: o.Duration == codec.DurationNanoseconds, KnownFields: o.UnknownFields == codec.UnknownRefused,
			EncodeText: o.EncodeText, DecodeText: o.DecodeText,
		},
	}
	if o.FieldNames != nil {
		vs.Format.Names = value.NewNames(o.FieldNames)
	}
	return vs
}

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
