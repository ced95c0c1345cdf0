package wire

import (
	"fmt"
	"math"
)

// Limits bounds what one message may cost its receiver. All four are plain
// maxima: a field of zero allows nothing, so a caller fills in every one.
type Limits struct {
	// Message is the longest message in bytes.
	Message int
	// Depth is the deepest nesting of arrays and maps. The message's own array
	// is the first level and the array of its parameters the second.
	Depth int
	// Elements is the largest number of values within all arrays and maps of a
	// message together; a map entry counts twice.
	Elements int
	// Decoded is the largest size in bytes of the Go values of one message.
	Decoded int64
}

// Unlimited allows whatever there is.
var Unlimited = Limits{math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt64}

// A LimitError reports a message that passes one of the Limits.
type LimitError struct {
	// Name is the option of package codec that sets the limit.
	Name string
	// Max is its value.
	Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("message exceeds %s (%d)", e.Name, e.Max)
}

// Holds reports whether a message of so many bytes, elements and levels is within
// the limits.
func (l *Limits) Holds(bytes, elements, depth int) bool {
	return bytes <= l.Message && elements <= l.Elements && depth <= l.Depth
}

// MessageError and the three methods below return the error that names the limit.
func (l *Limits) MessageError() error { return &LimitError{"MaxMessage", int64(l.Message)} }

// DepthError is like MessageError.
func (l *Limits) DepthError() error { return &LimitError{"MaxDepth", int64(l.Depth)} }

// ElementsError is like MessageError.
func (l *Limits) ElementsError() error { return &LimitError{"MaxElements", int64(l.Elements)} }

// DecodedError is like MessageError.
func (l *Limits) DecodedError() error { return &LimitError{"MaxDecoded", l.Decoded} }

// A FormatError reports bytes that are not a MessagePack-RPC message. What
// follows them on the connection cannot be trusted either.
type FormatError struct{ msg string }

func (e *FormatError) Error() string { return e.msg }

// A Scanner finds the end of one MessagePack value without decoding it. It is
// resumable: every byte is looked at once, however the bytes arrive. It does
// not recurse and allocates nothing that depends on a length the peer claims,
// apart from one word per level of nesting, which Limits.Depth bounds.
type Scanner struct {
	Limits Limits

	around   int   // levels of nesting around the value
	pos      int   // offset of the first byte not accounted for; may lie ahead of the bytes that have arrived
	elements int   // array elements and map keys and values announced so far
	remain   int   // values still missing in the innermost open container
	stack    []int // the same for each container around it, outermost first
	started  bool
}

// Reset prepares the scanner for the next value, a message.
func (s *Scanner) Reset() { s.ResetWithin(0, 0) }

// ResetWithin prepares the scanner for a value that stands within another one:
// the levels around it and the elements before it count.
func (s *Scanner) ResetWithin(depth, elements int) {
	s.around, s.pos, s.elements, s.remain, s.started = depth, 0, elements, 0, false
	s.stack = s.stack[:0]
	if cap(s.stack) > 1024 { // one deep message must not cost its connection this for ever
		s.stack = nil
	}
}

// Elements returns how many elements the scanner has counted, those before the
// value included.
func (s *Scanner) Elements() int { return s.elements }

// Scan continues over b, which holds the value from its first byte on and has
// grown since the last call. It returns the length of the value once all of it
// has arrived, and 0 before. The error is a *LimitError or a *FormatError.
func (s *Scanner) Scan(b []byte) (int, error) {
	if !s.started {
		s.started, s.remain = true, 1
	}
	pos, remain := s.pos, s.remain
	// Behind most bytes of most messages nothing else has to be looked at.
	quick := b[:min(len(b), s.Limits.Message)]
	for remain > 0 {
		for pos < len(quick) && quick[pos] < 0x80 && remain > 1 { // small integers
			pos++
			remain--
		}
		if pos > s.Limits.Message {
			return 0, s.Limits.MessageError()
		}
		if pos >= len(b) {
			s.pos, s.remain = pos, remain
			return 0, nil
		}
		c := b[pos]
		if n := int(fixedSize[c]); n != 0 {
			pos += n
			remain--
		} else {
			k, n, head := Header(b[pos:])
			if head == 0 { // the header itself is incomplete
				if k == KindInvalid {
					return 0, &FormatError{fmt.Sprintf("byte 0x%02x is not MessagePack", c)}
				}
				s.pos, s.remain = pos, remain
				return 0, nil
			}
			pos += head
			// Each announced byte or element takes at least one byte, so a claim
			// beyond the limit is refused before anything of it arrives.
			if n > uint64(max(0, s.Limits.Message-pos)) {
				return 0, s.Limits.MessageError()
			}
			switch k {
			case KindArray, KindMap:
				if s.around+len(s.stack)+1 > s.Limits.Depth {
					return 0, s.Limits.DepthError()
				}
				if k == KindMap {
					n *= 2
				}
				if n > uint64(max(0, s.Limits.Elements-s.elements)) {
					return 0, s.Limits.ElementsError()
				}
				s.elements += int(n)
				if n > 0 {
					s.stack = append(s.stack, remain-1)
					remain = int(n)
					continue
				}
				remain--
			default:
				pos += int(n)
				remain--
			}
		}
		for remain == 0 && len(s.stack) > 0 {
			remain = s.stack[len(s.stack)-1]
			s.stack = s.stack[:len(s.stack)-1]
		}
	}
	s.pos, s.remain = pos, 0
	if pos > s.Limits.Message {
		return 0, s.Limits.MessageError()
	}
	if pos > len(b) {
		return 0, nil
	}
	return pos, nil
}
