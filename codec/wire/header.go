package wire

import (
	"encoding/binary"
	"math"
)

// The header primitives of MessagePack.
// Source: https://github.com/msgpack/msgpack/blob/master/spec.md

// First bytes that stand for a whole value, and that of the widest text header.
const (
	CodeNil   = 0xc0
	CodeFalse = 0xc2
	CodeTrue  = 0xc3
	codeStr32 = 0xdb
)

// ExtTime is the extension type of timestamps, -1, as a byte.
const ExtTime = 0xff

// A Kind is what a value is, whatever the width of its header.
type Kind uint8

// The kinds of MessagePack. KindInvalid is the byte 0xc1, which starts no value.
const (
	KindInvalid Kind = iota
	KindNil
	KindBool
	KindInt
	KindFloat
	KindStr
	KindBin
	KindArray
	KindMap
	KindExt
)

// String names the kind in the words that error texts use.
func (k Kind) String() string {
	return [...]string{"invalid byte", "nil", "bool", "integer", "float", "text", "bytes", "list", "map", "extension"}[k]
}

// fixedSize holds, for each first byte whose value has a size that is known
// from this byte alone and that contains no other value, that size.
var fixedSize = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c <= 0x7f || c >= 0xe0: // fixint
			t[c] = 1
		case c >= 0xa0 && c <= 0xbf: // fixstr
			t[c] = uint8(1 + c&0x1f)
		}
	}
	for c, n := range map[byte]uint8{
		0xc0: 1, 0xc2: 1, 0xc3: 1, // nil, false, true
		0xca: 5, 0xcb: 9, // float
		0xcc: 2, 0xcd: 3, 0xce: 5, 0xcf: 9, // uint
		0xd0: 2, 0xd1: 3, 0xd2: 5, 0xd3: 9, // int
		0xd4: 3, 0xd5: 4, 0xd6: 6, 0xd7: 10, 0xd8: 18, // fixext with its type byte
	} {
		t[c] = n
	}
	return t
}()

// Size returns the size of a value by its first byte, where that alone tells it:
// of numbers, bools, nil and short texts. It is 0 for others.
func Size(c byte) int { return int(fixedSize[c]) }

// KindOf returns the kind of a value by its first byte.
func KindOf(c byte) Kind { return kinds[c] }

var kinds = func() (t [256]Kind) {
	for c := range t {
		switch {
		case c <= 0x7f || c >= 0xe0 || c >= 0xcc && c <= 0xd3:
			t[c] = KindInt
		case c <= 0x8f || c == 0xde || c == 0xdf:
			t[c] = KindMap
		case c <= 0x9f || c == 0xdc || c == 0xdd:
			t[c] = KindArray
		case c <= 0xbf || c >= 0xd9 && c <= 0xdb:
			t[c] = KindStr
		case c == 0xc0:
			t[c] = KindNil
		case c == 0xc2 || c == 0xc3:
			t[c] = KindBool
		case c >= 0xc4 && c <= 0xc6:
			t[c] = KindBin
		case c >= 0xc7 && c <= 0xc9 || c >= 0xd4 && c <= 0xd8:
			t[c] = KindExt
		case c == 0xca || c == 0xcb:
			t[c] = KindFloat
		}
	}
	return t
}()

// Header reads the header of the value at the start of b, which must not be
// empty: its kind, the number of payload bytes or of elements (entries, for a
// map) and the size of the header itself, for an extension with its type byte.
// A head of 0 means that b ends within the header or, with KindInvalid, that
// the byte is no MessagePack.
func Header(b []byte) (k Kind, n uint64, head int) {
	c := b[0]
	k = kinds[c]
	switch k {
	case KindInvalid:
		return k, 0, 0
	case KindArray, KindMap:
		if c <= 0x9f {
			return k, uint64(c & 0x0f), 1
		}
	case KindStr:
		if c <= 0xbf {
			return k, uint64(c & 0x1f), 1
		}
	case KindExt:
		if c >= 0xd4 {
			return k, 1 << (c - 0xd4), 2
		}
	case KindBin:
	default:
		return k, uint64(fixedSize[c] - 1), 1
	}
	// What is left carries its length in the 1, 2 or 4 bytes that follow.
	width := 1 << lengthWidth[c]
	if len(b) < 1+width {
		return k, 0, 0
	}
	switch width {
	case 1:
		n = uint64(b[1])
	case 2:
		n = uint64(binary.BigEndian.Uint16(b[1:]))
	default:
		n = uint64(binary.BigEndian.Uint32(b[1:]))
	}
	head = 1 + width
	if k == KindExt {
		head++ // counted as part of the header even where it has not arrived yet
	}
	return k, n, head
}

// lengthWidth holds the logarithm of the width of the length field.
var lengthWidth = [256]uint8{
	0xc4: 0, 0xc5: 1, 0xc6: 2, // bin
	0xc7: 0, 0xc8: 1, 0xc9: 2, // ext
	0xd9: 0, 0xda: 1, 0xdb: 2, // str
	0xdc: 1, 0xdd: 2, // array
	0xde: 1, 0xdf: 2, // map
}

