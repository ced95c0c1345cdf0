package codec

// A callTable finds calls by numbers. These are given out in turn, so that those of the
// calls under way differ in their low bits, which name a place. A call whose place is
// still held by an older one goes into a map.
type callTable[T any] struct {
	places []place[T]    // a power of two; at least twice as many as calls, up to maxPlaces
	others map[uint64]*T // whose place was held
	count  int
}

type place[T any] struct {
	number uint64
	call   *T // nil where there is none
}

const (
	minPlaces  = 8
	maxPlaces  = 1 << 10
	idlePlaces = 1 << 7 // that are kept while there are no calls: 2 KiB
)

func (t *callTable[T]) len() int { return t.count }

func (t *callTable[T]) place(number uint64) *place[T] {
	return &t.places[number&uint64(len(t.places)-1)]
}

// get returns the call with a number, or nil.
func (t *callTable[T]) get(number uint64) *T {
	if t.count == 0 {
		return nil
	}
	if p := t.place(number); p.number == number && p.call != nil {
		return p.call
	}
	return t.others[number]
}

// put adds a call. No other has its number.
func (t *callTable[T]) put(number uint64, call *T) {
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

func (t *callTable[T]) grow() {
	old := t.places
	t.places = make([]place[T], max(minPlaces, 2*len(old)))
	for _, p := range old {
		if p.call != nil {
			*t.place(p.number) = p // calls that had a place each still have
		}
	}
}

// remove forgets the call with a number, if there is one.
func (t *callTable[T]) remove(number uint64) {
	if t.count == 0 {
		return
	}
	if p := t.place(number); p.number == number && p.call != nil {
		*p = place[T]{}
	} else if t.others[number] != nil {
		delete(t.others, number)
	} else {
		return
	}
	if t.count--; t.count > 0 {
		return
	}
	t.others = nil
	if len(t.places) > idlePlaces {
		t.places = nil
	}
}

// all yields each call, in no order. A call may be removed once it has been yielded.
func (t *callTable[T]) all(yield func(*T) bool) {
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
