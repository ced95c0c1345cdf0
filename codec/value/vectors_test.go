package value_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// A vector is a message that real mprpc wrote, with the value that it stands
// for. interop/testdata says where they come from.
type vector struct {
	Name      string
	Direction string // request or response
	Hex       string
	PrefixHex string `json:"prefix_hex"` // instead of Hex for a long message
	SHA256    string
	Length    int
	JSON      struct {
		MsgID         int64
		Method        *string
		Args          json.RawMessage
		Error, Result json.RawMessage
	}
	Options struct {
		PackEncoding string           `json:"pack_encoding"`
		PackParams   *map[string]bool `json:"pack_params"`
	}
}

func vectors(t testing.TB) []vector {
	b, err := os.ReadFile("../../interop/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// setup returns what the vector's constructor options are in Go.
func (v vector) setup() (value.Values, dialect) {
	vs := value.Values{Limits: limits}
	var dl dialect
	if p := v.Options.PackParams; p != nil {
		dl.single = (*p)["use_single_float"]
		// Any pack_params replace the default {use_bin_type: True}, except that an
		// empty one does not on a client.
		if len(*p) > 0 || v.Direction == "response" {
			dl.raw = !(*p)["use_bin_type"]
		}
	}
	vs.Format.Raw = dl.raw
	if enc := map[string]encoding.Encoding{
		"latin-1":   charmap.ISO8859_1,
		"shift_jis": japanese.ShiftJIS,
		"utf-16-le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	}[v.Options.PackEncoding]; enc != nil {
		vs.Format.EncodeText = enc.NewEncoder().Bytes
		vs.Format.DecodeText = enc.NewDecoder().Bytes
	}
	return vs, dl
}

// matches compares a message with the vector's, by hash if it is long.
func (v vector) matches(b []byte) error {
	got := hex.EncodeToString(b)
	if v.Hex != "" {
		if got != v.Hex {
			return fmt.Errorf("\n got %s\nwant %s", got, v.Hex)
		}
		return nil
	}
	sum := sha256.Sum256(b)
	if len(b) != v.Length || !strings.HasPrefix(got, v.PrefixHex) || hex.EncodeToString(sum[:]) != v.SHA256 {
		return fmt.Errorf("%d bytes % x..., want %d bytes %s...", len(b), cut(b), v.Length, v.PrefixHex)
	}
	return nil
}

// writtenNode returns the Go value to encode for a part of the vector's JSON.
func (v vector) writtenNode(t *testing.T, dl dialect, raw json.RawMessage) any {
	t.Helper()
	n, err := parseNode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return dl.written(n)
}

// onlyRead names the vectors that no Go client would write, with the reason.
var onlyRead = map[string]string{
	"request/method/None":       "mprpc's client sends nil for a method None; a method's name in Go is a string",
	"request/msgid/-2147483648": "mprpc keeps the id in a C int, which has wrapped here; ours starts again at 1",
}

func TestVectors(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	if len(all) != 359 {
		t.Errorf("%d vectors, want 359", len(all))
	}
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			vs, dl := v.setup()
			var b []byte
			if v.Hex != "" {
				b = unhex(t, v.Hex)
			}
			if onlyRead[v.Name] == "" {
				b = v.write(t, &vs, dl)
				if err := v.matches(b); err != nil {
					t.Fatal(err)
				}
			}
			// b holds mprpc's bytes, those of the long vectors too.
			v.read(t, &vs, dl, scanned(t, b))
		})
	}
}

