//go:build unix

package codec

import "github.com/go-mprpc/mprpc/internal/sysconn"

// A prompt writes to a connection of the system what that takes at once. It is for one
// goroutine at a time.
type prompt struct {
	sys  *sysconn.Conn
	step func(fd uintptr) bool // p.take, kept, so that a write allocates nothing

	b   []byte
	n   int
	err error
}

// newPrompt returns nil for a connection of another kind.
func newPrompt(conn any) *prompt {
	sys := sysconn.Of(conn)
	if sys == nil {
		return nil
	}
	p := &prompt{sys: sys}
	p.step = p.take
	return p
}

// write writes the beginning of b, which may be all or nothing of it.
func (p *prompt) write(b []byte) (n int, err error) {
	if p == nil {
		return 0, nil
	}
	p.b, p.n, p.err = b, 0, nil
	p.sys.Raw.Write(p.step) // of an error, of Close or a deadline, the next write tells, if it matters to that
	p.b = nil
	return p.n, p.err
}

func (p *prompt) take(fd uintptr) (done bool) {
	p.n, _, p.err = p.sys.Write(fd, p.b)
	return true
}
