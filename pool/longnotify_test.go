//go:build unix

package pool_test

import (
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/pool"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// A long notification that is still being written goes before the call behind it.
func TestALongNotificationUnderWay(t *testing.T) {
	client, server := codectest.Pair(t)
	dial, count := dialling(t, client)
	p := newPool(t, pool.Options{Address: "x", Dial: dial, MaxConns: 1, CallTimeout: limit})
	const size = 15 << 20 // more than the system takes before anybody reads
	if err := p.Notify(ctx, "keep", make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Call(ctx, "size", []byte{}, nil) }()
	eventually(t, "the call has its connection", func() bool { return p.Stats().InUse == 1 })
	got := make(chan int, 1)
	var m rpcutil.Mux
	m.Handle("keep", func(b []byte) { got <- len(b) })
	m.Handle("size", func(b []byte) {})
	go m.ServeCodec(codec.Options{Logger: quiet}.NewServerCodec(server))
	if n := receive(t, got, "the notification"); n != size {
		t.Errorf("%d bytes have arrived", n)
	}
	if err := receive(t, done, "the answer"); err != nil || count.Load() != 1 {
		t.Error(err, count.Load())
	}
}

// One that cannot leave costs the connection, and no call: that is made on another.
func TestALongNotificationThatCannotLeave(t *testing.T) {
	client, _ := codectest.Pair(t)
	dial, count := dialling(t, client)
	o := codec.Options{WriteTimeout: 20 * time.Millisecond, Logger: quiet}
	p := newPool(t, pool.Options{Address: "x", Dial: dial, MaxConns: 1, Codec: o})
	if err := p.Notify(ctx, "keep", make([]byte, 15<<20)); err != nil {
		t.Fatal(err)
	}
	if n, err := pool.Call[int](ctx, p, "size", []byte{1}); err != nil || n != 1 || count.Load() != 2 {
		t.Error(n, err, count.Load())
	}
}

// Notifications, long ones too, arrive before the calls behind them.
func TestALongNotificationBeforeACall(t *testing.T) {
	client, server := codectest.Pair(t)
	got := make(chan int, 100)
	var m rpcutil.Mux
	m.Handle("size", func(b []byte) int { return len(b) })
	m.Handle("keep", func(b []byte) { got <- len(b) })
	go m.ServeCodec(codec.Options{Logger: quiet}.NewServerCodec(server))
	p := newPool(t, pool.Options{Address: "x", Dial: only(client), MaxConns: 1, CallTimeout: limit})
	for range 20 {
		for _, size := range []int{10, 20 << 10, 1 << 20} {
			if err := p.Notify(ctx, "keep", make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			if n, err := pool.Call[int](ctx, p, "size", make([]byte, size)); err != nil || n != size {
				t.Fatal(n, err)
			}
			if n := receive(t, got, "the notification"); n != size {
				t.Errorf("%d bytes have arrived of %d", n, size)
			}
		}
	}
}
