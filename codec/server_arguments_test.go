package codec_test

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// Shapes is a net/rpc service with an argument of every shape. Each method
// returns what it got.
type Shapes struct{}

func show(r *string, a any) error { *r = fmt.Sprintf("%T %+[1]v", a); return nil }

func (*Shapes) Struct(a SumXY, r *string) error           { return show(r, a) }
func (*Shapes) Pointer(a *SumXY, r *string) error         { return show(r, *a) }
func (*Shapes) Int(a int, r *string) error                { return show(r, a) }
func (*Shapes) IntPointer(a *int, r *string) error        { return show(r, *a) }
func (*Shapes) Ints(a []int, r *string) error             { return show(r, a) }
func (*Shapes) Array(a [2]int, r *string) error           { return show(r, a) }
func (*Shapes) Bytes(a []byte, r *string) error           { return show(r, a) }
func (*Shapes) Map(a map[string]int, r *string) error     { return show(r, a) }
func (*Shapes) None(a struct{}, r *string) error          { return show(r, a) }
func (*Shapes) Optional(a Optional, r *string) error      { return show(r, a) }
func (*Shapes) Embedded(a Embedded, r *string) error      { return show(r, a) }
func (*Shapes) Time(a time.Time, r *string) error         { return show(r, a.UTC()) }
func (*Shapes) Self(a Celsius, r *string) error           { return show(r, a) }
func (*Shapes) Args(a codec.Args, r *string) error        { return show(r, a) }
func (*Shapes) Any(a any, r *string) error                { return show(r, a) }
func (*Shapes) Nested(a Nested, r *string) error          { return show(r, a) }
func (*Shapes) Hidden(a Hidden, r *string) error          { return show(r, a) }
func (*Shapes) EmbedsPointer(a Pointing, r *string) error { return show(r, a) }

// Optional has one parameter that a caller may leave out.
type Optional struct {
	Name  string `msgpack:"name"`
	Count int    `msgpack:"count,omitempty"`
}

// Embedded has the parameters of SumXY and one of its own; secret is none.
type Embedded struct {
	SumXY
	Z      int
	Skip   int `msgpack:"-"`
	secret int //lint:ignore U1000 it must not be a parameter
}

// Nested has a struct as its second parameter.
type Nested struct {
	A int
	B SumXY
}

// Hidden cannot hold parameters.
type Hidden struct{ x int }

// Pointing cannot hold parameters.
type Pointing struct{ *SumXY }

// Celsius encodes itself, as text.
type Celsius struct{ degrees int }

// MarshalText implements encoding.TextMarshaler.
func (c Celsius) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d °C", c.degrees), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Celsius) UnmarshalText(b []byte) error {
	_, err := fmt.Sscanf(string(b), "%d °C", &c.degrees)
	return err
}

