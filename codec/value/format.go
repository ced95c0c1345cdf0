package value

import (
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// Format says how values look on the wire where MessagePack leaves a choice, and
// what is read. The zero value is what current peers expect.
type Format struct {
	// Raw writes for peers from before 2013: no str8 and no bin, bytes as text.
	Raw bool
	// TimeExt writes times as the extension type -1; otherwise they are RFC 3339
	// text, because mprpc closes the connection on that type.
	TimeExt bool
	// Zone is where a time without a zone is read; nil refuses it.
	Zone *time.Location
	// Nanoseconds writes and reads a time.Duration as an integer; otherwise it is
	// a number of seconds.
	Nanoseconds bool
	// Names makes the names of fields without a name in their tag; nil leaves
	// them as they are in Go.
	Names *Names
	// KnownFields refuses maps with keys that no field of a struct has; otherwise
	// they are passed over.
	KnownFields bool
	// EncodeText and DecodeText convert between UTF-8 and the peer's encoding.
	// They may be called from several goroutines at once. nil is UTF-8.
	EncodeText, DecodeText func([]byte) ([]byte, error)
}

var typeDuration, typeAnyMap = reflect.TypeFor[time.Duration](), reflect.TypeFor[map[string]any]()

// writesPlain reports whether text and bytes are written as they are.
func (f *Format) writesPlain() bool { return !f.Raw && f.EncodeText == nil }

// finish is the pass over the bytes from start on, which a type has written
// itself: complete values. It refuses text that is not UTF-8 and applies the format.
func (f *Format) finish(b []byte, start int) ([]byte, error) {
	out, err := rewrite(b[start:], func(b []byte, k wire.Kind, payload []byte) ([]byte, error) {
		switch {
		case k == wire.KindStr && !utf8.Valid(payload):
			return nil, errInvalidUTF8
		case k == wire.KindStr && f.EncodeText != nil:
			text, err := f.EncodeText(payload)
			if err != nil {
				return nil, encodeTextError(err)
			}
			return appendText(nil, text, f.Raw), nil
		case f.Raw && (k == wire.KindBin || k == wire.KindStr && b[0] == 0xd9):
			return appendText(nil, payload, true), nil
		case k == wire.KindExt && !f.TimeExt && wire.ExtType(b) == wire.ExtTime:
			t, err := wire.ReadTimestamp(payload)
			if err != nil {
				return nil, &ValueError{Msg: err.Error()}
			}
			return appendTime(nil, t)
		}
		return nil, nil
	})
	if err != nil || out == nil {
		return b, err
	}
	return append(b[:start], out...), nil
}

func encodeTextError(err error) error {
	return &ValueError{Msg: fmt.Sprintf("text cannot be encoded: %v", err), Err: err}
}

// decoded returns b, one complete value, with all of its text converted to
// UTF-8: what a type that decodes itself expects.
func (f *Format) decoded(b []byte) ([]byte, error) {
	if f.DecodeText == nil {
		return b, nil
	}
	out, err := rewrite(b, func(b []byte, k wire.Kind, payload []byte) ([]byte, error) {
		if k != wire.KindStr {
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
type replacer func(value []byte, k wire.Kind, payload []byte) ([]byte, error)

// rewrite walks over the values in b, header by header, and returns what they
// look like with all replacements, in memory of its own, or nil where nothing
// is replaced.
func rewrite(b []byte, replace replacer) ([]byte, error) {
	var out []byte
	copied := 0 // b[:copied] is already in out
	for pos := 0; pos < len(b); {
		k, n, head := wire.Header(b[pos:])
		if k < wire.KindStr || k == wire.KindArray || k == wire.KindMap { // elements follow
			if pos += head; k < wire.KindArray {
				pos += int(n)
			}
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
	return append(wire.AppendStrHeader(b, len(text), raw), text...)
}

// appendTime appends a time as text in RFC 3339 form, in UTC with nanoseconds.
func appendTime(b []byte, t time.Time) ([]byte, error) {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return b, &ValueError{Msg: fmt.Sprintf("time of the year %d has no RFC 3339 form", y)}
	}
	start := len(b)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, 0, '0'+byte(year/1000), '0'+byte(year/100%10), '0'+byte(year/10%10), '0'+byte(year%10))
	for i, n := range [...]int{int(month), day, hour, minute, second} { // time.Format takes five times as long
		b = append(b, "--T::"[i], '0'+byte(n/10), '0'+byte(n%10))
	}
	if ns := t.Nanosecond(); ns != 0 {
		b = append(b, '.')
		for unit := 100_000_000; ns > 0; unit /= 10 {
			b = append(b, '0'+byte(ns/unit))
			ns %= unit
		}
	}
	b = append(b, 'Z')
	b[start] = 0xa0 | byte(len(b)-start-1) // 30 characters at most, which every decoder takes
	return b, nil
}

// readTime reads a time as text, in UTC: the zone of the text, or of this
// machine, does not decide what day it is.
func (f *Format) readTime(b []byte) (time.Time, error) {
	if t, ok := readUTC(b); ok {
		return t, nil
	}
	s := string(b)
	t, err := time.Parse(time.RFC3339Nano, s)
	if y := t.UTC().Year(); err == nil && y >= 0 && y <= 9999 { // or it could not be sent again
		return t.UTC(), nil
	}
	const naive = "2006-01-02T15:04:05" // Python's datetime.isoformat() where tzinfo is None
	zone := f.Zone
	if zone == nil {
		zone = time.UTC
	}
	quoted := "text " + quote(s) + " is not a time in RFC 3339 form"
	switch t, err = time.ParseInLocation(naive, s, zone); {
	case err != nil:
		return t, &ValueError{Msg: quoted}
	case f.Zone == nil:
		return t, &ValueError{Msg: quoted + ": it has no zone"}
	}
	return t.UTC(), nil
}

// readUTC reads the form that appendTime writes, in a fifth of time.Parse's time.
func readUTC(b []byte) (t time.Time, ok bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || len(b) > len("2006-01-02T15:04:05.999999999Z") || b[len(b)-1] != 'Z' ||
		b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' {
		return t, false
	}
	year, ok0 := twoDigits(b[0:])
	years, ok1 := twoDigits(b[2:])
	month, ok2 := twoDigits(b[5:])
	day, ok3 := twoDigits(b[8:])
	hour, ok4 := twoDigits(b[11:])
	minute, ok5 := twoDigits(b[14:])
	second, ok6 := twoDigits(b[17:])
	if !(ok0 && ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && hour < 24 && minute < 60 && second < 60) {
		return t, false
	}
	ns := 0
	if fraction := b[19 : len(b)-1]; len(fraction) > 0 {
		for i := 1; i < 10; i++ {
			if ns *= 10; i < len(fraction) {
				if fraction[i]-'0' > 9 {
					return t, false
				}
				ns += int(fraction[i] - '0')
			}
		}
		if fraction[0] != '.' || len(fraction) == 1 {
			return t, false
		}
	}
	t = time.Date(100*year+years, time.Month(month), day, hour, minute, second, ns, time.UTC)
	return t, t.Month() == time.Month(month) // and the month has so many days
}

func twoDigits(b []byte) (n int, ok bool) {
	tens, ones := b[0]-'0', b[1]-'0'
	return 10*int(tens) + int(ones), tens <= 9 && ones <= 9
}

// quote prepares a text of the peer's for an error.
func quote(s string) string { return fmt.Sprintf("%q", wire.BoundText(s, 64)) }
