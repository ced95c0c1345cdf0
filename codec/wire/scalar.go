package wire

import (
	"math"
	"reflect"
	"strconv"
)

// The plans of types that hold one number, text or bytes.

func decodeBool(d *decoder, v reflect.Value) error {
	if d.kind() != kindBool {
		return d.misfit(v.Type())
	}
	v.SetBool(d.b[d.pos] == codeTrue)
	d.pos++
	return nil
}

func decodeInt(d *decoder, v reflect.Value) error {
	if d.kind() != kindInt {
		return d.misfit(v.Type())
	}
	u, neg := readInt(d.b[d.pos:])
	if !neg && u > math.MaxInt64 || v.OverflowInt(int64(u)) {
		return d.misfit(v.Type())
	}
	v.SetInt(int64(u))
	d.pos += int(fixedSize[d.b[d.pos]])
	return nil
}

func decodeUint(d *decoder, v reflect.Value) error {
	if d.kind() != kindInt {
		return d.misfit(v.Type())
	}
	u, neg := readInt(d.b[d.pos:])
	if neg || v.OverflowUint(u) {
		return d.misfit(v.Type())
	}
	v.SetUint(u)
	d.pos += int(fixedSize[d.b[d.pos]])
	return nil
}

// decodeFloat takes floats, and integers that the type holds exactly. A float64
// enters a float32 unless it overflows: Python has no float32 to send.
func decodeFloat(d *decoder, v reflect.Value) error {
	var f float64
	b := d.b[d.pos:]
	switch d.kind() {
	case kindFloat:
		f = readFloat(b)
		if v.OverflowFloat(f) {
			return d.misfit(v.Type())
		}
	case kindInt:
		u, neg := readInt(b)
		exact := false
		mantissa := 53
		if v.Kind() == reflect.Float32 {
			mantissa = 24
		}
		if neg {
			f = float64(int64(u))
			exact = fits(-u, mantissa)
		} else {
			f = float64(u)
			exact = fits(u, mantissa)
		}
		if !exact {
			return d.misfit(v.Type())
		}
	default:
		return d.misfit(v.Type())
	}
	v.SetFloat(f)
	d.pos += int(fixedSize[b[0]])
	return nil
}

// fits reports whether u has no more significant bits than a mantissa.
func fits(u uint64, mantissa int) bool {
	for u != 0 && u&1 == 0 {
		u >>= 1
	}
	return u>>mantissa == 0
}

func decodeString(d *decoder, v reflect.Value) error {
	if k := d.kind(); k != kindStr && k != kindBin {
		return d.misfit(v.Type())
	}
	s, err := d.text()
	v.SetString(s)
	return err
}

func decodeBytes(d *decoder, v reflect.Value) error {
	if k := d.kind(); k != kindStr && k != kindBin {
		return d.misfit(v.Type())
	}
	b, err := d.bytes()
	v.SetBytes(b)
	return err
}

func decodeByteArray(d *decoder, v reflect.Value) error {
	if k := d.kind(); k != kindStr && k != kindBin {
		return d.misfit(v.Type())
	}
	p := d.payload()
	if len(p) != v.Len() {
		return &ValueError{Msg: strconv.Itoa(len(p)) + " bytes do not fit " + v.Type().String()}
	}
	for i, c := range p {
		v.Index(i).SetUint(uint64(c))
	}
	return nil
}
