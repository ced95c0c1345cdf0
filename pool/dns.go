package pool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// DNS makes Resolvers that look names up, again and again, and at once when an
// endpoint cannot be connected to (not more than once a second). The zero value
// is ready for use.
//
// While the look-up fails, the endpoints known last stay in use.
type DNS struct {
	// Interval is the time between look-ups. The default is 30 s, and so is what a
	// negative value means: names do change.
	Interval time.Duration
	// Lookup is who is asked. The default is net.DefaultResolver.
	Lookup interface {
		LookupHost(ctx context.Context, host string) ([]string, error)
		LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	}
}

const defaultInterval = 30 * time.Second

// Host makes every address of a host, by its A and AAAA records, an endpoint.
// The address is "host:port".
func (d DNS) Host(address string) Resolver {
	host, port, err := net.SplitHostPort(address)
	d = d.withDefaults()
	return d.watch(func(ctx context.Context) ([]string, error) {
		if err != nil {
			return nil, err
		}
		hosts, err := d.Lookup.LookupHost(ctx, host)
		list := make([]string, len(hosts))
		for i, h := range hosts {
			list[i] = net.JoinHostPort(h, port)
		}
		return list, err
	})
}

// SRV makes the targets of SRV records endpoints, those of the first priority
// alone: the others are for when the first are down, which a pool that spreads
// its load does not wait for. Weights do not count. As with net.LookupSRV the
// name may stand alone, with service and proto empty.
func (d DNS) SRV(service, proto, name string) Resolver {
	d = d.withDefaults()
	return d.watch(func(ctx context.Context) ([]string, error) {
		_, records, err := d.Lookup.LookupSRV(ctx, service, proto, name)
		var list []string
		for _, r := range records { // sorted by priority
			if r.Priority == records[0].Priority && r.Target != "." { // which says that there is no such service
				list = append(list, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
			}
		}
		return list, err
	})
}

func (d DNS) withDefaults() DNS {
	d.Interval = pick(d.Interval, defaultInterval, defaultInterval)
	if d.Lookup == nil {
		d.Lookup = net.DefaultResolver
	}
	return d
}

// watch looks up for as long as that works; the pool calls again when it does not.
func (d DNS) watch(lookup func(context.Context) ([]string, error)) Resolver {
	return func(ctx context.Context, update func([]string)) error {
		nudge, _ := ctx.Value(nudgeKey{}).(chan struct{})
		for {
			list, err := lookup(ctx)
			if len(list) == 0 {
				if err == nil {
					err = errors.New("no addresses")
				}
				return fmt.Errorf("looking up endpoints: %w", err)
			}
			// net's resolver can return records together with an error about others.
			update(list)
			if err := pauseUnlessNudged(ctx, d.Interval, nudge); err != nil {
				return err
			}
		}
	}
}
