package pool_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A network is one in memory, for tests in a synctest bubble. Its connections
// buffer nothing, as net.Pipe.
type network struct {
	mu sync.Mutex
	// Protected by mu:
	hosts map[string]*service
	hooks map[string]func(context.Context) error // before a dial
	dials map[string][]time.Duration
	start time.Time
}

func newNetwork(t testing.TB, addresses ...string) *network {
	// Time stops when the function of a bubble returns; its services need some.
	t.Cleanup(func() { time.Sleep(time.Hour) })
	return realNetwork(addresses...)
}

// realNetwork is newNetwork for a test without a bubble.
func realNetwork(addresses ...string) *network {
	n := &network{hosts: map[string]*service{}, hooks: map[string]func(context.Context) error{}, dials: map[string][]time.Duration{}, start: time.Now()}
	for _, a := range addresses {
		n.hosts[a] = newService()
	}
	return n
}

func (n *network) host(address string) *service {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hosts[address]
}

// before runs hook before each dial of an address.
func (n *network) before(address string, hook func(context.Context) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hooks[address] = hook
}

// dialled returns when an address was dialled, from the start of the network.
func (n *network) dialled(address string) []time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.dials[address])
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials[address] = append(n.dials[address], time.Since(n.start))
	host, hook := n.hosts[address], n.hooks[address]
	n.mu.Unlock()
	if hook != nil {
		if err := hook(ctx); err != nil {
			return nil, err
		}
	}
	if host == nil {
		return nil, errRefused
	}
	client, server := net.Pipe()
	go host.serve(server)
	return client, nil
}

var errRefused = errors.New("connection refused")

func refuse(context.Context) error { return errRefused }

// blackHole is a dial that nobody answers.
func blackHole(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// silent is a Dial whose connections lead to nobody: nothing is read there.
func silent(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		t.Cleanup(func() { server.Close() })
		return client, nil
	}
}

// A deaf connection swallows what is written to it once stuck is closed, as one does
// whose other end has gone without a word.
type deaf struct {
	net.Conn
	stuck <-chan struct{}
}

func (d *deaf) Write(b []byte) (int, error) {
	select {
	case <-d.stuck:
		return len(b), nil
	default:
		return d.Conn.Write(b)
	}
}

// deafDial is dial with connections that become deaf when stuck is closed. Those to
// an address that are made later do not.
func (n *network) deafDial(address string, stuck <-chan struct{}) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, a string) (net.Conn, error) {
		conn, err := n.dial(ctx, network, a)
		select {
		case <-stuck:
			return conn, err
		default:
		}
		if err != nil || a != address {
			return conn, err
		}
		return &deaf{conn, stuck}, nil
	}
}

// only is a Dial that leads to one connection, once.
func only(conn net.Conn) func(context.Context, string, string) (net.Conn, error) {
	var used atomic.Bool
	return func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errors.New("dialled again")
		}
		return conn, nil
	}
}
