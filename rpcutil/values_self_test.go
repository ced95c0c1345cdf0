package rpcutil_test

import (
	"encoding"
	"errors"
	bigs "math/big"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
)

type (
	// Twofold has both forms, on values; Pointed has them on pointers.
	Twofold struct{ S string }
	Pointed struct{ S string }
	// Textual has only the text form, Binary only the other.
	Textual struct{ S string }
	Binary  struct{ S string }
	// UUID is what many packages have: an array with both forms.
	UUID [4]byte
	// Level is a number with a text form, Flags a list and Table a map with one.
	Level int
	Flags []string
	Table map[string]int
	// Reads only reads itself, Writes only writes itself.
	Reads  struct{ S string }
	Writes struct{ S string }
)

func (x Twofold) MarshalText() ([]byte, error)    { return []byte("t:" + x.S), nil }
func (x Twofold) MarshalBinary() ([]byte, error)  { return []byte("b:" + x.S), nil }
func (x *Twofold) UnmarshalText(b []byte) error   { return cut(&x.S, "t:", b) }
func (x *Twofold) UnmarshalBinary(b []byte) error { return cut(&x.S, "b:", b) }
func (x *Pointed) MarshalText() ([]byte, error)   { return []byte("t:" + x.S), nil }
func (x *Pointed) MarshalBinary() ([]byte, error) { return []byte("b:" + x.S), nil }
func (x *Pointed) UnmarshalText(b []byte) error   { return cut(&x.S, "t:", b) }
func (x *Pointed) UnmarshalBinary(b []byte) error { return cut(&x.S, "b:", b) }
func (x Textual) MarshalText() ([]byte, error)    { return []byte("t:" + x.S), nil }
func (x *Textual) UnmarshalText(b []byte) error   { return cut(&x.S, "t:", b) }
func (x Binary) MarshalBinary() ([]byte, error)   { return []byte("b:" + x.S), nil }
func (x *Binary) UnmarshalBinary(b []byte) error  { return cut(&x.S, "b:", b) }
func (x UUID) MarshalText() ([]byte, error)       { return []byte("id-" + string(x[:])), nil }
func (x UUID) MarshalBinary() ([]byte, error)     { return x[:], nil }
func (x Level) MarshalText() ([]byte, error)      { return []byte(strings.Repeat("+", int(x))), nil }
func (x *Level) UnmarshalText(b []byte) error     { *x = Level(len(b)); return nil }
func (x Flags) MarshalText() ([]byte, error)      { return []byte(strings.Join(x, "|")), nil }
func (x *Flags) UnmarshalText(b []byte) error     { *x = strings.Split(string(b), "|"); return nil }
func (x Table) MarshalText() ([]byte, error)      { return []byte("table"), nil }
func (x *Table) UnmarshalText(b []byte) error     { *x = Table{string(b): 1}; return nil }
func (x *Reads) UnmarshalText(b []byte) error     { return cut(&x.S, "t:", b) }
func (x Writes) MarshalText() ([]byte, error)     { return []byte("t:" + x.S), nil }

func (x *UUID) UnmarshalText(b []byte) error {
	if len(b) != 7 {
		return errors.New("an id has 7 characters")
	}
	return x.UnmarshalBinary(b[3:])
}

func (x *UUID) UnmarshalBinary(b []byte) error { copy(x[:], b); return nil }

func cut(to *string, prefix string, b []byte) (err error) {
	s, ok := strings.CutPrefix(string(b), prefix)
	if !ok {
		err = errors.New("want " + prefix)
	}
	*to = s
	return err
}

