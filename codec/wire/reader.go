package wire

import (
	"io"
	"sync"
)

// idleBuffer is what a Reader keeps while nothing is buffered: enough for many
// small requests at once, little for a connection that is one of thousands.
const idleBuffer = 2 << 10

// A reader borrows a larger buffer while much arrives, several times the size of the
// last each time, so that no more than a part of a long message is moved often. A
// fresh buffer costs more than all of its use: the memory is cleared, and the
// collector is called. Each size has room for a power of two and the rest of its
// message. Buffers beyond the largest size are made and dropped.
var burstSizes = [...]int{8 << 10, 72 << 10, 264 << 10, 1<<20 + 8<<10, 4<<20 + 8<<10}

var burstBuffers [len(burstSizes)]sync.Pool

// borrow returns a buffer of more than n bytes: one that has room for all that the
// peer claims if such a one is left from another message, since no memory is needed
// for it then, and one of the next size otherwise.
func borrow(n, claimed int) *[]byte {
	for i, size := range burstSizes {
		if size > n && size >= claimed {
			if b, ok := burstBuffers[i].Get().(*[]byte); ok {
				return b
			}
			break
		}
	}
	for i, size := range burstSizes {
		if size <= n {
			continue
		}
		if b, ok := burstBuffers[i].Get().(*[]byte); ok {
			return b
		}
		b := make([]byte, size)
		return &b
	}
	b := make([]byte, 2*n)
	return &b
}

// giveBack takes a buffer that borrow has returned, or nil.
func giveBack(b *[]byte) {
	if b == nil {
		return
	}
	for i, size := range burstSizes {
		if len(*b) == size {
			burstBuffers[i].Put(b)
		}
	}
}

// A Reader cuts a byte stream into messages. Its buffer grows with the bytes
// that have arrived, never with a length that the peer claims, and is given
// back when nothing is buffered. It is for one goroutine.
type Reader struct {
	// Partial, when set, is called with true when a message has begun to arrive
	// but is not complete, before the reader waits for the rest, and with false
	// when it is. A caller sets its read deadline there: so the time-out counts
	// for the whole message, not for each byte of it.
	Partial func(bool)

	r       io.Reader
	scan    Scanner
	small   []byte  // stays with the reader
	burst   *[]byte // borrowed, or nil
	buf     []byte  // small or *burst
	start   int     // buf[start:end] has arrived; the current message begins at start
	end     int
	next    int // where the message behind the current one begins
	found   int // length of the complete message at start, if Ready has found one
	partial bool
	err     error // a read error, held back until what arrived before it is used
	broken  error // what Scan found: after it nothing can be trusted
}

// NewReader returns a Reader of the messages that arrive on r.
func NewReader(r io.Reader, limits Limits) *Reader {
	rd := &Reader{r: r, small: make([]byte, idleBuffer)}
	rd.scan.Limits = limits
	rd.buf = rd.small
	return rd
}

// Next returns the next complete message. The bytes are valid until the next
// call. The error is io.EOF at the end of the stream, io.ErrUnexpectedEOF when
// it ends within a message, a *LimitError, a *FormatError, or what the
// underlying reader says; it is final.
func (r *Reader) Next() ([]byte, error) {
	for !r.Ready() {
		if r.start < r.end {
			r.setPartial(true)
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	if r.broken != nil {
		return nil, r.broken
	}
	r.scan.Reset()
	r.next = r.start + r.found
	r.found = 0
	r.setPartial(false)
	return r.buf[r.start:r.next:r.next], nil
}

// Ready reports whether Next returns without reading: a complete message, or
// what cannot be one, is buffered. The bytes that Next has returned before are
// not valid any more.
func (r *Reader) Ready() bool {
	if r.broken != nil || r.found > 0 {
		return true
	}
	if r.start = max(r.start, r.next); r.start == r.end {
		r.release()
		return false
	}
	r.found, r.broken = r.scan.Scan(r.buf[r.start:r.end])
	return r.broken != nil || r.found > 0
}

// Unfinished returns what has arrived of the message that Next could not
// return, so that its caller can be told.
func (r *Reader) Unfinished() []byte { return r.buf[r.start:r.end] }

// Buffered reports how many bytes have arrived behind the current message.
func (r *Reader) Buffered() int { return r.end - r.next }

func (r *Reader) setPartial(on bool) {
	if r.partial != on {
		r.partial = on
		if r.Partial != nil {
			r.Partial(on)
		}
	}
}

// fill reads once, after making room.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.ended(r.err)
	}
	if r.end == len(r.buf) {
		r.makeRoom()
	}
	for range 100 {
		n, err := r.r.Read(r.buf[r.end:])
		r.end += n
		r.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return r.ended(err)
		}
	}
	return io.ErrNoProgress
}

// ended says whether the stream ended between messages or within one.
func (r *Reader) ended(err error) error {
	if err == io.EOF && r.end > r.start {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *Reader) makeRoom() {
	old := r.buf[r.start:r.end]
	if r.start > 0 && len(old) <= len(r.buf)/2 {
		copy(r.buf, old)
	} else {
		bigger := borrow(len(r.buf), r.scan.pos)
		copy(*bigger, old)
		giveBack(r.burst)
		r.burst, r.buf = bigger, *bigger
	}
	r.start, r.next, r.end = 0, 0, len(old)
}

// release gives back what the reader need not keep while it is idle.
func (r *Reader) release() {
	giveBack(r.burst)
	r.burst, r.buf = nil, r.small
	r.start, r.next, r.end = 0, 0, 0
}
