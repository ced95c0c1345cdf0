package value_test

import (
	"testing"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// TestElementsAreCountedInAll sends values that hold exactly so many elements, and
// allows one less: in lists behind each other, maps, structs and what encodes itself.
func TestElementsAreCountedInAll(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		v        any
		elements int
	}{
		"two lists":           {[][]int{{1, 2, 3}, {4, 5, 6}}, 2 + 6},
		"lists in any":        {[]any{[]any{1, 2}, []any{3}}, 2 + 3},
		"a map":               {map[string]int{"a": 1, "b": 2}, 4},
		"a map of any":        {map[string]any{"a": 1, "b": []int{2, 3}}, 4 + 2},
		"maps of lists":       {[]map[string][]int{{"a": {1, 2}}, {"b": {3}}}, 2 + 2 + 2 + 2 + 1},
		"structs":             {[]Inner{{1, 2}, {3, 4}}, 2 + 4 + 4},
		"a struct as a list":  {[]AsArray{{A: 1}, {B: 2}}, 2 + 2 + 2},
		"what is left out":    {[]Omitting{{0, 1}, {1, 1}}, 2 + 2 + 4},
		"what encodes itself": {[]marshaler{{[]byte{0x92, 1, 2}}, {[]byte{0x81, 1, 2}}}, 2 + 2 + 2},
		"an array":            {[2][2]int{}, 2 + 4},
	} {
		for _, short := range []int{0, 1} {
			vs := value.Values{Limits: limits}
			vs.Limits.Elements = wire.ResponseElements + tt.elements - short
			_, err := vs.AppendResult(nil, []byte{1}, tt.v)
			if want := []string{"", "MaxElements"}[short]; limitName(err) != want || err != nil && want == "" {
				t.Errorf("%s with %d: %v, want %q", name, vs.Limits.Elements, err, want)
			}
		}
	}
}
