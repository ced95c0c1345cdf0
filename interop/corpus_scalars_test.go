package interop_test

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// The corpus's numbers, texts, bytes, extensions and times.

// lengths are around every limit of a header.
func lengths() (all []int) {
	for _, around := range [][2]int{{0, 34}, {254, 258}, {65534, 65538}} {
		for n := around[0]; n < around[1]; n++ {
			all = append(all, n)
		}
	}
	return all
}

// integers are all that fit one byte, and those around each power of two that is a limit of an integer or of a float.
func integers() (all []specimen) {
	for i := -32; i <= 127; i++ {
		all = append(all, integerOf(big.NewInt(int64(i)), strconv.Itoa(i)))
	}
	for _, bits := range []uint{5, 7, 8, 15, 16, 24, 31, 32, 53, 63, 64} {
		for _, sign := range []int64{1, -1} {
			for _, delta := range []int64{-1, 0, 1} {
				n := new(big.Int).Lsh(big.NewInt(1), bits)
				n.Add(n.Mul(n, big.NewInt(sign)), big.NewInt(delta))
				small := n.IsInt64() && n.Int64() >= -32 && n.Int64() <= 127
				if !small && (n.IsInt64() || n.IsUint64()) {
					all = append(all, integerOf(n, fmt.Sprintf("%d * 2**%d %+d", sign, bits, delta)))
				}
			}
		}
	}
	return all
}

// integerOf is an integer in every Go type: those that hold it write the same bytes, the others refuse it.
func integerOf(n *big.Int, expr string) specimen {
	s := specimen{name: "int/" + n.String(), expr: expr, typ: "int", write: n.Uint64(), misfits: []any{"", false, []byte{}, time.Time{}}}
	if n.IsInt64() {
		s.write = n.Int64()
	}
	s.read = s.write
	for _, zero := range []any{int8(0), int16(0), int32(0), int(0), int64(0)} {
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		if !n.IsInt64() || v.OverflowInt(n.Int64()) {
			s.misfits = append(s.misfits, zero)
			continue
		}
		v.SetInt(n.Int64())
		s.alike = append(s.alike, v.Interface())
	}
	for _, zero := range []any{uint8(0), uint16(0), uint32(0), uint(0), uint64(0)} {
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		if !n.IsUint64() || v.OverflowUint(n.Uint64()) {
			s.misfits = append(s.misfits, zero)
			continue
		}
		v.SetUint(n.Uint64())
		s.alike = append(s.alike, v.Interface())
	}
	// A float takes an integer if no digit is lost.
	if f, accuracy := new(big.Float).SetInt(n).Float64(); accuracy == big.Exact {
		s.reads = append(s.reads, f)
	} else {
		s.misfits = append(s.misfits, 0.0)
	}
	if f, accuracy := new(big.Float).SetInt(n).Float32(); accuracy == big.Exact {
		s.reads = append(s.reads, f)
	} else {
		s.misfits = append(s.misfits, float32(0))
	}
	return s
}

// floats are written by Go as they are, and made by Python from their bits in hexadecimal.
func floats() (all []specimen) {
	for _, f := range []float64{
		0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), pythonNaN, 1, -1, 0.1, -0.1, 1.0 / 3, 2.5, math.Pi, 1e23, 1e100,
		1<<53 - 1, 1 << 53, 1<<53 + 2, 1 << 63, 1 << 64, -1 << 63, 1.5, 16777217, // the last is no float32
		math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat64, -math.MaxFloat64,
		math.Float64frombits(1<<52 - 1), math.Float64frombits(1 << 52), // the largest subnormal, the smallest normal
		math.SmallestNonzeroFloat32, math.MaxFloat32, math.MaxFloat32 * 1.0000001, math.Nextafter(1, 2),
	} {
		s := specimen{name: "float/" + strconv.FormatFloat(f, 'g', -1, 64), expr: fromHex(f), typ: "float", write: f, read: f,
			misfits: []any{int64(0), uint8(0), "", false, time.Time{}}}
		if small := float32(f); math.IsInf(float64(small), 0) && !math.IsInf(f, 0) {
			s.misfits = append(s.misfits, small)
		} else {
			s.reads = append(s.reads, small) // rounded, since Python has no float32 to send
		}
		all = append(all, s)
	}
	for _, f := range []float32{
		0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1, 0.1, -0.1, 1.5,
		1 << 24, math.SmallestNonzeroFloat32, math.MaxFloat32, -math.MaxFloat32,
		math.Float32frombits(1<<23 - 1), math.Float32frombits(1 << 23),
	} {
		read := float64(f)
		if math.IsNaN(read) { // the bits of one that is converted differ between processors
			read, f = pythonNaN, math.Float32frombits(0x7fc0<<16)
		}
		all = append(all, specimen{name: "float32/" + strconv.FormatFloat(read, 'g', -1, 32), expr: fromHex(read), typ: "float",
			write: f, read: read, reads: []any{read}, misfits: []any{int64(0), ""}, single: true})
	}
	return all
}

