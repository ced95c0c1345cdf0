package codec

// A numbered finds calls by numbers that are given out one after the other: those
// under way have most of their low bits to themselves, so each is at the place that
// these name. One whose place is taken by a call that lasts goes into a map.
type numbered[T any] struct {
	places []place[T] // as many as a power of two, twice as many as calls if possible
	others map[uint64]*T
	count  int
}

type place[T any] struct {
	number uint64
	call   *T // nil where there is none
}

const (
	minPlaces  = 8
	maxPlaces  = 1 << 10
	idlePlaces = 1 << 8 // that are kept while there are no calls
)

func (t *numbered[T]) len() int { return t.count }

func (t *numbered[T]) place(number uint64) *place[T] {
	return &t.places[number&uint64(len(t.places)-1)]
}

// get returns the call with a number, or nil.
func (t *numbered[T]) get(number uint64) *T {
	if t.count == 0 {
		return nil
	}
	if p := t.place(number); p.number == number && p.call != nil {
		return p.call
	}
	return t.others[number]
}

// put adds a call. No other has its number.
func (t *numbered[T]) put(number uint64, call *T) {
	t.count++
	if t.count > len(t.places)/2 && len(t.places) < maxPlaces {
		t.grow()
	}
	if p := t.place(number); p.call == nil {
		*p = place[T]{number, call}
		return
	}
	if t.others == nil {
		t.others = make(map[uint64]*T)
	}
	t.others[number] = call
}

func (t *numbered[T]) grow() {
	old := t.places
	t.places = make([]place[T], max(minPlaces, 2*len(old)))
	for _, p := range old {
		if p.call != nil {
			*t.place(p.number) = p // calls that had a place each still have
		}
	}
}

// remove forgets the call with a number, if there is one.
func (t *numbered[T]) remove(number uint64) {
	if t.get(number) == nil {
		return
	}
	t.count--
	if p := t.place(number); p.number == number && p.call != nil {
		*p = place[T]{}
	} else {
		delete(t.others, number)
	}
	if t.count == 0 && len(t.places) > idlePlaces {
		t.places = nil
	}
}

// all calls yield with each call, in no order. Those that it yields may be removed.
func (t *numbered[T]) all(yield func(*T) bool) {
	for _, p := range t.places {
		if p.call != nil && !yield(p.call) {
			return
		}
	}
	for _, call := range t.others {
		if !yield(call) {
			return
		}
	}
}
