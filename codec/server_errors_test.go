package codec_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
)

// With no table a wire name is net/rpc's name, and the texts repeat it.
func TestServerNamesAnUnknownMethodAsThePeerDid(t *testing.T) {
	for name, text := range map[string]string{
		"Calc.Nope":              "method not found: Calc.Nope",
		"Nope.Sum":               "method not found: Nope.Sum",
		"sum":                    "method not found: sum",
		"Calc.":                  "method not found: Calc.",
		".":                      "method not found: .",
		"a b":                    "method not found: a b",
		"a\nb":                   `method not found: "a\nb"`,
		"\u202etxet":             `method not found: "\u202etxet"`,
		strings.Repeat("n", 100): "method not found: " + strings.Repeat("n", 64) + "...",
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTCP(t, codec.Options{Names: plainNames{}})
			s.Send(fmt.Sprintf("94 00 07 d9 %02x %x 90", len(name), name))
			s.Expect(errorReply("07", text))
			s.Send("94 00 08 a8'Calc.Sum' 92 01 02")
			s.Expect("94 01 08 c0 03")
			s.hangUp(t)
			s.log.expectEmpty(t)
		})
	}
}

// plainNames leaves every name as it is.
type plainNames struct{}

func (plainNames) FromWire(wire string) (string, bool) { return wire, true }
func (plainNames) ToWire(name string) string           { return name }

// A table is asked why it does not know a name.
func TestServerExplainsAnAmbiguousName(t *testing.T) {
	s := serveTCP(t, codec.Options{})
	s.Send("94 00 01 a3'get' 90")
	s.Expect(errorReply("01", "method not found: get is ambiguous, use user.get or order.get"))
	s.goesOn(t)
}

// Errors in parameters name the method and the parameter, and cost the call alone.
func TestServerNamesTheParameterThatIsWrong(t *testing.T) {
	for request, text := range map[string]string{
		"a3'sum' 92 01 a1'2'":               "sum: parameter 2 (y): text does not fit int",
		"a3'sum' 92 c0 02":                  "sum: parameter 1 (x): nil does not fit int",
		"a3'sum' 92 01 cb 4000000000000000": "sum: parameter 2 (y): float 2 does not fit int",
		"a3'sum' 92 01 cf ffffffffffffffff": "sum: parameter 2 (y): 18446744073709551615 does not fit int",
		"a5'small' 91 cd 0080":              "small: parameter 1: 128 does not fit int8",
		"a5'small' 91 d1 ff7f":              "small: parameter 1: -129 does not fit int8",
		"a5'small' 91 c3":                   "small: parameter 1: true does not fit int8",
		"a5'small' 90":                      "small: want 1 parameter, got 0",
		"a4'none' 91 c0":                    "none: want no parameters, got 1",
		"a4'fail' 91 05":                    "fail: parameter 1: 5 does not fit string",
		"a4'fail' 91 90":                    "fail: parameter 1: list does not fit string",
		"a3'sum' 91 81 a1'x' 01":            "sum: want 2 parameters (x, y), got none named y",
		"a3'sum' 91 82 a1'x' 01 a1'z' 03":   "sum: want 2 parameters (x, y), got one named z",
	} {
		t.Run(text, func(t *testing.T) {
			s := serveTCP(t, codec.Options{})
			s.Send("94 00 07 " + request)
			s.Expect(errorReply("07", text))
			s.goesOn(t)
			s.hangUp(t)
			s.log.expectEmpty(t)
		})
	}
}

// The edges of a type are inside of it.
func TestServerTakesNumbersUpToTheirEdges(t *testing.T) {
	for _, number := range []string{"7f", "d0 80", "cc 7f", "d3 ffffffffffffff80"} {
		s := serveTCP(t, codec.Options{})
		s.Send("94 00 07 a5'small' 91 " + number)
		b, err := s.Receive()
		if want := "940107c0"; err != nil || !strings.HasPrefix(hex.EncodeToString(b), want) {
			t.Errorf("%s: % x, %v", number, b, err)
		}
	}
}

// An error's text travels as it is, or as valid UTF-8.
func TestServerSendsTheTextOfAHandlersError(t *testing.T) {
	long := strings.Repeat("é", 32_768)
	for _, test := range []struct{ name, text, reply string }{
		{"normal", "a4'boom'", errorReply("01", "boom")},
		{"not ASCII", "a9'é日😀'", errorReply("01", "é日😀")},
		{"a text that is not UTF-8", "c4 03 41ff42", errorReply("01", "fail: parameter 1: text is not UTF-8; the Go type must be []byte")}, // D3
		{"65,536 bytes", "db 00010000'" + long + "'", "94 01 01 db 00010000'" + long + "' c0"},
		// net/rpc takes an error without text for none: its documented behaviour.
		{"empty", "a0", "94 01 01 c0 c0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveTCP(t, codec.Options{})
			s.Send("94 00 01 a4'fail' 91 " + test.text)
			s.Expect(test.reply)
			s.goesOn(t)
		})
	}
}

// Faulty answers with structured errors.
type Faulty struct{ err *codec.Error }

// Do answers with the error that it holds.
func (f *Faulty) Do(_ struct{}, reply *any) error { *reply = f.err; return nil }

