package rpcutil_test

import (
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, on every machine

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

type (
	Login struct {
		UserID   int
		MailTo   string `msgpack:"mailTo"`
		NickName string `json:"nickName,omitempty"`
		Skipped  int    `msgpack:"-"`
		ByTag    int    `msgpack:",omitempty"`
	}
	LoginRow struct {
		Login
		*Base
		HTTPPort int
		Others   []Login        `msgpack:",omitempty"`
		ByName   map[string]int `msgpack:",omitempty"`
	}
	LoginList struct {
		//lint:ignore U1000 its tag is about the struct
		_msgpack struct{} `msgpack:",as_array"`
		UserID   int
	}
)

// TestFieldNames gives names to fields that have none in a tag, in both directions. D9
func TestFieldNames(t *testing.T) {
	t.Parallel()
	type Clash struct { // the name from a tag wins
		UserID int
		Other  int `msgpack:"user_id"`
	}
	type Alike struct { // neither has the name, as where two tags are equal
		UserID int
		UserId int
		N      int
	}
	type Shadow struct {
		Login
		UserID string
	}
	type Unshadowed struct { // the Go name hides what the name on the wire does not
		Base
		Number int `msgpack:"ID"`
	}
	runValues(t, codec.Options{FieldNames: rpcutil.SnakeName}, []valueCase{
		both("struct", Login{UserID: 1, MailTo: "m"}, "82 a7 'user_id' 01 a6 'mailTo' a1 'm'"),
		both("all", Login{1, "m", "n", 0, 2}, "84 a7 'user_id' 01 a6 'mailTo' a1 'm' a8 'nickName' a1 'n' a6 'by_tag' 02"),
		reads("in capitals", "81 a7 'USER_ID' 01", Login{UserID: 1}),
		reads("the Go name is nobody's", "81 a6 'UserID' 01", Login{}),
		both("embedded", LoginRow{Login{UserID: 1}, &Base{2, 3}, 4, nil, nil},
			"85 a7 'user_id' 01 a6 'mailTo' a0 a2 'id' 02 a3 'rev' 03 a9 'http_port' 04"),
		reads("embedded, nested", "82 a5 'login' 81 a7 'user_id' 01 a4 'base' 81 a2 'id' 02", LoginRow{Login: Login{UserID: 1}, Base: &Base{ID: 2}}),
		writes("within", []LoginRow{{Base: &Base{}, Others: []Login{{UserID: 1}}, ByName: map[string]int{"UserID": 1}}}, // keys of maps stay
			"91 87 a7 'user_id' 00 a6 'mailTo' a0 a2 'id' 00 a3 'rev' 00 a9 'http_port' 00 a6 'others' 91 82 a7 'user_id' 01 a6 'mailTo' a0 a7 'by_name' 81 a6 'UserID' 01"),
		both("map", map[string]Login{"UserID": {UserID: 1}}, "81 a6 'UserID' 82 a7 'user_id' 01 a6 'mailTo' a0"),
		both("key", map[Base]int{{1, 2}: 3}, "81 82 a2 'id' 01 a3 'rev' 02 03"),
		writes("any", any([]any{Login{UserID: 1}, &Base{1, 2}}), "92 82 a7 'user_id' 01 a6 'mailTo' a0 82 a2 'id' 01 a3 'rev' 02"),
		both("as_array", LoginList{UserID: 1}, "91 01"),
		both("a tag has the name", Clash{0, 2}, "81 a7 'user_id' 02"),
		both("two have the name", Alike{N: 1}, "81 a1 'n' 01"),
		both("hidden", Shadow{Login{MailTo: "m"}, "s"}, "82 a6 'mailTo' a1 'm' a7 'user_id' a1 's'"),
		both("not hidden", Unshadowed{Base{1, 2}, 3}, "83 a2 'id' 01 a3 'rev' 02 a2 'ID' 03"),
		refuses[[]LoginRow]("path", "91 81 a6 'others' 91 81 a7 'user_id' c3", "[0].others[0].user_id", "true does not fit int"),
		both("own form", []Textual{{"x"}}, "91 a3 't:x'"),
	})
	c := dialService(t, codec.Options{FieldNames: rpcutil.SnakeName}, Whole[Login, Login]{func(l Login) (Login, error) { return l, nil }})
	var got Login
	err := c.Call("do", codec.Args{raw("82 a7 'user_id' 01 a6 'mailTo' a1 'm'")}, &got)
	same(t, "parameters by name", got, err, Login{UserID: 1, MailTo: "m"})
	fails(t, "by the Go name", c.Call("do", codec.Args{raw("82 a6 'UserID' 01 a6 'mailTo' a1 'm'")}, nil),
		"do: want 2 to 4 parameters (user_id, mailTo, [nickName], [by_tag]), got one named UserID")
	fails(t, "error of a parameter", c.Call("do", codec.Args{"x", "m"}, nil), "do: parameter 1 (user_id): text does not fit int")
}

// TestFieldNamesOfEachConnection tells functions apart that are of the same code.
func TestFieldNamesOfEachConnection(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for _, prefix := range []string{"a_", "b_", "a_", "c_"} {
		var mu sync.Mutex
		asked := map[string]int{}
		o := codec.Options{FieldNames: func(name string) string {
			mu.Lock()
			defer mu.Unlock()
			asked[name]++
			return prefix + name
		}}
		vs := valuesOf(o)
		for range 4 {
			wg.Go(func() {
				b, err := vs.AppendResult(nil, []byte{1}, Base{1, 2})
				same(t, prefix, b, err, append(raw("94 01 01 c0 82 a4"), raw("'"+prefix+"ID' 01 a5 '"+prefix+"Rev' 02")...))
			})
		}
		both(prefix, Base{1, 2}, "82 a4 '"+prefix+"ID' 01 a5 '"+prefix+"Rev' 02").run(t, o)
		wg.Wait()
	}
	once := map[string]int{}
	vs := valuesOf(codec.Options{FieldNames: func(name string) string { once[name]++; return name }})
	for range 3 {
		if _, err := vs.AppendResult(nil, []byte{1}, []Login{{}, {}}); err != nil {
			t.Error(err)
		}
	}
	same(t, "how often it was asked", once, nil, map[string]int{"UserID": 1, "ByTag": 1})
	_, err := valuesOf(codec.Options{FieldNames: func(string) string { panic("boom") }}).AppendResult(nil, []byte{1}, Base{})
	fails(t, "that panics", err, "panic: boom")
}

// TestUnknownFields refuses keys that no field has, where the options say so. D10
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	type Person struct {
		Name string `msgpack:"name,alias:called"`
		Mail string
	}
	type Row struct {
		Base
		P    *Person
		List []Person
		Map  map[string]Person
	}
	const has = "; it has name, Mail"
	rows := []valueCase{
		reads("known", "82 a4 'name' a1 'n' a4 'MAIL' a1 'm'", Person{"n", "m"}),
		reads("alias", "81 a6 'called' a1 'n'", Person{Name: "n"}),
		reads("nested", "81 a4 'Base' 81 a2 'ID' 01", Row{Base: Base{ID: 1}}),
		reads("flat", "81 a2 'ID' 01", Row{Base: Base{ID: 1}}),
		reads("map", "81 a4 'Mial' 01", map[string]int{"Mial": 1}),
		reads("any", "81 a4 'Mial' 01", any(map[string]any{"Mial": int64(1)})),
	}
	runValues(t, codec.Options{}, append([]valueCase{
		reads("ignored", "82 a4 'Mial' 93 01 02 03 a4 'name' a1 'n'", Person{Name: "n"}),
		reads("no text", "82 05 01 a4 'name' a1 'n'", Person{Name: "n"}),
	}, rows...))
	runValues(t, codec.Options{UnknownFields: codec.UnknownRefused}, append([]valueCase{
		refuses[Person]("unknown", "81 a4 'Mial' a1 'm'", "", "rpcutil_test.Person has no field Mial"+has),
		refuses[Person]("unknown behind known", "82 a4 'name' a1 'n' a4 'Mial' a1 'm'", "", "rpcutil_test.Person has no field Mial"+has),
		refuses[Person]("no text", "81 05 01", "", "rpcutil_test.Person has no field 5"+has),
		refuses[Row]("field", "81 a1 'P' 81 a4 'Mial' 01", ".P", "rpcutil_test.Person has no field Mial"+has),
		refuses[Row]("list", "81 a4 'List' 92 80 81 a4 'Mial' 01", ".List[1]", "rpcutil_test.Person has no field Mial"+has),
		refuses[Row]("map", "81 a3 'Map' 81 a1 'a' 81 a4 'Mial' 01", ".Map[a]", "rpcutil_test.Person has no field Mial"+has),
		refuses[Row]("nested", "81 a4 'Base' 81 a4 'Mial' 01", ".Base", "rpcutil_test.Base has no field Mial; it has ID, Rev"),
	}, rows...))
	runValues(t, codec.Options{UnknownFields: codec.UnknownRefused, FieldNames: rpcutil.SnakeName}, []valueCase{
		refuses[Base]("with other names", "81 a2 'xx' 01", "", "rpcutil_test.Base has no field xx; it has id, rev"),
		refuses[Person]("the Go name", "81 a5 'Mails' 01", "", "rpcutil_test.Person has no field Mails; it has name, mail"),
	})
}

