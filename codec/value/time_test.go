package value_test

import (
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec/value"
)

func TestReadTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 12, 30, 15, 0, time.UTC)
	for _, tt := range []struct {
		raw  string
		want time.Time
		err  string
	}{
		{"b4 323032342d30322d32395431323a33303a31355a", at, ""},                                              // 2024-02-29T12:30:15Z
		{"c414 323032342d30322d32395431323a33303a31355a", at, ""},                                            // the same as bytes
		{"b9 323032342d30322d32395431333a33303a31352b30313a3030", at, ""},                                    // 13:30:15+01:00
		{"be 323032342d30322d32395431323a33303a31352e3030303030303030355a", at.Add(5 * time.Nanosecond), ""}, // .000000005Z
		{"d6 ff 65e078d7", at, ""},                                   // 4 bytes: seconds
		{"d7 ff 00000014 65e078d7", at.Add(5), ""},                   // 8 bytes: nanoseconds and seconds
		{"c7 0c ff 00000005 0000000065e078d7", at.Add(5), ""},        // 12 bytes
		{"c7 0c ff 00000000 ffffffffffffffff", time.Unix(-1, 0), ""}, // before 1970
		{"d7 ff ee6b280000000000", time.Time{}, "timestamp of 1000000000 nanoseconds"},
		{"c7 0c ff 3b9aca00 0000000000000000", time.Time{}, "timestamp of 1000000000 nanoseconds"},
		{"d5 ff 0000", time.Time{}, "timestamp of 2 bytes"},
		{"c7 00 ff", time.Time{}, "timestamp of 0 bytes"},
		{"d6 01 65e078d7", time.Time{}, "extension does not fit time.Time"},
		{"aa 323032342d30322d3239", time.Time{}, `text "2024-02-29" is not a time in RFC 3339 form`},
		{"b4 323032342d30322d33305431323a33303a31355a", time.Time{}, `text "2024-02-30T12:30:15Z" is not a time in RFC 3339 form`},
		{"b4 323032342d31332d32395431323a33303a31355a", time.Time{}, `text "2024-13-29T12:30:15Z" is not a time in RFC 3339 form`},
		{"b4 323032342d30322d32395432343a33303a31355a", time.Time{}, `text "2024-02-29T24:30:15Z" is not a time in RFC 3339 form`},
		{"b4 323032342d30322d32395431323a33303a3a355a", time.Time{}, `text "2024-02-29T12:30::5Z" is not a time in RFC 3339 form`},
		{"a0", time.Time{}, `text "" is not a time in RFC 3339 form`},
		{"ce 65e078d7", time.Time{}, "1709209815 does not fit time.Time"},
		{"92 01 02", time.Time{}, "list does not fit time.Time"},
		{"c0", time.Time{}, ""},
	} {
		var got time.Time
		err := values.DecodeResult(scanned(t, unhex(t, tt.raw)), &got)
		if errText(err) != tt.err || !got.Equal(tt.want) {
			t.Errorf("%s: %v, %v; want %v, %q", tt.raw, got, err, tt.want, tt.err)
		}
	}
	vs := value.Values{Limits: limits, Format: value.Format{DecodeText: rot}}
	var got time.Time
	if err := vs.DecodeResult([]byte{0xa1, 0}, &got); errText(err) != "text cannot be decoded: bad" {
		t.Error(err)
	}
}

// TestWriteTime writes times as text, which mprpc can read, or as the extension
// type, and reads them again.
func TestWriteTime(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	for _, tt := range []struct {
		at        time.Time
		text, ext string
	}{
		{time.Date(2024, 2, 29, 12, 30, 15, 0, time.UTC), "2024-02-29T12:30:15Z", "d6ff 65e078d7"},
		{time.Date(2024, 2, 29, 13, 30, 15, 5, zone), "2024-02-29T12:30:15.000000005Z", "d7ff 0000001465e078d7"},
		{time.Unix(-1, 0), "1969-12-31T23:59:59Z", "c70cff 00000000ffffffffffffffff"},
		{time.Time{}, "0001-01-01T00:00:00Z", "c70cff 00000000fffffff1886e0900"},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "9999-12-31T23:59:59Z", "c70cff 000000000000003afff4417f"},
	} {
		for _, ext := range []bool{false, true} {
			vs := value.Values{Limits: limits, Format: value.Format{TimeExt: ext}}
			want := append([]byte{0xa0 | byte(len(tt.text))}, tt.text...)
			if ext {
				want = unhex(t, tt.ext)
			}
			// Alone, by pointer, in a list, in a struct and as a key.
			for prefix, v := range map[string]any{
				"":              tt.at,
				"\x91":          []any{&tt.at},
				"\x81\xa1A":     struct{ A time.Time }{tt.at},
				"\x81\xa1B":     &struct{ B *time.Time }{&tt.at},
				"\x81\xa1C\x91": map[string][]time.Time{"C": {tt.at}},
			} {
				got, err := vs.AppendResult(nil, []byte{1}, v)
				if d := diff(string("\x94\x01\x01\xc0"+prefix)+string(want), string(got)); d != "" || err != nil {
					t.Errorf("%T: %s %v", v, d, err)
				}
			}
			var back time.Time
			if err := vs.DecodeResult(want, &back); err != nil || !back.Equal(tt.at) {
				t.Errorf("%v, want %v, %v", back, tt.at, err)
			}
		}
	}
	for year, ok := range map[int]bool{10000: false, -1: false, 0: true} {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		_, err := values.AppendResult(nil, []byte{1}, []any{at})
		if (err == nil) != ok {
			t.Errorf("year %d: %v", year, err)
		}
		vs := value.Values{Limits: limits, Format: value.Format{TimeExt: true}}
		if _, err := vs.AppendResult(nil, []byte{1}, []any{at}); err != nil {
			t.Errorf("year %d as an extension: %v", year, err)
		}
	}
}
