package peers

import (
	"net"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// mux is drop-in with typed functions instead of a net/rpc service, so that the
// two show what the Mux costs.
func mux() Peer {
	return Peer{
		Name:  "mux",
		Title: "this project, Mux (rpc.Client, Mux.ServeCodec)",
		Server: Server{Go: func(l net.Listener) error {
			m := typedFunctions()
			return serveEach(l, func(conn net.Conn) { m.ServeCodec(codec.NewServerCodec(conn)) })
		}},
		Client: Client{Go: dialDropIn},
	}
}

// typedFunctions is load.Bench as functions of a Mux.
func typedFunctions() *rpcutil.Mux {
	m := new(rpcutil.Mux)
	items, rows := load.SampleItems(1000), load.SampleRows(1000)
	m.Handle("sum", func(x, y int) int { return x + y })
	m.Handle("echo", func(b []byte) []byte { return b })
	m.Handle("record", func(r load.Record) load.Record { return r })
	m.Handle("row", func(r load.Row) load.Row { return r })
	m.Handle("list", func(n int) []load.Item { return items[:n] })
	m.Handle("rows", func(n int) []load.Row { return rows[:n] })
	m.Handle("slow", func(n int) int { time.Sleep(load.SlowTime); return n })
	return m
}