// TestDuration sends numbers of seconds, which is what other languages take a
// duration for, or of nanoseconds. D7
func TestDuration(t *testing.T) {
	t.Parallel()
	type Fields struct {
		D time.Duration
		P *time.Duration `msgpack:",omitempty"`
	}
	const misfit = " does not fit time.Duration, which is a number of seconds"
	second := time.Second
	runValues(t, codec.Options{}, []valueCase{
		both("fraction", 1500*time.Millisecond, "cb 3ff8000000000000"),
		both("negative", -1500*time.Millisecond, "cb bff8000000000000"),
		both("zero", time.Duration(0), "cb 0000000000000000"),
		both("0.1 s", 100*time.Millisecond, "cb 3fb999999999999a"),
		both("1 ns", time.Nanosecond, "cb 3e112e0be826d695"),
		reads("integer", "02", 2*time.Second),
		reads("negative integer", "fe", -2*time.Second),
		reads("float32", "ca 3fc00000", 1500*time.Millisecond),
		reads("less than half a nanosecond", "cb 3e00000000000000", time.Duration(0)),
		echoes("exact up to 50 days", 50*24*time.Hour-time.Nanosecond),
		echoes("the longest", time.Duration(math.MaxInt64)),
		echoes("the longest back", time.Duration(math.MinInt64)),
		reads("most seconds", "cf 0000000225c17d04", 9223372036*time.Second),
		refuses[time.Duration]("more seconds", "cf 0000000225c17d05", "", "9223372037"+misfit),
		refuses[time.Duration]("less seconds", "d3 fffffffdda3e82fb", "", "-9223372037"+misfit),
		refuses[time.Duration]("uint64", "cf ffffffffffffffff", "", "18446744073709551615"+misfit),
		refuses[time.Duration]("too long", "cb 4202a05f20000000", "", "float 1e+10"+misfit),
		refuses[time.Duration]("NaN", "cb 7ff8000000000001", "", "float NaN"+misfit),
		refuses[time.Duration]("Inf", "cb 7ff0000000000000", "", "float +Inf"+misfit),
		refuses[time.Duration]("-Inf", "cb fff0000000000000", "", "float -Inf"+misfit),
		refuses[time.Duration]("text", "a2 '5s'", "", "text"+misfit),
		refuses[Fields]("field", "81 a1 'D' c3", ".D", "true"+misfit),
		both("fields", Fields{second, &second}, "82 a1 'D' cb 3ff0000000000000 a1 'P' cb 3ff0000000000000"),
		both("list", []time.Duration{second}, "91 cb 3ff0000000000000"),
		both("map", map[string]time.Duration{"a": second}, "81 a1 'a' cb 3ff0000000000000"),
		both("key", map[time.Duration]int{second: 1}, "81 cb 3ff0000000000000 01"),
		writes("any", any([]any{second, &second}), "92 cb 3ff0000000000000 cb 3ff0000000000000"),
		both("embedded", struct{ time.Duration }{second}, "81 a8 'Duration' cb 3ff0000000000000"),
	})
	runValues(t, codec.Options{Duration: codec.DurationNanoseconds}, []valueCase{
		both("nanoseconds", 1500*time.Millisecond, "ce 59682f00"),
		both("negative", -time.Nanosecond, "ff"),
		both("the longest", time.Duration(math.MaxInt64), "cf 7fffffffffffffff"),
		both("the longest back", time.Duration(math.MinInt64), "d3 8000000000000000"),
		both("fields", Fields{D: second}, "81 a1 'D' ce 3b9aca00"),
		writes("any", any([]any{second}), "91 ce 3b9aca00"),
		refuses[time.Duration]("uint64", "cf ffffffffffffffff", "", "18446744073709551615 does not fit time.Duration"),
		refuses[time.Duration]("float", "cb 3ff0000000000000", "", "float 1 does not fit time.Duration"),
	})
}

