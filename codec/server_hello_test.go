package codec_test

import (
	"net"
	"net/rpc"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/codec/codectest"
)

// hello is how a server of ours says that it takes more than one request.
const hello = "94 01 c0 c0 c0"

// forms are the two codecs that serve a connection.
var forms = map[string]func(codec.Options, net.Conn) rpc.ServerCodec{
	"server": func(o codec.Options, conn net.Conn) rpc.ServerCodec { return o.NewServerCodec(conn) },
	"duplex": func(o codec.Options, conn net.Conn) rpc.ServerCodec { s, _ := o.NewDuplex(conn); return s },
}

// serveForm serves the test's methods through one of forms.
func serveForm(t *testing.T, form string, o codec.Options, receiver any, names nameTable) *served {
	t.Helper()
	near, far := codectest.Pair(t)
	s := &served{codectest.NewPeer(t, near), new(logBook), make(chan struct{})}
	o.Names, o.Logger = names, s.log.logger()
	server := newServerOf(t, receiver)
	c := forms[form](o, far)
	go func() { defer close(s.done); server.ServeCodec(c) }()
	return s
}

func TestHelloComesAtOnceAndOnce(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			seer := newSeer()
			s := serveForm(t, form, codec.Options{}, seer, seerNames)
			s.Send("94 00 01 db 00000001'w' 90")
			s.Expect(hello) // the handler is held
			<-seer.seen
			s.Send("94 00 02 db 00000001'p' 90")
			s.Expect("94 01 02 c0 c0")
			close(seer.release)
			s.Expect("94 01 01 c0 c0")
			s.hangUp(t)
			s.log.expectEmpty(t)
		})
	}
}

func TestHelloComesWithARefusal(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			s := serveForm(t, form, codec.Options{}, new(Calc), testNames)
			s.Send("94 00 01 db 00000004'nope' 90")
			s.Expect(hello)
			s.Expect(errorReply("01", "method not found: nope"))
			s.Send("94 00 01 db 00000003'sum' 90")
			s.Expect(errorReply("01", "sum: want 2 parameters (x, y), got 0"))
		})
	}
}

// Whoever needs the widest form for its length does not ask; bytes never do.
func TestHelloOnlyAnswersThoseWhoAsk(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			s := serveForm(t, form, codec.Options{}, new(Calc), testNames)
			for _, method := range []string{"a3'sum'", "d9 03'sum'", "da 0003'sum'", "c6 00000003'sum'"} {
				s.Send("94 00 01" + method + "92 01 02")
				s.Expect("94 01 01 c0 03")
			}
			s.Send("94 00 01 db 00011170'" + strings.Repeat("n", 70_000) + "' 90")
			s.Expect(errorReply("01", "method not found: "+strings.Repeat("n", 64)+"..."))
			s.Send("94 00 01 db 0000ffff'" + strings.Repeat("n", 65_535) + "' 90")
			s.Expect(hello)
		})
	}
}
