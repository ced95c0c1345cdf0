package scale_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/pool"
)

// dialers connect at once; more would only wait for the server to accept.
const dialers = 16

// runClient makes idle connections, each of which has carried a call, and says
// what it takes before and after. Then it makes calls over them, for as long as a
// line says, and says how that went. It ends with its standard input.
func runClient() {
	c := childConfig()
	before := usage()
	var p *pool.Pool
	if c.Raw {
		keep(rawConns(c))
	} else {
		p = poolOf(c)
	}
	say([]Usage{before, usage()})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		d, err := time.ParseDuration(lines.Text())
		if err != nil {
			die(err)
		}
		say(measure(p, "sum", codec.Args{1, 2}, 8, d))
	}
	os.Exit(0)
}

func keep(conns []net.Conn) { kept = conns }

var kept []net.Conn

func rawConns(c config) (conns []net.Conn) {
	for range c.Conns {
		conn, err := net.Dial("tcp", c.Addr)
		if err != nil {
			die(err)
		}
		conns = append(conns, conn)
		request := append([]byte{0x94, 0, 1, 0xa3}, "sum\x92\x01\x02"...)
		if _, err := conn.Write(request); err != nil {
			die(err)
		}
		if _, err := conn.Read(make([]byte, 100)); err != nil {
			die(err)
		}
	}
	return conns
}

func poolOf(c config) *pool.Pool {
	p := pool.New(pool.Options{Address: c.Addr, MaxConns: c.Conns, MaxIdleTime: -1, Logger: quiet})
	conns := make(chan *pool.Conn, c.Conns)
	places := make(chan bool, c.Conns)
	for range c.Conns {
		places <- true
	}
	close(places)
	var all sync.WaitGroup
	for range dialers {
		all.Go(func() {
			for range places {
				conn, err := p.Acquire(context.Background())
				if err == nil {
					err = conn.Call(context.Background(), "sum", codec.Args{1, 2}, nil)
				}
				if err != nil {
					die(err)
				}
				conns <- conn
			}
		})
	}
	all.Wait()
	close(conns)
	for conn := range conns {
		conn.Release()
	}
	return p
}

// A Rate is how calls went.
type Rate struct {
	Calls  int
	Errors int
	Error  string // the first one
	Second float64
	Median time.Duration
	P99    time.Duration
}

func (r Rate) String() string {
	return fmt.Sprintf("%.0f calls/s, median %s, 99th percentile %s",
		r.Second, r.Median.Round(time.Microsecond), r.P99.Round(time.Microsecond))
}

// measure makes calls from so many callers for d.
func measure(p *pool.Pool, method string, args any, callers int, d time.Duration) (r Rate) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	begun := time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	var times []time.Duration
	for range callers {
		all.Go(func() {
			var mine []time.Duration
			for at := begun; at.Sub(begun) < d; {
				err := p.Call(ctx, method, args, nil)
				now := time.Now()
				mine = append(mine, now.Sub(at))
				at = now
				if err != nil {
					mu.Lock()
					r.Errors++
					r.Error = err.Error()
					mu.Unlock()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
		})
	}
	all.Wait()
	slices.Sort(times)
	r.Calls, r.Second = len(times), float64(len(times))/time.Since(begun).Seconds()
	r.Median, r.P99 = times[len(times)/2], times[len(times)*99/100]
	return r
}