// Skip returns the offset behind the value at b[pos:]. The value must have
// passed a Scanner.
func Skip(b []byte, pos int) int {
	if n := int(fixedSize[b[pos]]); n != 0 {
		return pos + n
	}
	return skipLonger(b, pos) // apart, so that Skip is inlined
}

func skipLonger(b []byte, pos int) int {
	for remain := uint64(1); remain > 0; remain-- {
		if n := int(fixedSize[b[pos]]); n != 0 {
			pos += n
			continue
		}
		k, n, head := Header(b[pos:])
		pos += head
		switch k {
		case KindArray:
			remain += n
		case KindMap:
			remain += 2 * n
		default:
			pos += int(n)
		}
	}
	return pos
}

// ReadInt reads the integer at the start of b. With neg, u holds its two's
// complement.
func ReadInt(b []byte) (u uint64, neg bool) {
	c := b[0]
	var i int64
	switch {
	case c <= 0x7f:
		return uint64(c), false
	case c >= 0xe0:
		i = int64(int8(c))
	case c == 0xcc:
		return uint64(b[1]), false
	case c == 0xcd:
		return uint64(binary.BigEndian.Uint16(b[1:])), false
	case c == 0xce:
		return uint64(binary.BigEndian.Uint32(b[1:])), false
	case c == 0xcf:
		return binary.BigEndian.Uint64(b[1:]), false
	case c == 0xd0:
		i = int64(int8(b[1]))
	case c == 0xd1:
		i = int64(int16(binary.BigEndian.Uint16(b[1:])))
	case c == 0xd2:
		i = int64(int32(binary.BigEndian.Uint32(b[1:])))
	default: // 0xd3
		i = int64(binary.BigEndian.Uint64(b[1:]))
	}
	return uint64(i), i < 0
}

// TextBytes returns the payload of the text or bytes value at the start of b;
// old peers send either for text.
func TextBytes(b []byte) ([]byte, bool) {
	k, n, head := Header(b)
	if k != KindStr && k != KindBin {
		return nil, false
	}
	end := head + int(n)
	return b[head:end:end], true
}

// ReadFloat reads the float at the start of b.
func ReadFloat(b []byte) float64 {
	if b[0] == 0xca {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:])))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
}

// Article puts "a" or "an" before a kind, where English wants one.
func (k Kind) Article() string {
	switch k {
	case KindInt, KindExt:
		return "an " + k.String()
	case KindNil, KindStr, KindBin:
		return k.String()
	}
	return "a " + k.String()
}

// AppendNil appends nil, as AppendBool, AppendInt and the other functions of this form
// append a value, or a header, in the shortest form.
func AppendNil(b []byte) []byte { return append(b, CodeNil) }

// AppendBool is like AppendNil.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, CodeTrue)
	}
	return append(b, CodeFalse)
}

// AppendUint is like AppendNil.
func AppendUint(b []byte, u uint64) []byte {
	switch {
	case u <= 0x7f:
		return append(b, byte(u))
	case u <= math.MaxUint8:
		return append(b, 0xcc, byte(u))
	case u <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(u))
	case u <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(u))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), u)
}

// AppendInt is like AppendNil.
func AppendInt(b []byte, i int64) []byte {
	switch {
	case i >= 0:
		return AppendUint(b, uint64(i))
	case i >= -32:
		return append(b, byte(i))
	case i >= math.MinInt8:
		return append(b, 0xd0, byte(i))
	case i >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(i))
	case i >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(i))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(i))
}

// AppendFloat64 is like AppendNil.
func AppendFloat64(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(f))
}

// AppendFloat32 is like AppendNil.
func AppendFloat32(b []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0xca), math.Float32bits(f))
}

// AppendStrHeader appends the header of a text of n bytes. With raw it leaves
// out str8, which decoders from before 2013 do not know.
func AppendStrHeader(b []byte, n int, raw bool) []byte {
	switch {
	case n < 32:
		return append(b, 0xa0|byte(n))
	case n <= math.MaxUint8 && !raw:
		return append(b, 0xd9, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, codeStr32), uint32(n))
}

// AppendBinHeader appends the header of n bytes.
func AppendBinHeader(b []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(b, 0xc4, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(n))
}

// AppendArrayHeader appends the header of a list of n values.
func AppendArrayHeader(b []byte, n int) []byte { return appendCount(b, n, 0x90, 0xdc) }

// AppendMapHeader appends the header of a map of n entries.
func AppendMapHeader(b []byte, n int) []byte { return appendCount(b, n, 0x80, 0xde) }

// appendCount appends the header of n elements or entries: in the form with the count
// in its low bits, or code16 or the code after it, with the count behind.
func appendCount(b []byte, n int, fix, code16 byte) []byte {
	switch {
	case n < 16:
		return append(b, fix|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, code16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, code16+1), uint32(n))
}
