package codec_test

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A bufferedPipe is one end of a connection in memory that, unlike net.Pipe,
// has a buffer each way, can be closed by half, and works in a bubble.
type bufferedPipe struct {
	in, out *pipeBuffer
	stuck   bool // writes take nothing and wait for their deadline
}

func newBufferedPipe() (a, b *bufferedPipe) {
	x, y := newPipeBuffer(), newPipeBuffer()
	return &bufferedPipe{in: x, out: y}, &bufferedPipe{in: y, out: x}
}

func (p *bufferedPipe) Read(b []byte) (int, error) { return p.in.read(b) }

func (p *bufferedPipe) Write(b []byte) (int, error) {
	if p.stuck {
		return 0, p.out.waitForDeadline()
	}
	return p.out.write(b)
}

// breakWrites makes writes fail from now on.
func (p *bufferedPipe) breakWrites() { p.out.breakDown() }

func (p *bufferedPipe) CloseWrite() error { p.out.close(false); return nil }

func (p *bufferedPipe) Close() error { p.out.close(false); p.in.close(true); return nil }

func (p *bufferedPipe) SetWriteDeadline(t time.Time) error { p.out.setDeadline(t); return nil }

func (*bufferedPipe) LocalAddr() net.Addr             { return pipeAddr{} }
func (*bufferedPipe) RemoteAddr() net.Addr            { return pipeAddr{} }
func (*bufferedPipe) SetDeadline(time.Time) error     { return os.ErrNoDeadline }
func (*bufferedPipe) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "memory" }
func (pipeAddr) String() string  { return "memory" }

// A pipeBuffer is one direction.
type pipeBuffer struct {
	mu       sync.Mutex
	change   sync.Cond
	b        []byte
	ended    bool // nothing more is written
	dropped  bool // nothing more is read
	broken   bool // writes fail
	deadline time.Time
}

func newPipeBuffer() *pipeBuffer {
	p := new(pipeBuffer)
	p.change.L = &p.mu
	return p
}

func (p *pipeBuffer) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.b) == 0 && !p.ended && !p.dropped {
		p.change.Wait()
	}
	switch {
	case p.dropped:
		return 0, net.ErrClosed
	case len(p.b) == 0:
		return 0, io.EOF
	}
	n := copy(b, p.b)
	p.b = p.b[n:]
	return n, nil
}

func (p *pipeBuffer) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.dropped {
		return 0, io.ErrClosedPipe
	}
	if p.broken {
		return 0, errBrokenWire
	}
	p.b = append(p.b, b...)
	p.change.Broadcast()
	return len(b), nil
}

func (p *pipeBuffer) waitForDeadline() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.ended && !p.dropped {
		if !p.deadline.IsZero() && !time.Now().Before(p.deadline) {
			return os.ErrDeadlineExceeded
		}
		p.change.Wait()
	}
	return io.ErrClosedPipe
}

func (p *pipeBuffer) setDeadline(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), func() {
			p.mu.Lock()
			p.change.Broadcast()
			p.mu.Unlock()
		})
	}
}

func (p *pipeBuffer) breakDown() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
}

func (p *pipeBuffer) close(dropped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if dropped {
		p.dropped = true
	} else {
		p.ended = true
	}
	p.change.Broadcast()
}
