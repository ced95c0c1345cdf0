package codec_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
)

// Results is a service whose results are hard to send.
type Results struct{}

func (*Results) Chan(_ struct{}, r *any) error { *r = make(chan int); return nil }
func (*Results) Func(_ struct{}, r *any) error { *r = func() {}; return nil }
func (*Results) Text(_ struct{}, r *any) error { *r = []string{"a\xff"}; return nil }
func (*Results) Large(_ struct{}, r *any) error {
	*r = strings.Repeat("x", 1000)
	return nil
}
func (*Results) Many(_ struct{}, r *any) error { *r = make([]bool, 1001); return nil }
func (*Results) Deep(_ struct{}, r *any) error {
	*r = nil
	for range 20 {
		*r = []any{*r}
	}
	return nil
}

func (*Results) Cyclic(_ struct{}, r *any) error {
	m := map[string]any{}
	m["m"] = m
	*r = m
	return nil
}

func (*Results) CyclicPointer(_ struct{}, r *Ring) error { r.Next = r; return nil }

// Ring may contain itself.
type Ring struct{ Next *Ring }

func (*Results) Panic(_ struct{}, r *any) error { *r = bomb{}; return nil }

func (*Results) Two(_ struct{}, r *any) error { *r = twice{}; return nil }

func (*Results) Fine(_ struct{}, r *any) error { *r = 1; return nil }

func (*Results) Struct(_ struct{}, r *SumXY) error { *r = SumXY{1, 2}; return nil }

func (*Results) Empty(struct{}, *struct{}) error { return nil }

func (*Results) Nothing(struct{}, *any) error { return nil }

func (*Results) Float(_ struct{}, r *float64) error { *r = math.Inf(1); return nil }

// bomb panics when it is encoded.
type bomb struct{}

func (bomb) MarshalMsgpack() ([]byte, error) { panic("secret of the encoder") }

// twice encodes itself to two values.
type twice struct{}

func (twice) MarshalMsgpack() ([]byte, error) { return []byte{1, 2}, nil }

var resultNames = nameTable{
	"chan": "Results.Chan", "func": "Results.Func", "text": "Results.Text", "large": "Results.Large", "many": "Results.Many",
	"deep": "Results.Deep", "cyclic": "Results.Cyclic", "ring": "Results.CyclicPointer", "panic": "Results.Panic", "two": "Results.Two",
	"fine": "Results.Fine", "struct": "Results.Struct", "empty": "Results.Empty", "nothing": "Results.Nothing", "float": "Results.Float",
}

// callOf spells a call without parameters, with the id 7.
func callOf(method string) string {
	return fmt.Sprintf("94 00 07 %02x'%s' 90", 0xa0+len(method), method)
}

func TestServerAnswersAResultThatCannotBeSent(t *testing.T) {
	for method, text := range map[string]string{
		"chan":   "chan: result cannot be sent: unsupported chan int",
		"func":   "func: result cannot be sent: unsupported func()",
		"text":   "text: result cannot be sent: [0]: text is not valid UTF-8; use []byte for bytes",
		"large":  "large: result cannot be sent: message exceeds MaxMessage (900)",
		"many":   "many: result cannot be sent: message exceeds MaxMessage (900)",
		"deep":   "deep: result cannot be sent: message exceeds MaxDepth (20)",
		"cyclic": "cyclic: result cannot be sent: message exceeds MaxDepth (20)",
		"ring":   "ring: result cannot be sent: message exceeds MaxDepth (20)",
		"panic":  "panic: internal error",
		"two":    "two: result cannot be sent: a value encodes itself to something else than one MessagePack value",
	} {
		t.Run(method, func(t *testing.T) {
			s := serveService(t, codec.Options{MaxMessage: 900, MaxDepth: 20}, new(Results), resultNames)
			s.Send(callOf(method))
			s.Expect(errorReply("07", text))
			s.Send(callOf("fine"))
			s.Expect("94 01 07 c0 01")
			s.hangUp(t)
			if method == "panic" {
				s.log.expect(t, "secret of the encoder", "method=panic", "stack=")
			} else {
				s.log.expect(t, "result cannot be sent", text) // D3
			}
		})
	}
}

func TestServerCountsTheElementsOfAResult(t *testing.T) {
	s := serveService(t, codec.Options{MaxElements: 1004}, new(Results), resultNames)
	s.Send(callOf("many"))
	s.Expect(errorReply("07", "many: result cannot be sent: message exceeds MaxElements (1004)"))
	s = serveService(t, codec.Options{MaxElements: 1005}, new(Results), resultNames)
	s.Send(callOf("many"))
	s.Expect("94 01 07 c0 dc 03e9" + strings.Repeat("c2", 1001))
}

func TestServerSendsResultsByTheirType(t *testing.T) {
	s := serveService(t, codec.Options{}, new(Results), resultNames)
	for method, result := range map[string]string{
		"struct":  "82 a1'x' 01 a1'y' 02",
		"empty":   "c0",
		"nothing": "c0",
		"float":   "cb 7ff0000000000000",
	} {
		s.Send(callOf(method))
		s.Expect("94 01 07 c0" + result)
	}
}
