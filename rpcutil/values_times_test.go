package rpcutil_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// Forms of time.Time that a struct has through what it embeds.
type (
	Stamp        struct{ time.Time }
	StampPointer struct{ *time.Time }
	StampTwice   struct{ Stamp }
	StampNested  struct{ *Stamp }
	StampNote    struct { // the note is lost, as encoding/json has it
		time.Time
		Note string
	}
	stamp       struct{ time.Time }
	StampHidden struct{ stamp }
	// StampNamed has a name of its own, so that the time is a field.
	StampNamed struct {
		time.Time `msgpack:",noinline"`
	}
	// StampBeside embeds two types with text forms: neither stands for the whole.
	StampBeside struct {
		time.Time
		netip.Addr
	}
	// StampOwn has methods of its own, and so has StampGeneric, whose methods the
	// compiler wraps.
	StampOwn            struct{ time.Time }
	StampGeneric[T any] struct {
		time.Time
		V T
	}
)

func (s StampOwn) MarshalText() ([]byte, error) { return []byte("own"), nil }
func (s *StampOwn) UnmarshalText(b []byte) error {
	s.Time = time.Unix(int64(len(b)), 0).UTC()
	return nil
}
func (s StampGeneric[T]) MarshalText() ([]byte, error) { return []byte("own"), nil }
func (s *StampGeneric[T]) UnmarshalText(b []byte) error {
	s.Time = time.Unix(int64(len(b)), 0).UTC()
	return nil
}

// TestTimeInEmbeddings sends what is a time through a field that it embeds in the
// form that is chosen for times.
func TestTimeInEmbeddings(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	type Fields struct {
		S Stamp
		P *Stamp
		E StampPointer `msgpack:",omitempty"`
		Z Stamp        `msgpack:",omitempty"`
		N StampPointer `msgpack:",omitzero"`
	}
	for name, form := range map[string]struct {
		o    codec.Options
		wire string
	}{
		"text":      {codec.Options{}, "b4 '2024-02-03T04:05:06Z'"},
		"extension": {codec.Options{Time: codec.TimeExt}, "d6ff 65bdbb72"},
	} {
		w := form.wire
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runValues(t, form.o, []valueCase{
				both("time", at, w),
				both("embedded", Stamp{at}, w), // F7
				both("pointer", StampPointer{&at}, w),
				both("twice", StampTwice{Stamp{at}}, w),
				both("nested pointer", StampNested{&Stamp{at}}, w),
				both("with a note", StampNote{Time: at}, w),
				writes("with a note that is lost", StampNote{at, "x"}, w),
				both("unexported", StampHidden{stamp{at}}, w),
				both("noinline", StampNamed{at}, w),
				both("beside another", StampBeside{at, netip.MustParseAddr("1.2.3.4")}, "82 a4 'Time' "+w+" a4 'Addr' a7 '1.2.3.4'"),
				writes("own methods", StampOwn{at}, "a3 'own'"),
				reads("own methods", "a3 'own'", StampOwn{time.Unix(3, 0).UTC()}),
				writes("own methods of a generic type", StampGeneric[int]{at, 5}, "a3 'own'"),
				reads("own methods of a generic type", "a3 'own'", StampGeneric[int]{Time: time.Unix(3, 0).UTC()}),
				both("list", []Stamp{{at}}, "91 "+w),
				both("value", map[string]Stamp{"a": {at}}, "81 a1 'a' "+w),
				both("key", map[Stamp]int{{at}: 1}, "81 "+w+" 01"),
				writes("any", any(Stamp{at}), w),
				writes("any of a pointer", any(&StampNested{&Stamp{at}}), w),
				both("fields", Fields{S: Stamp{at}, P: &Stamp{at}}, "82 a1 'S' "+w+" a1 'P' "+w),
				writes("nil pointer", StampPointer{}, "c0"),
				writes("nil nested pointer", StampNested{}, "c0"),
				writes("nil pointers in a list", []StampPointer{{}, {&at}}, "92 c0 "+w),
				writes("nil pointers in any", any([]any{StampPointer{}, &StampNested{}}), "92 c0 c0"),
			})
		})
	}
}

// Emptied says on a pointer that it is zero, Filled that it never is.
type (
	Emptied struct{ N int }
	Filled  struct{ N int }
)

func (e *Emptied) IsZero() bool { return e.N < 0 }
func (Filled) IsZero() bool     { return false }

// TestIsZero leaves out what its method says, wherever the method is.
func TestIsZero(t *testing.T) {
	t.Parallel()
	type Nils struct {
		A StampPointer  `msgpack:",omitempty"`
		B *StampPointer `msgpack:",omitzero"`
		C StampNested   `msgpack:",omitempty"`
		D any           `msgpack:",omitempty"`
		E struct {
			*Emptied
			X int
		} `msgpack:",omitempty"`
	}
	type Asked struct {
		A Emptied  `msgpack:",omitempty"`
		B Emptied  `msgpack:",omitzero"`
		C *Emptied `msgpack:",omitempty"`
		D any      `msgpack:",omitempty"`
		E Filled   `msgpack:",omitempty"`
	}
	runValues(t, codec.Options{}, []valueCase{
		writes("promoted from nil", Nils{B: &StampPointer{}, D: StampNested{}}, "80"),
		writes("on pointers", Asked{Emptied{-1}, Emptied{-2}, &Emptied{-3}, Emptied{-4}, Filled{}}, "81 a1 'E' 81 a1 'N' 00"),
		writes("on pointers, zero is not", Asked{C: &Emptied{}, D: Emptied{}, E: Filled{1}},
			"85 a1 'A' 81 a1 'N' 00 a1 'B' 81 a1 'N' 00 a1 'C' 81 a1 'N' 00 a1 'D' 81 a1 'N' 00 a1 'E' 81 a1 'N' 01"),
	})
}