func (v vector) write(t *testing.T, vs *value.Values, dl dialect) []byte {
	t.Helper()
	before := []byte("what stands before")
	b, err := before, error(nil)
	if v.Direction == "request" {
		args := value.Args(v.writtenNode(t, dl, v.JSON.Args).([]any))
		b, err = vs.AppendRequest(b, uint32(v.JSON.MsgID), *v.JSON.Method, args, false)
	} else if e := v.writtenNode(t, dl, v.JSON.Error); e != nil {
		b, err = vs.AppendError(b, idBytes(t, v.JSON.MsgID), e)
	} else {
		b, err = vs.AppendResult(b, idBytes(t, v.JSON.MsgID), v.writtenNode(t, dl, v.JSON.Result))
	}
	if err != nil {
		t.Fatal(err)
	}
	b, ok := bytes.CutPrefix(b, before)
	if !ok {
		t.Fatal("the bytes before the message have changed")
	}
	return b
}

// idBytes returns an id as a peer sent it: mprpc's clients use the shortest form.
func idBytes(t *testing.T, id int64) []byte {
	t.Helper()
	b, err := values.AppendNotification(nil, "", value.Args{id})
	if err != nil {
		t.Fatal(err)
	}
	return b[len("\x93\x02\xa0\x91"):]
}

func (v vector) read(t *testing.T, vs *value.Values, dl dialect, frame []byte) {
	t.Helper()
	m, err := wire.Parse(frame)
	if err != nil {
		t.Fatal(err)
	}
	if want := max(v.JSON.MsgID, -1); m.Num != want || !bytes.Equal(m.ID, idBytes(t, v.JSON.MsgID)) {
		t.Errorf("id %d (% x), want %d", m.Num, m.ID, v.JSON.MsgID)
	}
	if v.Direction == "response" {
		if m.Type != wire.Response || m.Problem != "" {
			t.Fatalf("type %d, problem %q", m.Type, m.Problem)
		}
		if e := v.writtenNode(t, dl, v.JSON.Error); e != nil {
			v.value(t, vs, dl, e, m.Error)
		} else if m.Error != nil {
			t.Errorf("error % x, want none", m.Error)
		}
		v.value(t, vs, dl, v.writtenNode(t, dl, v.JSON.Result), m.Result)
		return
	}
	if v.JSON.Method == nil {
		if want := "method is nil, not text"; m.Problem != want {
			t.Errorf("problem %q, want %q", m.Problem, want)
		}
		return
	}
	if name, err := vs.Format.MethodText(m.Method); name != *v.JSON.Method || err != nil || m.Type != wire.Request || m.Problem != "" || m.Asks {
		t.Errorf("%+v: method %q, %v", m, name, err)
	}
	args := v.writtenNode(t, dl, v.JSON.Args).([]any)
	if n := value.Count(m.Params); n != len(args) {
		t.Fatalf("%d parameters, want %d", n, len(args))
	}
	if len(args) == 1 {
		v.value(t, vs, dl, args[0], m.Params[1:])
		return
	}
	var got value.Args
	if err := vs.DecodeParams(m.Params, &got); err != nil {
		t.Fatal(err)
	}
	want, err := dl.read(args)
	if d := diff(want, []any(got)); d != "" || err != nil {
		t.Error(d, err)
	}
}

// value compares one value, which was written as w, with its bytes.
func (v vector) value(t *testing.T, vs *value.Values, dl dialect, w any, raw []byte) {
	t.Helper()
	var got any
	err := vs.DecodeResult(raw, &got)
	want, none := dl.read(w)
	if none == nil {
		if d := diff(want, got); d != "" || err != nil {
			t.Error(d, err)
		}
		return
	}
	// Go's any cannot hold a list or bytes as a map key, but typed maps can.
	if err == nil || !strings.Contains(err.Error(), "cannot be a map key in Go") {
		t.Errorf("error %v, want one about the key", err)
	}
	bytesKey, listKey := map[string]int{}, map[[2]int]int{}
	if vs.DecodeResult(raw, &bytesKey) != nil && vs.DecodeResult(raw, &listKey) != nil {
		t.Error("no typed map takes it")
	}
	if d := diff(1, bytesKey["k"]); d != "" && listKey[[2]int{1, 2}] != 3 {
		t.Error(d, listKey)
	}
}
