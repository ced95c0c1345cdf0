package pool

import (
	"context"
	"log/slog"
	"math"
	"net"
	"runtime"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

// Options says what a Pool connects to and how. Address or Resolver is needed;
// zero in any other field is the good default that its comment names, and a
// negative number or duration means none, or no limit.
type Options struct {
	// Address is the one endpoint, such as "127.0.0.1:6000".
	Address string

	// Resolver tells the addresses of several endpoints instead. See Static and
	// DNS.
	Resolver Resolver

	// Network is what Dial gets as its network. The default is "tcp".
	Network string

	// Dial connects to an endpoint, for TLS, proxies and options of the socket.
	// It must return when ctx ends. The default is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Codec says how connections are used: names, encodings, limits. Its Pipeline
	// counts only where Shared is set.
	Codec codec.Options

	// MaxConns is how many connections there may be, to all endpoints together,
	// idle ones included, but for those on which ejected endpoints are tried. Callers
	// beyond that wait in their order. The default is four for each processor that Go
	// uses, but at least 20; negative is no limit.
	MaxConns int

	// MinIdle is how many idle connections are kept ready, as far as MaxConns
	// admits. The default is none: a connection is made when it is needed.
	MinIdle int

	// Shared is how many calls one connection carries at once. It is for servers
	// that read more than one request, such as those of this module; in front of
	// an mprpc server the calls of a connection take turns. The default, and what
	// negative means, is one: a connection is exclusive while it is used.
	Shared int

	// MaxLifetime is the age at which a connection is replaced, when its call is
	// over, less up to a tenth of it at random so that they do not all go at
	// once. The default is one hour; negative is no limit.
	MaxLifetime time.Duration

	// MaxIdleTime is how long a connection may be idle before it is closed. Where
	// the check before reuse is not possible (TLS, Windows) it should be shorter
	// than what the server and whatever is in between allow. The default is two
	// minutes; negative is no limit.
	MaxIdleTime time.Duration

	// AfterConnect is called with each new connection before anybody else gets it,
	// to log in for example; within DialTimeout, at which ctx ends. If it fails, or
	// leaves a call without an answer, connecting has failed, for the reason that it
	// gives; an answer of the peer is in the text alone. It runs on a goroutine of the
	// pool, and so does Dial: a panic there is an error. The Conn is not to be kept.
	AfterConnect func(ctx context.Context, c *Conn) error

	// DialTimeout is how long it may take to connect, AfterConnect included, and how
	// long a Ping may; so long too waits a call for a Resolver that has not told any
	// address yet. The default is 5 s; negative is no limit.
	DialTimeout time.Duration

	// DialRetry is how long connecting is tried again, with growing pauses, when no
	// endpoint can be connected to. It counts from the first failure, so that calls
	// fail at once when the servers have been away for longer. The default is 1 s;
	// negative tries each endpoint once.
	DialRetry time.Duration

	// CallTimeout is how long a call may take in all, waiting for a connection and
	// making one included, unless its context ends before. For a call on a Conn it
	// is the time of that call. Zero and negative are no limit.
	CallTimeout time.Duration

	// Ping is a method without parameters that is called before a connection is
	// used that was idle for PingAfter, and before an ejected endpoint is used
	// again. Any answer will do, an error too; mprpc closes the connection when it
	// does not know the method. The default, "", pings nobody.
	Ping string

	// PingAfter is the idleness before a Ping. The default is 30 s; negative pings
	// before every use.
	PingAfter time.Duration

	// Idempotent says whether a method may run twice, by the name the program
	// calls. Such a call is made once more when its connection breaks before the
	// answer. The default is that none may.
	Idempotent func(method string) bool

	// EjectAfter is how many failures in a row, without an answer in between, take
	// an endpoint out of use: first for one second, twice as long each time, up to
	// a minute. It needs a second endpoint. The default is 3; negative ejects none.
	EjectAfter int

	// Logger gets what no caller learns: endpoints ejected and used again, and
	// errors of a Resolver. It is for the connections too, unless Codec has one.
	// nil is slog.Default().
	Logger *slog.Logger
}

const (
	leastConns         = 20
	connsPerProcessor  = 4
	defaultMaxLifetime = time.Hour
	defaultMaxIdleTime = 2 * time.Minute
	defaultDialTimeout = 5 * time.Second
	defaultDialRetry   = time.Second
	defaultPingAfter   = 30 * time.Second
	defaultEjectAfter  = 3

	// mostConns stands for no limit; puddle counts in 32 bits.
	mostConns = math.MaxInt32

	firstBackoff  = 20 * time.Millisecond // between dials that fail, doubled each time
	mostBackoff   = time.Second
	firstEjection = time.Second // doubled each time
	mostEjection  = time.Minute
)

// pick returns what an option means: its default for zero, none for negative.
func pick[T ~int | ~int64](v, byDefault, none T) T {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return none
	}
	return v
}

// settings are options with every default filled in. In a duration 0 means no
// limit.
type settings struct {
	Options
	units int // how many calls can be under way at once
	eject bool
}

func (o Options) settings() *settings {
	if (o.Address == "") == (o.Resolver == nil) {
		panic("pool: Options needs either an Address or a Resolver")
	}
	if o.Resolver == nil {
		o.Resolver = Static(o.Address)
	}
	if o.Network == "" {
		o.Network = "tcp"
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Codec.Logger == nil {
		o.Codec.Logger = o.Logger
	}
	o.MaxConns = min(pick(o.MaxConns, max(leastConns, connsPerProcessor*runtime.GOMAXPROCS(0)), mostConns), mostConns)
	o.MinIdle = pick(o.MinIdle, 0, 0)
	o.Shared = pick(o.Shared, 1, 1)
	o.MaxLifetime = pick(o.MaxLifetime, defaultMaxLifetime, 0)
	o.MaxIdleTime = pick(o.MaxIdleTime, defaultMaxIdleTime, 0)
	o.DialTimeout = pick(o.DialTimeout, defaultDialTimeout, 0)
	o.DialRetry = pick(o.DialRetry, defaultDialRetry, 0)
	o.CallTimeout = pick(o.CallTimeout, 0, 0)
	o.PingAfter = pick(o.PingAfter, defaultPingAfter, 0)
	s := &settings{Options: o, eject: o.EjectAfter >= 0, units: mostConns}
	s.EjectAfter = pick(o.EjectAfter, defaultEjectAfter, 0)
	if o.MaxConns <= mostConns/o.Shared {
		s.units = o.MaxConns * o.Shared
	}
	return s
}

// idempotent reports whether a method may run twice.
func (s *settings) idempotent(method string) bool { return s.Idempotent != nil && s.Idempotent(method) }