// fromHex is Python's way to read every float exactly.
func fromHex(f float64) string {
	return fmt.Sprintf("float.fromhex('%s')", strconv.FormatFloat(f, 'x', -1, 64))
}

// Types with a name and no methods are written as what they are made of.
type (
	namedBool   bool
	namedInt    int16
	namedString string
	namedBytes  []byte
	namedList   []int
	namedMap    map[string]int
)

func constants() []specimen {
	return []specimen{
		{name: "nil", expr: "None", typ: "NoneType", alike: []any{
			(*int)(nil), (*string)(nil), []int(nil), []byte(nil), map[string]int(nil), (*person)(nil), (*time.Time)(nil),
		}},
		{name: "bool/true", expr: "True", typ: "bool", write: true, read: true, alike: []any{namedBool(true)},
			misfits: []any{0, 0.0, ""}},
		{name: "bool/false", expr: "False", typ: "bool", write: false, read: false, alike: []any{namedBool(false)},
			misfits: []any{uint8(0), []int{}}},
		{name: "int/of a named type", expr: "-300", typ: "int", write: namedInt(-300), read: int64(-300)},
		{name: "int/pointer", expr: "7", typ: "int", write: pointer(7), read: int64(7)},
	}
}

func pointer[T any](v T) *T { return &v }

// textsAndLengths have every length at which the header changes, of characters of one to four bytes.
func textsAndLengths() (all []specimen) {
	const digits = "0123456789abcdef"
	for _, n := range lengths() {
		all = append(all, textSpecimen(fmt.Sprint("text/of ", n), strings.Repeat(digits, n/16+1)[:n],
			fmt.Sprintf("('%s' * %d)[:%d]", digits, n/16+1, n)))
	}
	for _, c := range []string{"é", "€", "😀"} { // the header counts bytes, not characters
		for _, n := range []int{31, 32, 255, 256, 65535, 65536} {
			times, rest := n/len(c), n%len(c)
			all = append(all, textSpecimen(fmt.Sprintf("text/%s and %d bytes", c, n), strings.Repeat(c, times)+digits[:rest],
				fmt.Sprintf("chr(%d) * %d + '%s'", []rune(c)[0], times, digits[:rest])))
		}
	}
	return append(all, specimen{name: "text/of a named type", expr: "'a'", typ: "str", write: namedString("a"), read: "a"})
}

func textSpecimen(name, text, expr string) specimen {
	return specimen{name: name, expr: expr, typ: "str", write: text, read: text, alike: []any{namedString(text)},
		reads: []any{[]byte(text)}, misfits: []any{int64(0), 0.0, false, []int{}, map[string]int{}, time.Time{}}}
}

// unicodes are at the limits of UTF-8, or of what a program may take care of.
func unicodes() (all []specimen) {
	for _, c := range []rune{
		0, 1, 0x1f, ' ', '"', '\'', '\\', 0x7f, 0x80, 0xa0, 'é', 0x7ff, 0x800, '€', '日', 0x2028, 0xd7ff, 0xe000, 0xfeff, 0xfffd,
		0xfffe, 0xffff, 0x10000, '😀', 0x1ffff, 0xe0001, 0x10ffff,
	} {
		all = append(all, textSpecimen(fmt.Sprintf("text/%U", c), string(c), fmt.Sprintf("chr(0x%x)", c)))
	}
	for name, text := range map[string]string{
		"combining": "e\u0301", "combined": "é", "family": "👩‍👩‍👧", "flag": "🇪🇺", "skin": "👍🏽", "right to left": "שלום", "NUL within": "a\x00b",
		"ends in NUL": "a\x00", "line ends": "a\r\nb\n", "hangul": "한국어", "devanagari": "नमस्ते", "marks": "a\u0300\u0316\u0301",
		"number": "123", "not JSON": "{\"a\": }",
	} {
		all = append(all, textSpecimen("text/"+name, text, fmt.Sprintf("bytes.fromhex('%x').decode()", text)))
	}
	return all
}

