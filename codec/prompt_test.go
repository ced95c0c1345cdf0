package codec_test

import (
	"io"
	"log/slog"
	"net"
	"net/rpc"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// What the system takes at once is written without a deadline. The rest of it, and what
// it does not take at all, has WriteTimeout: on real sockets, on which alone that is so.
func TestWriteTimeoutOnASocket(t *testing.T) {
	const timeout = 20 * time.Millisecond
	quiet := slog.New(slog.DiscardHandler)
	o := codec.Options{WriteTimeout: timeout, Logger: quiet, Pipeline: codec.Always}
	long := strings.Repeat("x", 8<<20)
	for name, write := range map[string]func(net.Conn) error{
		"a long request": func(near net.Conn) error {
			client := o.NewClient(near)
			defer client.Close()
			return client.Call("sum", long, nil)
		},
		"many short ones": func(near net.Conn) error {
			client := o.NewClient(near)
			defer client.Close()
			for {
				call := client.Go("sum", long[:1000], nil, make(chan *rpc.Call, 1))
				select {
				case <-call.Done:
					return call.Error
				default:
				}
			}
		},
		"a long request of a SerialConn": func(near net.Conn) error {
			c := o.NewSerialConn(near)
			defer c.Close()
			_, err := c.Call("sum", long, nil)
			return err
		},
		"many short notifications of a SerialConn": func(near net.Conn) error {
			c := o.NewSerialConn(near)
			defer c.Close()
			for {
				if err := c.Notify("sum", long[:1000]); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			near, _ := codectest.Pair(t)
			if err := write(near); err == nil || !strings.Contains(err.Error(), "does not read") {
				t.Error(err)
			}
		})
	}
	t.Run("a long answer", func(t *testing.T) {
		s := serveTCP(t, codec.Options{WriteTimeout: timeout})
		s.Conn.SetDeadline(time.Time{})
		go io.WriteString(s.Conn, "\x94\x00\x01\xa4echo\x91\xdb\x00\x80\x00\x00"+long)
		s.wait(t)
		s.log.expect(t, "does not read")
	})
}

// The deadline of a write that had to wait is not that of later ones.
func TestWriteAfterOneThatHadToWait(t *testing.T) {
	const timeout = 100 * time.Millisecond
	near, far := codectest.Pair(t)
	c := codec.Options{WriteTimeout: timeout}.NewSerialConn(near)
	defer c.Close()
	go io.Copy(io.Discard, far)
	for range 2 {
		if err := c.Notify("log", strings.Repeat("x", 15<<20)); err != nil {
			t.Fatal(err)
		}
		c.Flush()
		<-time.After(2 * timeout)
		if err := c.Notify("log", "x"); err != nil {
			t.Error(err)
		}
	}
}
