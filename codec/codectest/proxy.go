package codectest

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy stands between clients and a server, on the loopback interface, and
// does to their connections what networks do. Its methods may be called from any
// goroutine.
type Proxy struct {
	t      testing.TB
	addr   string
	target string
	wg     sync.WaitGroup

	mu sync.Mutex
	// Protected by mu:
	listener net.Listener // nil while it is stopped
	conns    map[*proxyConn]struct{}
	request  Filter
	reply    Filter
}

// A Filter decides what becomes of bytes on their way: it returns those that are
// to go on, which may be others, and what happens after them.
type Filter func(b []byte) ([]byte, Action)

// Action is what a Proxy does after it has passed bytes on.
type Action int

const (
	// Pass goes on.
	Pass Action = iota
	// Trickle passes the bytes on one by one, a millisecond apart.
	Trickle
	// HalfClose ends this direction, as a side does that has no more to say.
	HalfClose
	// Reset ends the connection, both ways and at once.
	Reset
)

// NewProxy returns a proxy for the server at the address target. It is stopped
// when the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, addr: "127.0.0.1:0", target: target, conns: map[*proxyConn]struct{}{}}
	p.Start()
	t.Cleanup(func() {
		p.Stop()
		p.wg.Wait()
	})
	return p
}

// Addr is the address that clients connect to.
func (p *Proxy) Addr() string { return p.addr }

// Requests sets what happens to the bytes of clients, on all connections; nil is
// nothing.
func (p *Proxy) Requests(f Filter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.request = f
}

// Replies sets what happens to the bytes of the server.
func (p *Proxy) Replies(f Filter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = f
}

// Conns returns how many connections there are.
func (p *Proxy) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Start listens again after Stop, at the same address.
func (p *Proxy) Start() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listener, p.addr = l, l.Addr().String()
	p.mu.Unlock()
	p.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.serve(l, conn)
		}
	})
}

// Stop ends all connections and refuses new ones, as a server does that dies.
func (p *Proxy) Stop() {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()
	if l != nil {
		l.Close()
	}
	p.Cut()
}

// Cut ends all connections there are. When it returns, their ends have been told.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.reset()
	}
}

// A proxyConn is a connection of a client with that to the server.
type proxyConn struct{ client, server *net.TCPConn }

// reset closes both ends without the usual farewell.
func (c *proxyConn) reset() {
	for _, end := range []*net.TCPConn{c.client, c.server} {
		end.SetLinger(0)
		end.Close()
	}
}

func (p *Proxy) serve(l net.Listener, client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		client.Close()
		return
	}
	c := &proxyConn{client.(*net.TCPConn), server.(*net.TCPConn)}
	p.mu.Lock()
	stopped := p.listener != l
	if !stopped {
		p.conns[c] = struct{}{}
	}
	p.mu.Unlock()
	if stopped {
		c.reset()
		return
	}
	p.wg.Go(func() {
		var ways sync.WaitGroup
		ways.Go(func() { p.pass(c, c.server, c.client, &p.request) })
		ways.Go(func() { p.pass(c, c.client, c.server, &p.reply) })
		ways.Wait()
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
		c.client.Close()
		c.server.Close()
	})
}

// pass passes bytes on in one direction until that ends.
func (p *Proxy) pass(c *proxyConn, to, from *net.TCPConn, filter *Filter) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p.mu.Lock()
			f := *filter
			p.mu.Unlock()
			b, action := buf[:n], Pass
			if f != nil {
				b, action = f(b)
			}
			if !forward(c, to, b, action) {
				return
			}
		}
		switch {
		case err == io.EOF:
			to.CloseWrite()
			return
		case err != nil:
			c.reset()
			return
		}
	}
}

// forward reports whether the direction goes on.
func forward(c *proxyConn, to *net.TCPConn, b []byte, action Action) bool {
	if action == Trickle {
		for i := range b {
			time.Sleep(time.Millisecond)
			if _, err := to.Write(b[i : i+1]); err != nil {
				break
			}
		}
		return true
	}
	if len(b) > 0 {
		to.Write(b) // a failure shows in the next read
	}
	switch action {
	case HalfClose:
		to.CloseWrite()
		return false
	case Reset:
		c.reset()
		return false
	}
	return true
}