func TestArgumentsOfAnyShapePassThroughNetRPC(t *testing.T) {
	server := rpc.NewServer()
	if err := server.Register(new(Shapes)); err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	go server.ServeCodec(codec.NewServerCodec(far))
	client := codec.NewClient(near)
	defer client.Close()
	n := 5
	for _, test := range []struct {
		method string
		args   any
		want   string
	}{
		{"Struct", SumXY{1, 2}, "codec_test.SumXY {X:1 Y:2}"},
		{"Struct", &SumXY{1, 2}, "codec_test.SumXY {X:1 Y:2}"},
		{"Struct", codec.Args{1, 2}, "codec_test.SumXY {X:1 Y:2}"},
		{"Struct", map[string]int{"x": 1, "Y": 2}, "codec_test.SumXY {X:1 Y:2}"},
		{"Struct", nil, "error: Shapes.Struct: want 2 parameters (x, y), got 0"},
		{"Struct", (*SumXY)(nil), "error: codec: Shapes.Struct: nil *codec_test.SumXY as parameters"},
		{"Pointer", &SumXY{1, 2}, "codec_test.SumXY {X:1 Y:2}"},
		{"Int", 5, "int 5"},
		{"Int", &n, "int 5"},
		{"IntPointer", 5, "int 5"},
		{"Ints", []int{1, 2, 3}, "[]int [1 2 3]"},
		{"Ints", []int{}, "[]int []"},
		{"Ints", codec.Args{1, 2}, "error: Shapes.Ints: want 1 parameter, got 2"},
		{"Array", [2]int{1, 2}, "[2]int [1 2]"},
		{"Array", []int{1}, "error: Shapes.Array: parameter 1: a list of 1 does not fit [2]int"},
		{"Bytes", []byte("ab"), "[]uint8 [97 98]"},
		{"Bytes", "ab", "[]uint8 [97 98]"},
		{"Map", map[string]int{"a": 1}, "map[string]int map[a:1]"},
		{"None", nil, "struct {} {}"},
		{"None", struct{}{}, "struct {} {}"},
		{"None", 1, "error: Shapes.None: want no parameters, got 1"},
		{"Optional", Optional{"n", 2}, "codec_test.Optional {Name:n Count:2}"},
		{"Optional", codec.Args{"n"}, "codec_test.Optional {Name:n Count:0}"},
		{"Optional", Optional{"n", 0}, "codec_test.Optional {Name:n Count:0}"},
		{"Optional", codec.Args{"n", 2, 3}, "error: Shapes.Optional: want 1 to 2 parameters (name, [count]), got 3"},
		{"Optional", nil, "error: Shapes.Optional: want 1 to 2 parameters (name, [count]), got 0"},
		{"Embedded", codec.Args{1, 2, 3}, "codec_test.Embedded {SumXY:{X:1 Y:2} Z:3 Skip:0 secret:0}"},
		{"Embedded", Embedded{SumXY{1, 2}, 3, 4, 5}, "codec_test.Embedded {SumXY:{X:1 Y:2} Z:3 Skip:0 secret:0}"},
		{"Nested", Nested{1, SumXY{2, 3}}, "codec_test.Nested {A:1 B:{X:2 Y:3}}"},
		{"Nested", codec.Args{1, map[string]any{"x": 300, "y": "no"}}, "error: Shapes.Nested: parameter 2 (B).y: text does not fit int"},
		{"Time", time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC), "time.Time 2020-01-02 03:04:05.000000006 +0000 UTC"},
		{"Time", codec.Args{nil}, "error: Shapes.Time: parameter 1: nil does not fit time.Time"},
		{"Self", Celsius{21}, "codec_test.Celsius {degrees:21}"},
		{"Self", &Celsius{-3}, "codec_test.Celsius {degrees:-3}"},
		{"Args", codec.Args{1, "b", nil, []byte{3}}, "value.Args [1 b <nil> [3]]"},
		{"Args", SumXY{1, 2}, "value.Args [1 2]"},
		{"Any", SumXY{1, 2}, "error: Shapes.Any: want 1 parameter, got 2"},
		{"Any", codec.Args{SumXY{1, 2}}, "map[string]interface {} map[x:1 y:2]"},
		{"Hidden", codec.Args{}, "error: Shapes.Hidden: codec_test.Hidden has no exported field to hold a parameter"},
		{"Hidden", Hidden{1}, "error: codec: Shapes.Hidden: codec_test.Hidden has no exported field to hold a parameter"},
		{"EmbedsPointer", codec.Args{1}, "error: Shapes.EmbedsPointer: codec_test.Pointing embeds the pointer *codec_test.SumXY, which cannot stand for parameters"},
	} {
		var got string
		if err := client.Call("Shapes."+test.method, test.args, &got); err != nil {
			got = "error: " + err.Error()
		}
		if got != test.want {
			t.Errorf("%s(%T %+[2]v):\n%s\nwant %s", test.method, test.args, got, test.want)
		}
	}
}

// The same client goes on whatever its calls came to, and ends as net/rpc's do.
func TestClientAndServerEndAsNetRPCDoes(t *testing.T) {
	server := newTestServer(t)
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() { defer close(done); server.ServeCodec(codec.NewServerCodec(far)) }()
	client := codec.NewClient(near)
	var n int
	if err := client.Call("Calc.Sum", SumXY{1, 2}, &n); err != nil || n != 3 {
		t.Error(n, err)
	}
	var e rpc.ServerError
	if err := client.Call("Calc.Fail", "boom", nil); !errors.As(err, &e) || e != "boom" {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if err := client.Call("Calc.Sum", SumXY{1, 2}, &n); err != rpc.ErrShutdown {
		t.Error(err)
	}
	<-done
}