func serveFaulty(t *testing.T, o codec.Options, err *codec.Error) *served {
	t.Helper()
	return serveService(t, o, &Faulty{err}, nameTable{"do": "Faulty.Do"})
}

func TestServerSendsAStructuredErrorInTheFormOfItsOptions(t *testing.T) {
	full := &codec.Error{Code: 7, Message: "no", Data: []int{1}}
	noData := &codec.Error{Code: -7, Message: "no"}
	onlyCode := &codec.Error{Code: 7}
	nothing := new(codec.Error)
	unencodable := &codec.Error{Code: 7, Message: "no", Data: make(chan int)}
	for _, test := range []struct {
		name  string
		form  codec.ErrorForm
		err   *codec.Error
		reply string
	}{
		{"text", codec.ErrorText, full, "a2'no'"},
		{"text of a code", codec.ErrorText, onlyCode, "a7'error 7'"},
		{"text of nothing", codec.ErrorText, nothing, "d9 23'peer reported an error without text'"},
		{"text and bad data", codec.ErrorText, unencodable, "a2'no'"},
		{"pair", codec.ErrorPair, full, "92 07 a2'no'"},
		{"pair, negative", codec.ErrorPair, noData, "92 f9 a2'no'"},
		{"pair of a code", codec.ErrorPair, onlyCode, "92 07 a7'error 7'"},
		{"map without data", codec.ErrorMap, &codec.Error{Code: 1, Message: "m"}, ""},
		{"map with bad data", codec.ErrorMap, &codec.Error{Code: 1, Message: "m", Data: make(chan int)}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveFaulty(t, codec.Options{Errors: test.form}, test.err)
			s.Send("94 00 01 a2'do' 90")
			if test.reply != "" {
				s.Expect("94 01 01" + test.reply + "c0")
				return
			}
			b, err := s.Receive() // a map has no order
			for _, part := range [][]byte{[]byte("\xa4code\x01"), []byte("\xa7message\xa1m")} {
				if err != nil || !bytes.HasPrefix(b, []byte("\x94\x01\x01\x82")) || !bytes.Contains(b, part) {
					t.Errorf("% x (%q), %v", b, b, err)
				}
			}
		})
	}
}

func TestServerSendsAStructuredErrorWithItsData(t *testing.T) {
	s := serveFaulty(t, codec.Options{Errors: codec.ErrorMap}, &codec.Error{Code: 1, Message: "m", Data: "d"})
	s.Send("94 00 01 a2'do' 90")
	b, err := s.Receive()
	if err != nil || !bytes.HasPrefix(b, []byte("\x94\x01\x01\x83")) || !bytes.Contains(b, []byte("\xa4data\xa1d")) {
		t.Errorf("% x (%q), %v", b, b, err)
	}
}

// An error longer than a message may be is an error all the same.
func TestServerReplacesAnErrorThatIsTooLong(t *testing.T) {
	for n, reply := range map[int]string{
		94: errorReply("01", strings.Repeat("e", 94)), // 100 bytes in all
		95: errorReply("01", "internal error"),
	} {
		s := serveFaulty(t, codec.Options{MaxMessage: 100}, &codec.Error{Message: strings.Repeat("e", n)})
		s.Send("94 00 01 a2'do' 90")
		s.Expect(reply)
	}
}

// A nil *Error is no error.
func TestServerTakesANilErrorForNone(t *testing.T) {
	s := serveFaulty(t, codec.Options{}, nil)
	s.Send("94 00 01 a2'do' 90")
	s.Expect("94 01 01 c0 c0")
}

// latin1 encodes what fits into a byte.
func latin1(utf8 []byte) ([]byte, error) {
	out := []byte{}
	for _, r := range string(utf8) {
		if r > 0xff {
			return nil, fmt.Errorf("%q is not in Latin-1", r)
		}
		out = append(out, byte(r))
	}
	return out, nil
}

// The peer's encoding may lack what an error says; the caller learns the rest.
func TestServerReplacesWhatThePeersEncodingLacks(t *testing.T) {
	s := serveTCP(t, codec.Options{EncodeText: latin1})
	s.Send("94 00 01 a4'fail' 91 a2'é'")
	s.Expect("94 01 01 a1 e9 c0")
	s.Send("94 00 01 a4'fail' 91 a6'é日!'")
	s.Expect("94 01 01 a3'??!' c0")
}

// An encoding that fails for everything still leaves the shortest error.
func TestServerAnswersThoughNoTextCanBeEncoded(t *testing.T) {
	s := serveTCP(t, codec.Options{EncodeText: func([]byte) ([]byte, error) { panic("broken encoding") }})
	s.Send("94 00 01 a4'fail' 91 a2'no'")
	s.Expect("94 01 01 c3 c0")
	s.goesOn(t)
}

// A method's name that cannot be decoded is answered, not served.
func TestServerAnswersANameThatCannotBeDecoded(t *testing.T) {
	s := serveTCP(t, codec.Options{DecodeText: func(b []byte) ([]byte, error) {
		if b[0] == 's' {
			return b, nil
		}
		return nil, fmt.Errorf("unknown letter %c", b[0])
	}})
	s.Send("94 00 01 a3'tum' 92 01 02")
	s.Expect(errorReply("01", "tum: method name: text cannot be decoded: unknown letter t"))
	s.goesOn(t)
}