// TestZone reads times without a zone where the options say so, and all in UTC. D11
func TestZone(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	const naive, fraction, summer = "b3 '2024-02-03T04:05:06'", "ba '2024-02-03T04:05:06.123456'", "b3 '2024-07-03T04:05:06'"
	other := []valueCase{
		reads("UTC", "b4 '2024-02-03T04:05:06Z'", at),
		reads("offset", "d919 '2024-02-03T09:35:06+05:30'", at),
		reads("negative offset", "d919 '2024-02-02T20:05:06-08:00'", at),
		reads("extension", "d6ff 65bdbb72", at),
		refuses[time.Time]("date", "aa '2024-02-03'", "", `text "2024-02-03" is not a time in RFC 3339 form`),
		refuses[time.Time]("space", "b3 '2024-02-03 04:05:06'", "", `text "2024-02-03 04:05:06" is not a time in RFC 3339 form`),
		refuses[time.Time]("no date", "b3 '2024-02-30T04:05:06'", "", `text "2024-02-30T04:05:06" is not a time in RFC 3339 form`),
		reads("any stays text", naive, any("2024-02-03T04:05:06")),
	}
	runValues(t, codec.Options{}, append([]valueCase{
		refuses[time.Time]("refused", naive, "", `text "2024-02-03T04:05:06" is not a time in RFC 3339 form: it has no zone`),
		refuses[map[string]Stamp]("refused in a map", "81 a1 'a'"+naive, "[a]", `text "2024-02-03T04:05:06" is not a time in RFC 3339 form: it has no zone`),
		refuses[map[time.Time]int]("refused as key", "81"+fraction+"01", "", `key text "2024-02-03T04:05:06.123456" is not a time in RFC 3339 form: it has no zone`),
	}, other...))
	runValues(t, codec.Options{Zone: time.UTC}, append([]valueCase{
		reads("in UTC", naive, at),
		reads("fraction in UTC", fraction, at.Add(123456*time.Microsecond)),
		reads("embedded", "81 a1 'a'"+naive, map[string]Stamp{"a": {at}}),
	}, other...))
	runValues(t, codec.Options{Zone: berlin}, append([]valueCase{
		reads("in Berlin", naive, at.Add(-time.Hour)),
		reads("in summer", summer, time.Date(2024, 7, 3, 2, 5, 6, 0, time.UTC)),
		reads("key", "81"+naive+"01", map[time.Time]int{at.Add(-time.Hour): 1}),
	}, other...))
	vs := valuesOf(codec.Options{Zone: berlin})
	for name, b := range map[string]string{
		"an hour that is not": "b3 '2024-03-31T02:30:00'", "an hour that is twice": "b3 '2024-10-27T02:30:00'",
	} { // which of the two offsets is taken is left open by package time
		var got time.Time
		err := vs.DecodeResult(raw(b), &got)
		if h, m := got.Hour(), got.Minute(); err != nil || (h != 0 && h != 1) || m != 30 || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// TestTimesInEveryZone does not depend on where the program runs: the day after is
// the same for one instant, however it was written. F10
func TestTimesInEveryZone(t *testing.T) {
	if zone := os.Getenv("TZ"); os.Getenv("MPRPC_TEST_ZONE") != "" {
		if runtime.GOOS != "windows" && time.Local.String() != zone {
			t.Errorf("the program runs in %s, not in %s", time.Local, zone)
		}
		for _, text := range []string{"d919 '2024-03-30T12:00:00+01:00'", "b4 '2024-03-30T11:00:00Z'", "d919 '2024-03-30T07:00:00-04:00'", "d6ff 6607f0b0"} {
			at := time.Date(2024, 3, 30, 11, 0, 0, 0, time.UTC)
			reads(text, text, at).run(t, codec.Options{})
			for _, road := range roads[time.Time, time.Time]() {
				c := road.dial(t, codec.Options{}, func(at time.Time) (time.Time, error) { return at.AddDate(0, 0, 1), nil })
				var day string
				err := c.Call("do", codec.Args{raw(text)}, &day)
				same(t, road.name, day, err, "2024-03-31T11:00:00Z")
			}
		}
		return
	}
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "Pacific/Apia"} {
		t.Run(strings.ReplaceAll(zone, "/", " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestTimesInEveryZone$")
			cmd.Env = append(os.Environ(), "TZ="+zone, "MPRPC_TEST_ZONE=1", "GORACE=atexit_sleep_ms=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
