package value_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/quick"

	mrand "math/rand"

	"github.com/vmihailenco/msgpack/v5"
)

// everyKind is a struct of most things that Go types are made of.
type everyKind struct {
	Bool bool
	Ints struct {
		A int8
		B int16
		C int32
		D int64
		E int
	}
	Uints struct {
		A uint8
		B uint16
		C uint32
		D uint64
		E uint
	}
	F32     float32
	F64     float64
	S       string
	Bytes   []byte
	Array   [3]int16
	Hash    [4]byte
	List    []string
	Lists   [][]uint8
	Ptr     *int32
	PtrStr  *string
	Map     map[string]int
	IntMap  map[int8][]string
	ArrMap  map[[2]uint8]bool
	Structs []struct{ X, Y *float64 }
	Named   myString `msgpack:"named_field"`
	Omit    int      `msgpack:",omitempty"`
	Inner
	*Embedded2
}

// Embedded2 is embedded by pointer, which may be nil.
type Embedded2 struct{ Z int }

// TestDecodesVmihailenco checks that what vmihailenco writes for any Go value is
// read here as that value, and that what is written here is read by it.
func TestDecodesVmihailenco(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	config := &quick.Config{MaxCount: 300, Rand: mrand.New(mrand.NewSource(int64(seed)))}
	if err := quick.Check(func(v everyKind) bool {
		var b bytes.Buffer
		enc := msgpack.NewEncoder(&b)
		enc.UseCompactInts(true)
		if err := enc.Encode(&v); err != nil {
			t.Error(err)
		}
		var got everyKind
		if err := values.DecodeResult(scanned(t, b.Bytes()), &got); err != nil || !reflect.DeepEqual(v, got) {
			t.Errorf("%v %s", err, diff(v, got))
			return false
		}
		ours, err := values.AppendResult(nil, []byte{1}, &v)
		if err != nil {
			t.Error(err)
		}
		var again everyKind
		if err := msgpack.Unmarshal(ours[4:], &again); err != nil || !reflect.DeepEqual(v, again) {
			t.Errorf("%v %s", err, diff(v, again))
			return false
		}
		return true
	}, config); err != nil {
		t.Error(err)
	}
}
