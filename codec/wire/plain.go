package wire

import (
	"math"
	"reflect"
	"unicode/utf8"
)

// Most parameters and results are plain: bools, numbers, texts and bytes of Go's own
// types, alone or as the fields of a struct. The functions of this file write and read
// them without an encoder, a decoder or a scan of what was written. What they do not
// know, or what is wrong, they leave to those, which also have the words for it.

// isPlain reports whether t is a type of plain values.
func isPlain(t reflect.Type) bool {
	if t.PkgPath() != "" { // it may have methods by which it encodes itself
		return false
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return t == typeBytes
}

var typeBytes = reflect.TypeFor[[]byte]()

// writesPlain reports whether plain values are written as they are.
func (f *Format) writesPlain() bool { return !f.Raw && f.EncodeText == nil }

// holds reports whether a message of so many bytes, elements and levels is within the
// limits, and no length in it beyond what MessagePack can say.
func (l *Limits) holds(bytes, elements, depth int) bool {
	return bytes <= l.Message && uint64(bytes) <= math.MaxUint32 && elements <= l.Elements && depth <= l.Depth
}

// appendPlainRequest is AppendRequest where all parameters are plain.
func (vs *Values) appendPlainRequest(b []byte, id uint32, method string, args any) (out []byte, ok bool) {
	if !vs.Format.writesPlain() {
		return nil, false
	}
	out, ok = appendPlainText(appendUint(append(b, 0x94, Request), uint64(id)), method)
	if !ok {
		return nil, false
	}
	out, n, ok := appendPlainParams(out, args)
	return out, ok && vs.Limits.holds(len(out)-len(b), 4+n, 2)
}

// appendPlainResult is AppendResult where the result is plain.
func (vs *Values) appendPlainResult(b, id []byte, result any) (out []byte, ok bool) {
	if !vs.Format.writesPlain() {
		return nil, false
	}
	out, ok = appendPlain(append(append(append(b, 0x94, Response), id...), codeNil), result)
	return out, ok && vs.Limits.holds(len(out)-len(b), 4, 1)
}

// appendPlain appends the value of v, or of what v points to, if its type is one of the
// most common plain ones.
func appendPlain(b []byte, v any) (_ []byte, ok bool) {
	switch v := v.(type) {
	case nil:
		return appendNil(b), true
	case bool:
		return appendBool(b, v), true
	case int:
		return appendInt(b, int64(v)), true
	case int64:
		return appendInt(b, v), true
	case uint64:
		return appendUint(b, v), true
	case float64:
		return appendFloat64(b, v), true
	case string:
		return appendPlainText(b, v)
	case []byte:
		return appendPlainBytes(b, v), true
	case *bool:
		if v != nil {
			return appendBool(b, *v), true
		}
	case *int:
		if v != nil {
			return appendInt(b, int64(*v)), true
		}
	case *int64:
		if v != nil {
			return appendInt(b, *v), true
		}
	case *uint64:
		if v != nil {
			return appendUint(b, *v), true
		}
	case *float64:
		if v != nil {
			return appendFloat64(b, *v), true
		}
	case *string:
		if v != nil {
			return appendPlainText(b, *v)
		}
	case *[]byte:
		if v != nil {
			return appendPlainBytes(b, *v), true
		}
	}
	return b, false
}

// mayBePlain reports whether appendPlain knows the type of v. A type that is missing
// here costs nothing but time.
func mayBePlain(v any) bool {
	switch v.(type) {
	case nil, bool, int, int64, uint64, float64, string, []byte,
		*bool, *int, *int64, *uint64, *float64, *string, *[]byte:
		return true
	}
	return false
}

// appendPlainValue appends v, whose type is plain, unless it is a text that is not
// UTF-8.
func appendPlainValue(b []byte, v reflect.Value) (_ []byte, ok bool) {
	switch v.Kind() {
	case reflect.Bool:
		return appendBool(b, v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return appendUint(b, v.Uint()), true
	case reflect.Float32:
		return appendFloat32(b, float32(v.Float())), true
	case reflect.Float64:
		return appendFloat64(b, v.Float()), true
	case reflect.String:
		return appendPlainText(b, v.String())
	case reflect.Slice:
		return appendPlainBytes(b, v.Bytes()), true
	}
	return b, false
}

func appendPlainText(b []byte, s string) (_ []byte, ok bool) {
	if !utf8.ValidString(s) {
		return b, false
	}
	return append(appendStrHeader(b, len(s), false), s...), true
}

func appendPlainBytes(b, v []byte) []byte {
	if v == nil {
		return appendNil(b)
	}
	return append(appendBinHeader(b, len(v)), v...)
}

// appendPlainParams appends the array of parameters that args stands for, if all of
// them are plain, and returns how many there are.
func appendPlainParams(b []byte, args any) (_ []byte, n int, ok bool) {
	switch args := args.(type) {
	case nil:
		return appendArrayHeader(b, 0), 0, true
	case Args:
		for _, v := range args { // first, since some may be long
			if !mayBePlain(v) {
				return b, 0, false
			}
		}
		b = appendArrayHeader(b, len(args))
		for _, v := range args {
			if b, ok = appendPlain(b, v); !ok {
				return b, 0, false
			}
		}
		return b, len(args), true
	}
	if b, ok = appendPlain(appendArrayHeader(b, 1), args); ok {
		return b, 1, true
	}
	b = b[:len(b)-1]
	v := reflect.ValueOf(args)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return b, 0, false
	}
	l := layoutOf(v.Type())
	if !l.plain {
		return b, 0, false
	}
	n = l.given(v)
	b = appendArrayHeader(b, n)
	for i := range l.params[:n] {
		if b, ok = appendPlainValue(b, field(v, l.params[i].index)); !ok {
			return b, 0, false
		}
	}
	return b, n, true
}

// decodePlainParams stores parameters in what the pointer to points to, a struct with
// plain fields alone, if they fit. If not, it may have stored some of them.
func (vs *Values) decodePlainParams(raw []byte, to any) (ok bool) {
	v := reflect.ValueOf(to)
	if v.Kind() != reflect.Pointer {
		return false
	}
	if v = v.Elem(); v.Kind() != reflect.Struct || len(raw) == 0 || raw[0]&0xf0 != 0x90 {
		return false
	}
	l := layoutOf(v.Type())
	n := int(raw[0] & 0x0f)
	if !l.plain || n < l.required || n > len(l.params) || !vs.readsPlain(raw) {
		return false
	}
	pos := 1
	for i := range l.params[:n] {
		if pos, ok = decodePlainValue(raw, pos, field(v, l.params[i].index)); !ok {
			return false
		}
	}
	return true
}

// readsPlain reports whether plain values are stored as they are, and all that raw
// could hold of them is within the limits.
func (vs *Values) readsPlain(raw []byte) bool {
	return vs.Format.DecodeText == nil && int64(len(raw)) <= vs.Limits.Decoded
}

// decodePlainValue stores the value at b[pos:] in v, whose type is plain, if it fits,
// and returns where the next one begins.
func decodePlainValue(b []byte, pos int, v reflect.Value) (next int, ok bool) {
	switch kinds[b[pos]] {
	case kindInt:
		u, neg := readInt(b[pos:])
		switch v.Kind() {
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			if !neg && u > math.MaxInt64 || v.OverflowInt(int64(u)) {
				return 0, false
			}
			v.SetInt(int64(u))
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			if neg || v.OverflowUint(u) {
				return 0, false
			}
			v.SetUint(u)
		default:
			return 0, false
		}
		return pos + int(fixedSize[b[pos]]), true
	case kindBool:
		if v.Kind() != reflect.Bool {
			return 0, false
		}
		v.SetBool(b[pos] == codeTrue)
		return pos + 1, true
	case kindFloat:
		if v.Kind() != reflect.Float64 {
			return 0, false
		}
		v.SetFloat(readFloat(b[pos:]))
		return pos + int(fixedSize[b[pos]]), true
	case kindStr, kindBin:
		_, n, head := header(b[pos:])
		next = pos + head + int(n)
		payload := b[pos+head : next]
		switch v.Kind() {
		case reflect.String:
			v.SetString(string(payload))
		case reflect.Slice:
			v.SetBytes(cloned(payload))
		default:
			return 0, false
		}
		return next, true
	}
	return 0, false
}

// decodePlain stores a result in what the pointer to points to, if its type is one of
// the most common plain ones, and it fits.
func (vs *Values) decodePlain(raw []byte, to any) (ok bool) {
	switch to.(type) {
	case *bool, *int, *int64, *uint64, *float64, *string, *[]byte:
		v := reflect.ValueOf(to)
		if v.IsNil() || !vs.readsPlain(raw) {
			return false
		}
		_, ok = decodePlainValue(raw, 0, v.Elem())
	}
	return ok
}
