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
