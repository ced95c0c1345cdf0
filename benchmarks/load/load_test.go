package load

import (
	"testing"
	"time"
)

func TestHistogramIsRightWithinTwoPercent(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 127, 128, 129, 1000, 54321, 1e6, 123456789, 3e9} {
		var h histogram
		h.add(d)
		if got := h.quantile(0.5); got > d || float64(got) < 0.984*float64(d) {
			t.Errorf("%v is read out as %v", d, got)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var a, b histogram
	for i := range 1000 {
		a.add(time.Duration(i) * time.Microsecond)
		b.add(time.Duration(i+1000) * time.Microsecond)
	}
	a.merge(&b)
	for q, want := range map[float64]time.Duration{0.5: time.Millisecond, 0.99: 1980 * time.Microsecond} {
		if got := a.quantile(q); got > want || float64(got) < 0.97*float64(want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

// A codec without types gives the numbers in attrs a type of its own, and times a
// location. Such a row is the same, but any other value is not.
func TestRowsAreCompared(t *testing.T) {
	want := SampleRow()
	for name, c := range map[string]struct {
		change func(*Row)
		same   bool
	}{
		"nothing":           {func(*Row) {}, true},
		"type of a number":  {func(r *Row) { r.Attrs["stock"] = uint64(3) }, true},
		"text as bytes":     {func(r *Row) { r.Attrs["colour"] = []byte("blue") }, true},
		"location":          {func(r *Row) { r.Created = r.Created.In(time.FixedZone("", 3600)) }, true},
		"number":            {func(r *Row) { r.Attrs["stock"] = 4 }, false},
		"text":              {func(r *Row) { r.Attrs["colour"] = "red" }, false},
		"missing attribute": {func(r *Row) { delete(r.Attrs, "weight") }, false},
		"missing tag":       {func(r *Row) { r.Tags = r.Tags[1:] }, false},
		"missing time":      {func(r *Row) { r.Updated = nil }, false},
		"created":           {func(r *Row) { r.Created = r.Created.Add(1) }, false},
		"embedded field":    {func(r *Row) { r.Revision++ }, false},
	} {
		got := SampleRow()
		c.change(&got)
		if sameRow(&got, &want) != c.same {
			t.Errorf("%s: same is %v", name, !c.same)
		}
	}
}
