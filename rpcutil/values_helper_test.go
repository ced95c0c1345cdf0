package rpcutil_test

import (
	"net"
	"net/rpc"
	"reflect"
	"strings"
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