// byteStrings hold all bytes, most of which are no text.
func byteStrings() (all []specimen) {
	var pattern [256]byte
	for i := range pattern {
		pattern[i] = byte(255 - i)
	}
	for _, n := range lengths() {
		b := slices.Repeat(pattern[:], n/256+1)[:n:n]
		s := specimen{name: fmt.Sprint("bytes/of ", n), typ: "bytes", write: b, read: b,
			expr:    fmt.Sprintf("(bytes(range(255, -1, -1)) * %d)[:%d]", n/256+1, n),
			alike:   []any{namedBytes(b)},
			misfits: []any{int64(0), []int{}, []string{}, time.Time{}, reflect.New(reflect.ArrayOf(n+1, reflect.TypeFor[byte]())).Elem().Interface()}}
		if n < 40 {
			array := reflect.New(reflect.ArrayOf(n, reflect.TypeFor[byte]())).Elem()
			reflect.Copy(array, reflect.ValueOf(b))
			s.alike = append(s.alike, array.Interface())
		}
		all = append(all, s)
	}
	return append(all, specimen{name: "bytes/that are text", expr: "'né'.encode()", typ: "bytes", write: []byte("né"),
		read: []byte("né"), reads: []any{"né"}})
}

// extensions have every length at which the header changes, and the types that Python allows.
func extensions() (all []specimen) {
	for _, n := range slices.Concat([]int{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33}, lengths()[34:]) {
		all = append(all, extension(5, n))
	}
	for _, code := range []byte{0, 1, 126, 127} {
		all = append(all, extension(code, 6))
	}
	return append(all, specimen{name: "ext/of a registered type", expr: `ExtType(42, b'\x07\x08')`, typ: "ExtType", write: &Pixel{7, 8},
		read: &Pixel{7, 8}, misfits: []any{0, "", []byte{}}})
}

func extension(code byte, n int) specimen {
	raw := msgpack.RawMessage(append(extHeader(code, n), strings.Repeat("x", n)...))
	return specimen{name: fmt.Sprintf("ext/%d of %d", code, n), expr: fmt.Sprintf("ExtType(%d, b'x' * %d)", code, n), typ: "ExtType",
		write: raw, read: raw, misfits: []any{0, "", []byte{}, []int{}, map[string]int{}, time.Time{}}}
}

// extHeader is spelled here, as it stands in MessagePack's specification.
func extHeader(code byte, n int) []byte {
	for i, fixed := range []int{1, 2, 4, 8, 16} {
		if n == fixed {
			return []byte{0xd4 + byte(i), code}
		}
	}
	switch {
	case n <= math.MaxUint8:
		return []byte{0xc7, byte(n), code}
	case n <= math.MaxUint16:
		return []byte{0xc8, byte(n >> 8), byte(n), code}
	}
	return []byte{0xc9, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), code}
}

// timestamps have 32, 64 and 96 bits, which current msgpack reads. As text, in any msgpack, they are among the structs too.
func timestamps() (all []specimen) {
	for _, at := range []struct{ sec, nsec int64 }{
		{0, 0}, {1, 0}, {1<<31 - 1, 0}, {1 << 31, 0}, {1<<32 - 1, 0}, // 32 bits
		{0, 1}, {0, 999_999_999}, {1<<32 - 1, 1}, {1 << 32, 0}, {1<<34 - 1, 0}, {1<<34 - 1, 999_999_999}, {1709210096, 789_000_001}, // 64 bits
		{-1, 0}, {-1, 999_999_999}, {1 << 34, 0}, {1 << 34, 1}, {-62135596800, 0}, {253402300799, 999_999_999}, // 96 bits
	} {
		t := time.Unix(at.sec, at.nsec).UTC()
		all = append(all, specimen{name: fmt.Sprintf("time/%d.%09d", at.sec, at.nsec), typ: "Timestamp", write: t, read: t,
			expr: fmt.Sprintf("Timestamp(%d, %d)", at.sec, at.nsec), goSide: goSide{timeExt: true}, modern: true,
			alike: []any{&t}, misfits: []any{0, 0.0, "", []byte{}}})
	}
	for _, text := range []string{"2024-02-29T12:34:56.789000001Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999999Z", "2024-02-29T12:34:56.5Z"} {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			panic(err)
		}
		all = append(all, specimen{name: "time/" + text, expr: "'" + text + "'", typ: "str", write: t, read: text,
			alike: []any{text, &t}, misfits: []any{int64(0)}})
	}
	return all
}
