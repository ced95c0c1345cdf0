package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Format says how values look on the wire where MessagePack leaves a choice.
// The zero value is what current peers expect.
type Format struct {
	// Raw writes for peers from before 2013: no str8 and no bin, bytes as text.
	Raw bool
	// TimeExt leaves times in the extension type -1; otherwise they are written
	// as RFC 3339 text, because mprpc closes the connection on that type.
	TimeExt bool
	// EncodeText and DecodeText convert between UTF-8 and the peer's encoding.
	// They may be called from several goroutines at once. nil is UTF-8.
	EncodeText, DecodeText func([]byte) ([]byte, error)
}

// extTime is the extension type of timestamps.
const extTime = 0xff // -1 as a byte

var errInvalidUTF8 = errors.New("text is not valid UTF-8; use []byte for bytes")

// finish is the pass over encoded bytes from start on, which must be complete
// values. It refuses text that is not UTF-8 and applies the format. Working on
// bytes, it also covers what types with encoders of their own have written.
func (f *Format) finish(b []byte, start int) ([]byte, error) {
	out, err := rewrite(b[start:], func(b []byte, k kind, payload []byte) ([]byte, error) {
		switch k {
		case kindStr:
			if !utf8.Valid(payload) {
				return nil, errInvalidUTF8
			}
			if f.EncodeText == nil {
				if !f.Raw || b[0] != 0xd9 {
					return nil, nil
				}
			} else {
				var err error
				if payload, err = f.EncodeText(payload); err != nil {
					return nil, fmt.Errorf("text cannot be encoded: %w", err)
				}
			}
			return appendText(nil, payload, f.Raw), nil
		case kindBin:
			if !f.Raw {
				return nil, nil
			}
			return appendText(nil, payload, true), nil
		default: // kindExt
			if f.TimeExt || extType(b) != extTime {
				return nil, nil
			}
			t, err := parseTimestamp(payload)
			if err != nil {
				return nil, err
			}
			if y := t.Year(); y < 0 || y > 9999 {
				return nil, fmt.Errorf("time of the year %d has no RFC 3339 form", y)
			}
			return appendText(nil, t.AppendFormat(nil, time.RFC3339Nano), f.Raw), nil
		}
	})
	if err != nil || out == nil {
		return b, err
	}
	return append(b[:start], out...), nil
}

// decoded returns b, one complete value, with all of its text converted to
// UTF-8: what a type that decodes itself expects.
func (f *Format) decoded(b []byte) ([]byte, error) {
	if f.DecodeText == nil {
		return b, nil
	}
	out, err := rewrite(b, func(b []byte, k kind, payload []byte) ([]byte, error) {
		if k != kindStr {
			return nil, nil
		}
		text, err := f.decodeText(payload)
		if err != nil {
			return nil, err
		}
		return appendText(nil, text, false), nil
	})
	if err != nil || out == nil {
		return b, err
	}
	return out, nil
}

func (f *Format) decodeText(b []byte) ([]byte, error) {
	if f.DecodeText == nil {
		return b, nil
	}
	text, err := f.DecodeText(b)
	if err != nil {
		return nil, fmt.Errorf("text cannot be decoded: %w", err)
	}
	return text, nil
}

// MethodText returns a method's name, as it was received, in UTF-8.
func (f *Format) MethodText(method []byte) (name string, err error) {
	defer guard(&err)
	text, err := f.decodeText(method)
	return string(text), err
}

// A replacer returns the bytes that stand in the place of one text, bytes or
// extension value, or nil to leave it as it is. It gets the whole value, its
// kind and its payload.
type replacer func(value []byte, k kind, payload []byte) ([]byte, error)

// rewrite walks over the values in b, header by header, and returns what they
// look like with all replacements, in memory of its own, or nil where nothing
// is replaced.
func rewrite(b []byte, replace replacer) ([]byte, error) {
	var out []byte
	copied := 0 // b[:copied] is already in out
	for pos := 0; pos < len(b); {
		if kinds[b[pos]] < kindStr {
			pos += int(fixedSize[b[pos]])
			continue
		}
		k, n, head := header(b[pos:])
		if k == kindArray || k == kindMap { // the elements follow
			pos += head
			continue
		}
		end := pos + head + int(n)
		by, err := replace(b[pos:end], k, b[pos+head:end])
		if err != nil {
			return nil, err
		}
		if by != nil {
			out = append(append(out, b[copied:pos]...), by...)
			copied = end
		}
		pos = end
	}
	if copied == 0 {
		return nil, nil
	}
	return append(out, b[copied:]...), nil
}

func appendText(b, text []byte, raw bool) []byte {
	return append(appendStrHeader(b, len(text), raw), text...)
}

// extType returns the type of the extension value at the start of b.
func extType(b []byte) byte {
	_, _, head := header(b)
	return b[head-1]
}

// parseTimestamp reads the payload of extension type -1, in UTC.
// Source: https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type
func parseTimestamp(b []byte) (time.Time, error) {
	var sec int64
	var nsec uint64
	switch len(b) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(b))
	case 8:
		v := binary.BigEndian.Uint64(b)
		sec, nsec = int64(v&(1<<34-1)), v>>34
	case 12:
		sec, nsec = int64(binary.BigEndian.Uint64(b[4:])), uint64(binary.BigEndian.Uint32(b))
	default:
		return time.Time{}, fmt.Errorf("timestamp of %d bytes", len(b))
	}
	if nsec > 999_999_999 {
		return time.Time{}, fmt.Errorf("timestamp of %d nanoseconds", nsec)
	}
	return time.Unix(sec, int64(nsec)).UTC(), nil
}

// BoundText prepares a text that a peer may have had a hand in for an error text
// or a log: it is cut to a bound in bytes, at a character's end and marked with
// "..." behind the bound, and made valid UTF-8.
func BoundText(text string, bound int) string {
	if len(text) <= bound {
		return strings.ToValidUTF8(text, "?")
	}
	end := bound
	for end > max(0, bound-utf8.UTFMax) && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.ToValidUTF8(text[:end], "?") + "..."
}

// QuoteName prepares a name that a peer sent for an error text or a log: it is
// cut to a bound, made valid UTF-8, and quoted where it would be unreadable.
func QuoteName(name string) string {
	const bound = 64
	cut := ""
	if len(name) > bound {
		name, cut = name[:bound], "..."
	}
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` || name == "" {
		return quoted + cut
	}
	return name + cut
}
