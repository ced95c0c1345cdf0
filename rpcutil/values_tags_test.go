package rpcutil_test

import (
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// TestMsgpackTags has each option of the tag msgpack.
func TestMsgpackTags(t *testing.T) {
	t.Parallel()
	type Named struct {
		A int `msgpack:"a"`
		B int `msgpack:"b c"`
		C int `msgpack:"ä"`
	}
	type Skipped struct {
		A int `msgpack:"-"`
		B int `msgpack:"-,"` // as vmihailenco has it; encoding/json has a name "-" then
		C int
	}
	type Empty struct {
		B bool           `msgpack:",omitempty"`
		I int            `msgpack:",omitempty"`
		S string         `msgpack:",omitempty"`
		L []int          `msgpack:",omitempty"`
		M map[string]int `msgpack:",omitempty"`
		P *int           `msgpack:",omitempty"`
		X any            `msgpack:",omitempty"`
		T time.Time      `msgpack:",omitempty"`
		D time.Duration  `msgpack:",omitempty"`
		N int            `msgpack:"n"`
	}
	type Within struct {
		E struct {
			A int `msgpack:",omitempty"`
		} `msgpack:",omitempty"`
		A [2]int `msgpack:",omitempty"`
		N int
	}
	type Zero struct {
		L []int     `msgpack:",omitzero"`
		A [2]int    `msgpack:",omitzero"`
		T time.Time `msgpack:",omitzero"`
		E Base      `msgpack:",omitzero"`
		X any       `msgpack:",omitzero"`
	}
	type AllEmpty struct {
		//lint:ignore U1000 its tag is about the struct
		_msgpack struct{} `msgpack:",omitempty"`
		A, B     int
		C        string
	}
	type List struct {
		//lint:ignore U1000 its tag is about the struct
		_msgpack struct{} `msgpack:",as_array"`
		A        int      `msgpack:"a"`
		B        string   `msgpack:",omitempty"` // a list has no gaps
	}
	type ListAsWell struct {
		//lint:ignore U1000 its tag is about the struct
		_msgpack struct{} `msgpack:",asArray"`
		A        int
	}
	type Lists struct {
		L  List
		Ls []List
	}
	type Interned struct {
		A string `msgpack:",intern"`
		B string `msgpack:"b,intern"`
		C any    `msgpack:",intern"`
	}
	type Alias struct {
		A int `msgpack:"new,alias:old"`
		B int `msgpack:"other"`
	}
	type Aliases struct { // a name goes before an alias
		A int `msgpack:"a,alias:b"`
		B int `msgpack:"b"`
	}
	type Inline struct {
		Base `msgpack:",inline"`
		N    int
	}
	type Apart struct {
		hiddenBase `msgpack:",noinline"`
		N          int
	}
	type Placed struct {
		A int `msgpack:"int,byplace"`
		B int `msgpack:"int,byplace"`
	}
	type Quoted struct {
		A int `msgpack:"'a,b'"`
		B int `msgpack:"'c:d',omitempty"`
		C int `msgpack:"'e f'"`
	}
	type QuotedAlias struct {
		A int `msgpack:"a,alias:'b,c'"`
	}
	type NoName struct {
		A int `msgpack:"alias:b"`
	}
	type Unknown struct {
		A int `msgpack:"a,whatever,some:thing"`
	}
	two := 2
	full := Empty{true, 1, "s", []int{1}, map[string]int{"a": 1}, &two, int64(3), time.Unix(5, 0).UTC(), time.Second, 4}
	runValues(t, codec.Options{}, []valueCase{
		both("name", Named{1, 2, 3}, "83 a1 'a' 01 a3 'b c' 02 a2 'ä' 03"),
		reads("the Go name counts no more", "81 a1 'B' 02", Named{}),
		writes("-", Skipped{1, 2, 3}, "81 a1 'C' 03"),
		reads("-", "84 a1 'A' 01 a1 'B' 02 a1 '-' 05 a1 'C' 03", Skipped{C: 3}),
		both("omitempty, empty", Empty{}, "81 a1 'n' 00"),
		echoes("omitempty, full", full),
		writes("omitempty, empty but not nil", Empty{L: []int{}, M: map[string]int{}, P: new(int), X: false}, "82 a1 'P' 00 a1 'n' 00"),
		both("omitempty within", Within{N: 1}, "82 a1 'A' 92 00 00 a1 'N' 01"),
		both("omitzero, zero", Zero{}, "80"),
		both("omitzero, empty", Zero{L: []int{}, A: [2]int{0, 1}, E: Base{Rev: 1}},
			"83 a1 'L' 90 a1 'A' 92 00 01 a1 'E' 82 a2 'ID' 00 a3 'Rev' 01"),
		writes("omitzero, false in an any", Zero{X: false}, "81 a1 'X' c2"),
		both("omitempty of all", AllEmpty{B: 1}, "81 a1 'B' 01"),
		both("as_array", List{A: 1}, "92 01 a0"),
		reads("as_array from a map", "81 a1 'a' 01", List{A: 1}),
		refuses[List]("as_array too short", "91 01", "", "a list of 1 does not fit rpcutil_test.List, which has 2 fields"),
		both("asArray", ListAsWell{A: 1}, "91 01"),
		both("as_array within", Lists{List{A: 1}, []List{{A: 2}}}, "82 a1 'L' 92 01 a0 a2 'Ls' 91 92 02 a0"),
		both("intern", []Interned{{"red", "red", "red"}}, "91 83 a1 'A' a3 'red' a1 'b' a3 'red' a1 'C' a3 'red'"), // F5
		both("intern, twice", [2]Interned{{"red", "red", "red"}, {"red", "red", "red"}},
			"92 83 a1 'A' a3 'red' a1 'b' a3 'red' a1 'C' a3 'red' 83 a1 'A' a3 'red' a1 'b' a3 'red' a1 'C' a3 'red'"),
		both("alias", Alias{1, 2}, "82 a3 'new' 01 a5 'other' 02"),
		reads("alias, old", "82 a3 'old' 01 a5 'other' 02", Alias{1, 2}),
		reads("alias of another's name", "82 a1 'b' 02 a1 'a' 01", Aliases{1, 2}),
		both("inline", Inline{Base{1, 2}, 3}, "83 a2 'ID' 01 a3 'Rev' 02 a1 'N' 03"),
		both("noinline, unexported", Apart{hiddenBase{1, 2}, 3}, "82 aa 'hiddenBase' 82 a2 'ID' 01 a3 'Rev' 02 a1 'N' 03"),
		reads("byplace", "92 01 02", Placed{1, 2}),
		both("quoted", Quoted{1, 2, 3}, "83 a3 'a,b' 01 a3 'c:d' 02 a3 'e f' 03"),
		both("quoted, empty", Quoted{1, 0, 3}, "82 a3 'a,b' 01 a3 'e f' 03"),
		reads("quoted alias", "81 a3 'b,c' 01", QuotedAlias{1}),
		both("an option without a name", NoName{1}, "81 a1 'A' 01"),
		reads("an option without a name", "81 a1 'b' 01", NoName{1}),
		both("unknown options", Unknown{1}, "81 a1 'a' 01"),
	})
}

// TestJSONTags has the tag json of fields without one for msgpack.
func TestJSONTags(t *testing.T) {
	t.Parallel()
	type Named struct {
		UserID int    `json:"user_id"`
		Mail   string `json:"mail,omitempty"`
	}
	type Skipped struct {
		A int `json:"-"`
		//lint:ignore SA5008 what is read of such a tag is tested
		B int `json:"-,"` // a name, as in encoding/json
		C int
	}
	type Zero struct {
		A int       `json:"a,omitzero"`
		T time.Time `json:"t,omitzero"`
	}
	type Text struct {
		A int64 `json:"a,string"`
	}
	type Embedded struct { // a name makes a field of it
		Base `json:"base"`
		N    int `json:"n"`
	}
	type Flat struct {
		Base `json:",omitempty"`
		N    int `json:"n"`
	}
	type Both struct {
		A int `json:"x" msgpack:"a"`
		B int `json:"-" msgpack:"b"`
		C int `json:"c" msgpack:"-"`
		D int `json:"d" msgpack:",omitempty"`
	}
	type Hidden struct { // it has a name, although its type is not exported
		hiddenBase `json:"base"`
		N          int `json:"n"`
	}
	type NoOptions struct { // they are options of msgpack alone
		//lint:ignore SA5008 what is read of such a tag is tested
		Base `json:",noinline"`
		//lint:ignore SA5008 what is read of such a tag is tested
		A int `json:"a,alias:b,intern,byplace"`
	}
	type Colon struct {
		A int `json:"a:b"`
	}
	type Shadow struct { // the name from a tag wins at the same depth
		Base
		Other `json:",inline"`
		Third struct{ ID int } `json:"third"`
	}
	runValues(t, codec.Options{}, []valueCase{
		both("name", Named{1, "m"}, "82 a7 'user_id' 01 a4 'mail' a1 'm'"), // D9
		both("omitempty", Named{UserID: 1}, "81 a7 'user_id' 01"),
		writes("-", Skipped{1, 2, 3}, "82 a1 '-' 02 a1 'C' 03"),
		reads("-", "83 a1 'A' 01 a1 '-' 02 a1 'C' 03", Skipped{0, 2, 3}),
		both("omitzero", Zero{}, "80"),
		both("omitzero, there", Zero{A: 1}, "81 a1 'a' 01"),
		both("string", Text{1 << 53}, "81 a1 'a' cf 0020000000000000"), // MessagePack has 64 bits
		both("embedded with a name", Embedded{Base{1, 2}, 3}, "82 a4 'base' 82 a2 'ID' 01 a3 'Rev' 02 a1 'n' 03"),
		both("unexported, embedded with a name", Hidden{hiddenBase{1, 2}, 3}, "82 a4 'base' 82 a2 'ID' 01 a3 'Rev' 02 a1 'n' 03"),
		both("embedded without a name", Flat{Base{1, 2}, 3}, "83 a2 'ID' 01 a3 'Rev' 02 a1 'n' 03"),
		writes("beside msgpack", Both{1, 2, 3, 4}, "83 a1 'a' 01 a1 'b' 02 a1 'D' 04"),
		reads("beside msgpack", "86 a1 'x' 05 a1 'a' 01 a1 'b' 02 a1 'c' 03 a1 'd' 04 a1 'z' 05", Both{1, 2, 0, 4}),
		both("options of msgpack", NoOptions{Base{1, 2}, 3}, "83 a2 'ID' 01 a3 'Rev' 02 a1 'a' 03"),
		reads("alias", "81 a1 'b' 03", NoOptions{}),
		both("colon", Colon{1}, "81 a3 'a:b' 01"),
		both("ambiguous beside a name", Shadow{Base{0, 1}, Other{0, 2}, struct{ ID int }{3}}, "83 a3 'Rev' 01 a4 'Size' 02 a5 'third' 81 a2 'ID' 03"),
	})
}

// TestTagsOfParameters has the tags where a struct stands for the parameters.
func TestTagsOfParameters(t *testing.T) {
	t.Parallel()
	type Args struct {
		UserID int `json:"user_id"`
		Mail   int `msgpack:"mail,alias:email"`
		Skip   int `msgpack:"-"`
		Limit  int `msgpack:"limit,omitempty"`
	}
	c := dialService(t, codec.Options{}, Whole[Args, Args]{func(a Args) (Args, error) { return a, nil }})
	for name, row := range map[string]struct {
		args any
		want Args
	}{
		"by name":          {codec.Args{raw("82 a7 'user_id' 01 a4 'mail' 02")}, Args{UserID: 1, Mail: 2}},
		"by alias":         {codec.Args{raw("82 a7 'user_id' 01 a5 'email' 02")}, Args{UserID: 1, Mail: 2}},
		"by place":         {codec.Args{1, 2, 3}, Args{UserID: 1, Mail: 2, Limit: 3}},
		"without optional": {Args{UserID: 1, Mail: 2, Skip: 5}, Args{UserID: 1, Mail: 2}},
	} {
		var got Args
		err := c.Call("do", row.args, &got)
		same(t, name, got, err, row.want)
	}
	fails(t, "left out", c.Call("do", codec.Args{raw("82 a7 'user_id' 01 a4 'Skip' 02")}, nil),
		"do: want 2 to 3 parameters (user_id, mail, [limit]), got one named Skip")
	fails(t, "twice", c.Call("do", codec.Args{raw("83 a7 'user_id' 01 a4 'mail' 02 a5 'email' 03")}, nil), "do: parameter mail is given twice")
	var mux rpcutil.Mux
	mux.Handle("do", func(a Args) Args { return a })
	client := rpcutil.NewClient(servedValues(t, codec.Options{}, mux.ServeCodec), rpcutil.ClientOptions{})
	t.Cleanup(func() { client.Close() })
	var got Args
	err := client.Call("do", codec.Args{raw("81 a5 'email' 02")}, &got)
	same(t, "within", got, err, Args{Mail: 2})
}