// TestTextAndBinary has types with one form or both: text where there is one.
func TestTextAndBinary(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr("192.0.2.1")
	n, _ := new(bigs.Int).SetString("100000000000000000000", 10)
	u, _ := url.Parse("http://x/y")
	runValues(t, codec.Options{}, []valueCase{
		both("netip.Addr", addr, "a9 '192.0.2.1'"), // F7
		both("netip.AddrPort", netip.MustParseAddrPort("1.2.3.4:5"), "a9 '1.2.3.4:5'"),
		both("netip.Prefix", netip.MustParsePrefix("10.0.0.0/8"), "aa '10.0.0.0/8'"),
		reads("netip.Addr from bytes", "c404 c0000201", addr),
		refuses[netip.Addr]("netip.Addr from what is none", "a1 'x'", "", `ParseAddr("x"): unable to parse IP`),
		refuses[netip.Addr]("netip.Addr from a number", "05", "", "5 does not fit netip.Addr"),
		both("big.Int", n, "b5 '100000000000000000000'"),
		writes("big.Int by value", *n, "b5 '100000000000000000000'"),                                              // F6
		writes("big.Int by value in a map", map[string]bigs.Int{"a": *n}, "81 a1 'a' b5 '100000000000000000000'"), // F6
		writes("big.Int by value in any", []any{*n}, "91 b5 '100000000000000000000'"),                             // F6
		both("url.URL", u, "c40a 'http://x/y'"),
		writes("url.URL by value in a map", map[string]url.URL{"a": *u}, "81 a1 'a' c40a 'http://x/y'"), // F6
		both("both forms", Twofold{"x"}, "a3 't:x'"),
		reads("both forms from bytes", "c403 'b:x'", Twofold{"x"}),
		refuses[Twofold]("both forms, bytes in the form of text", "c403 't:x'", "", "want b:"),
		both("both forms on pointers", Pointed{"x"}, "a3 't:x'"),
		reads("both forms on pointers from bytes", "c403 'b:x'", Pointed{"x"}),
		both("text", Textual{"x"}, "a3 't:x'"),
		reads("text from bytes", "c403 't:x'", Textual{"x"}),
		both("binary", Binary{"x"}, "c403 'b:x'"),
		reads("binary from text", "a3 'b:x'", Binary{"x"}),
		both("array", UUID{'a', 'b', 'c', 'd'}, "a7 'id-abcd'"),
		reads("array from bytes", "c404 'abcd'", UUID{'a', 'b', 'c', 'd'}),
		both("number", Level(3), "a3 '+++'"),
		both("list", Flags{"a", "b"}, "a3 'a|b'"),
		both("map", Table{"table": 1}, "a5 'table'"),
		both("nil list", Flags(nil), "c0"),
		both("nil map", Table(nil), "c0"),
		both("nil pointer", (*Twofold)(nil), "c0"),
		reads("nil", "c0", Twofold{}),
		reads("only read", "a3 't:x'", Reads{"x"}),
		writes("only read", Reads{"x"}, "81 a1 'S' a1 'x'"),
		writes("only written", Writes{"x"}, "a3 't:x'"),
		reads("only written", "81 a1 'S' a1 'x'", Writes{"x"}),
	})
}

// TestTextAndBinaryWithin has them in every place of a value.
func TestTextAndBinaryWithin(t *testing.T) {
	t.Parallel()
	type Fields struct {
		A Twofold
		B *Pointed
		C []UUID
		D Pointed
	}
	runValues(t, codec.Options{}, []valueCase{
		both("key", map[netip.Addr]int{netip.MustParseAddr("1.2.3.4"): 1}, "81 a7 '1.2.3.4' 01"), // F7
		both("key with both forms", map[Twofold]int{{"x"}: 1}, "81 a3 't:x' 01"),
		both("key with both forms on pointers", map[Pointed]int{{"x"}: 1}, "81 a3 't:x' 01"),
		both("key of bytes", map[Binary]int{{"x"}: 1}, "81 c403 'b:x' 01"),
		both("key that is an array", map[UUID]int{{'a', 'b', 'c', 'd'}: 1}, "81 a7 'id-abcd' 01"),
		both("key that is a number", map[Level]int{2: 1}, "81 a2 '++' 01"),
		refuses[map[UUID]int]("bad key", "81 a1 'x' 01", "", "key an id has 7 characters"),
		both("value", map[string]Twofold{"a": {"x"}}, "81 a1 'a' a3 't:x'"),
		both("value with pointer receivers", map[string]Pointed{"a": {"x"}}, "81 a1 'a' a3 't:x'"),
		both("pointer as value", map[string]*Pointed{"a": {"x"}}, "81 a1 'a' a3 't:x'"),
		both("fields", Fields{Twofold{"x"}, &Pointed{"y"}, []UUID{{'a', 'b', 'c', 'd'}}, Pointed{"z"}},
			"84 a1 'A' a3 't:x' a1 'B' a3 't:y' a1 'C' 91 a7 'id-abcd' a1 'D' a3 't:z'"),
		both("array", [2]Pointed{{"x"}, {"y"}}, "92 a3 't:x' a3 't:y'"),
		writes("any", any(Twofold{"x"}), "a3 't:x'"),
		writes("any with pointer receivers", any(Pointed{"x"}), "a3 't:x'"),
		writes("any within any", any([]any{Pointed{"x"}, map[string]any{"a": Pointed{"y"}}}), "92 a3 't:x' 81 a1 'a' a3 't:y'"),
		writes("field of an any", any(struct{ P Pointed }{Pointed{"x"}}), "81 a1 'P' a3 't:x'"),
		writes("interface", []encoding.TextMarshaler{Twofold{"x"}, &Pointed{"y"}, nil, Level(1)}, "94 a3 't:x' a3 't:y' c0 a1 '+'"),
		writes("field of an interface type", struct{ M encoding.BinaryMarshaler }{Binary{"x"}}, "81 a1 'M' c403 'b:x'"),
		refuses[struct{ A []UUID }]("path", "81 a1 'A' 92 a7 'id-abcd' a1 'x'", ".A[1]", "an id has 7 characters"),
	})
}
