package interop_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/go-mprpc/mprpc/codec"
)

// Service is a plain net/rpc service.
type Service struct {
	done   chan struct{}     // closed when the server is
	onHold func(name string) // told of every call of Hold; may be nil

	mu sync.Mutex
	// Protected by mu:
	gates map[string]*gate
}

// A gate holds calls up until a test opens it.
type gate struct {
	entered chan struct{} // gets one per call that has arrived
	open    chan struct{} // closed to let calls go on
}

// gate returns the gate of that name; each test has names of its own.
func (s *Service) gate(name string) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[name]
	if g == nil {
		g = &gate{make(chan struct{}, 1000), make(chan struct{})}
		s.gates[name] = g
	}
	return g
}

// Sum is the method of mprpc's README.
func (*Service) Sum(args Addends, reply *int) error {
	*reply = args.X + args.Y
	return nil
}

// Addends are two parameters on the wire.
type Addends struct{ X, Y int }

// Echo returns what it got.
func (*Service) Echo(x any, reply *any) error {
	*reply = x
	return nil
}

// See tells what Go made of the parameters.
func (*Service) See(args codec.Args, reply *[]string) error {
	*reply = []string{}
	for _, arg := range args {
		*reply = append(*reply, show(arg))
	}
	return nil
}

// None has neither parameters nor a result.
func (*Service) None(struct{}, *struct{}) error { return nil }

// Count counts its parameters.
func (*Service) Count(args codec.Args, reply *int) error {
	*reply = len(args)
	return nil
}

// Look takes the request as it is.
func (*Service) Look(r *codec.Request, reply *[]any) error {
	host, _, err := net.SplitHostPort(r.RemoteAddr.String())
	*reply = []any{r.Method, r.Params.Len(), r.Params.Raw(), r.Notification, host}
	return err
}

// Give returns the value of the table of that name, as Go writes it.
func (*Service) Give(name string, reply *any) error {
	i := slices.IndexFunc(values, func(v value) bool { return v.name == name })
	if i < 0 {
		return fmt.Errorf("no value %q", name)
	}
	*reply = values[i].write
	return nil
}

// GiveBroken returns text that is not UTF-8.
func (*Service) GiveBroken(_ struct{}, reply *string) error {
	*reply = "\xff"
	return nil
}

// Deep returns an empty list within n-1 others.
func (*Service) Deep(n int, reply *any) error {
	*reply = nest(n)
	return nil
}

// Big returns a text of n bytes.
func (*Service) Big(n int, reply *string) error {
	*reply = strings.Repeat("x", n)
	return nil
}

// Now returns a fixed time.
func (*Service) Now(_ struct{}, reply *time.Time) error {
	*reply = leapDay
	return nil
}

// Fail returns an error of that text. The reply shows that net/rpc takes an
// empty one for success.
func (*Service) Fail(text string, reply *string) error {
	*reply = "no error"
	return errors.New(text)
}

// FailWith returns an error with a code.
func (*Service) FailWith(args struct {
	Code    int64
	Message string
}, reply *any) error {
	*reply = &codec.Error{Code: args.Code, Message: args.Message}
	return nil
}

// Hold waits at a gate.
func (s *Service) Hold(name string, reply *string) error {
	g := s.gate(name)
	g.entered <- struct{}{}
	if s.onHold != nil {
		s.onHold(name)
	}
	select {
	case <-g.open:
	case <-s.done:
	}
	*reply = "held"
	return nil
}

// Open opens a gate for all.
func (s *Service) Open(name string, _ *struct{}) error {
	close(s.gate(name).open)
	return nil
}

// RaiseError and EchoDelayed are methods of mprpc's own tests, as Echo is.
func (*Service) RaiseError(struct{}, *any) error { return errors.New("error msg") }

// EchoDelayed answers after delay seconds.
func (s *Service) EchoDelayed(args struct {
	Msg   string
	Delay float64
}, reply *string) error {
	timer := time.NewTimer(time.Duration(args.Delay * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done:
	}
	*reply = args.Msg
	return nil
}

// Typed has a method with a parameter of one Go type.
type Typed[T any] struct{}

// Typed returns how Go shows the parameter, and the parameter.
func (Typed[T]) Typed(x T, reply *[]any) error {
	*reply = []any{show(x), x}
	return nil
}

// User is a struct among other values.
type User struct {
	ID   int64  `msgpack:"id"`
	Name string `msgpack:"name"`
}

// Pixel is a type that is registered as an extension.
type Pixel struct{ X, Y byte }

// MarshalMsgpack writes the payload.
func (p *Pixel) MarshalMsgpack() ([]byte, error) { return []byte{p.X, p.Y}, nil }

// UnmarshalMsgpack reads the payload.
func (p *Pixel) UnmarshalMsgpack(b []byte) error {
	if len(b) != 2 {
		return fmt.Errorf("pixel of %d bytes", len(b))
	}
	p.X, p.Y = b[0], b[1]
	return nil
}

func init() { msgpack.RegisterExt(42, (*Pixel)(nil)) }

// typed are the receivers with methods such as int8.typed.
var typed = map[string]any{
	"int8": Typed[int8]{}, "int16": Typed[int16]{}, "int32": Typed[int32]{}, "int64": Typed[int64]{}, "int": Typed[int]{},
	"uint8": Typed[uint8]{}, "uint16": Typed[uint16]{}, "uint32": Typed[uint32]{}, "uint64": Typed[uint64]{},
	"uint": Typed[uint]{}, "float32": Typed[float32]{}, "float64": Typed[float64]{}, "bool": Typed[bool]{},
	"string": Typed[string]{}, "bytes": Typed[[]byte]{}, "time": Typed[time.Time]{}, "raw": Typed[msgpack.RawMessage]{},
	"ints": Typed[[]int]{}, "list": Typed[[]any]{}, "dict": Typed[map[string]any]{}, "texts": Typed[map[int]string]{},
	"counts": Typed[map[string]int]{}, "users": Typed[[]User]{}, "pixel": Typed[*Pixel]{},
}

// show gives the %T and %v of a value and of what is in it, long ones by their
// length and hash as peer.py does.
func show(v any) string {
	switch v := v.(type) {
	case string:
		if len(v) > 200 {
			return cut("string", v)
		}
	case []byte:
		if len(v) > 200 {
			return cut("[]uint8", v)
		}
	case codec.Args:
		return show([]any(v))
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = show(v[i])
		}
		return shorter(fmt.Sprintf("%T[%s]", v, strings.Join(parts, ", ")))
	case map[string]any:
		return showMap(fmt.Sprintf("%T", v), v)
	case map[any]any:
		return showMap(fmt.Sprintf("%T", v), v)
	}
	return shorter(fmt.Sprintf("%T %v", v, v))
}

func showMap[K comparable](name string, m map[K]any) string {
	var parts []string
	for k, v := range m {
		parts = append(parts, show(k)+": "+show(v))
	}
	slices.Sort(parts)
	return shorter(name + "[" + strings.Join(parts, ", ") + "]")
}

func shorter(text string) string {
	if len(text) > 1500 {
		return cut("show", text)
	}
	return text
}

// cut is the function of that name in peer.py.
func cut[T string | []byte](name string, text T) string {
	n := len(text)
	if s, ok := any(text).(string); ok {
		n = utf8.RuneCountInString(s)
	}
	return fmt.Sprintf("%s len=%d sha256=%x", name, n, sha256.Sum256([]byte(text)))
}
