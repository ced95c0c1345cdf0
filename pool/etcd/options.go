package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/go-mprpc/mprpc/pool"
)

// Options says how servers are kept in etcd. Zero in any field is the good
// default that its comment names; servers and callers need the same Prefix.
type Options struct {
	// Prefix stands before the name of the service in each key. The default is
	// "/mprpc/".
	Prefix string

	// TTL is how long a server that has died is listed, and how long one that
	// vanished from etcd unannounced is still used. It is rounded up to seconds;
	// etcd may grant more. The default, and what negative means, is 10 s.
	TTL time.Duration

	// Resync is how often a Resolver reads the complete list though it is told of
	// changes; up to a quarter less at random, so that callers do not all read at
	// once. The default, and what negative means, is 30 s.
	Resync time.Duration

	// Logger gets what no caller learns: etcd out of reach, leases that were lost.
	// nil is slog.Default().
	Logger *slog.Logger
}

const (
	defaultPrefix = "/mprpc/"
	defaultTTL    = 10 * time.Second
	defaultResync = 30 * time.Second

	// attempt is how long one exchange with etcd may take.
	attempt = 5 * time.Second

	firstPause = 50 * time.Millisecond // between attempts that fail, doubled each time
	mostPause  = time.Second
)

// Register is Options.Register with the default options.
func Register(ctx context.Context, client *clientv3.Client, service, address string) (*Registration, error) {
	return Options{}.Register(ctx, client, service, address)
}

// Resolver is Options.Resolver with the default options.
func Resolver(client *clientv3.Client, service string) pool.Resolver {
	return Options{}.Resolver(client, service)
}

// withDefaults fills in the defaults.
func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	if o.TTL <= 0 {
		o.TTL = defaultTTL
	}
	if o.Resync <= 0 {
		o.Resync = defaultResync
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// folder is what the keys of a service begin with. No service can be within
// another, or its servers would be taken for those of the other.
func (o Options) folder(service string) string {
	if service == "" || strings.Contains(service, "/") {
		panic(fmt.Sprintf("etcd: the name of a service is not empty and has no slash, which %q does not obey", service))
	}
	return o.Prefix + service + "/"
}

// checkAddress refuses what nobody else can connect to, such as the address of a
// listener on all interfaces.
func checkAddress(address string) error {
	if address == "" {
		return errors.New("etcd: the address is empty")
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil // it is for a Dial function that knows what it is
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("etcd: %s names no host that others could connect to", address)
	}
	return nil
}

// pause waits between attempts that fail, longer each time and for a random half
// of it, unless ctx ends. Then the client is to connect at once, though it has
// failed before: by itself it would wait for up to two minutes.
func pause(ctx context.Context, client *clientv3.Client, failures int) {
	d := min(firstPause<<min(failures, 10), mostPause)
	t := time.NewTimer(d/2 + rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-t.C:
		client.ActiveConnection().ResetConnectBackoff()
	case <-ctx.Done():
	}
}
