package load

import (
	"math/bits"
	"time"
)

// A histogram counts durations in buckets that grow with them: 64 for each power
// of two, so that what it reads out is right within 1.6 %. It neither allocates
// nor locks while it counts, and each caller has one of its own.
type histogram struct {
	counts [64 * 40]uint32
	n      int
}

func (h *histogram) add(d time.Duration) {
	h.n++
	h.counts[bucket(uint64(max(d, 0)))]++
}

// bucket keeps the leading seven bits of n.
func bucket(n uint64) int {
	shift := max(0, bits.Len64(n)-7)
	return min(64*shift+int(n>>shift), 64*40-1)
}

// lower is the smallest number in a bucket.
func lower(bucket int) uint64 {
	if bucket < 128 {
		return uint64(bucket)
	}
	shift := bucket/64 - 1
	return uint64(bucket-64*shift) << shift
}

func (h *histogram) merge(other *histogram) {
	h.n += other.n
	for i, n := range other.counts {
		h.counts[i] += n
	}
}

// quantile is the duration that a share q of all did not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int(q * float64(h.n))
	for i, n := range h.counts {
		rank -= int(n)
		if rank < 0 {
			return time.Duration(lower(i))
		}
	}
	return 0
}
