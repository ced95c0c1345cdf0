package codec_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

func TestNotificationRunsItsMethodAndIsNotAnswered(t *testing.T) {
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			seer := newSeer()
			s := serveForm(t, form, codec.Options{}, seer, seerNames)
			s.Send("93 02 a1'p' 91 01")
			if r := <-seer.seen; !r.Notification || r.Params.Len() != 1 {
				t.Errorf("%+v", r)
			}
			s.Send("94 00 01 a1'p' 90")
			s.Expect("94 01 01 c0 c0")
			s.hangUp(t)
			s.log.expectEmpty(t)
		})
	}
}

func TestNotificationThatFailsIsLogged(t *testing.T) {
	for message, log := range map[string]string{
		"93 02 a4'nope' 90":            `method=nope error="method not found: nope"`,
		"93 02 a4'fail' 91 a4'boom'":   `method=fail error=boom`,
		"93 02 a3'sum' 90":             `error="sum: want 2 parameters (x, y), got 0"`,
		"93 02 a3'sum' 05":             `error="sum: params is an integer, not a list"`,
		"93 02 05 90":                  `error="method is an integer, not text"`,
		"94 02 a3'sum' 90 c0":          `error="message has 4 elements, want 3"`,
		"93 02 a4'fail' 91 c4 02 0a1b": `error="\"\\n\\x1b\""`, // a log must not be written by the peer
	} {
		s := servePipe(t, codec.Options{})
		s.Send(message)
		s.goesOn(t)
		s.hangUp(t)
		s.log.expect(t, `msg="mprpc: notification failed"`, log)
	}
}

// A peer cannot fill the log.
func TestLogOfAConnectionIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipe(t, codec.Options{})
		s.Conn.SetDeadline(time.Time{})
		send := func() {
			s.Send(strings.Repeat("93 02 a4'nope' 90", 100))
			s.goesOn(t)
			synctest.Wait()
		}
		send()
		if n := strings.Count(s.log.String(), "\n"); n != 10 {
			t.Errorf("%d records at once, want 10", n)
		}
		time.Sleep(3 * time.Second)
		send()
		if n := strings.Count(s.log.String(), "\n"); n != 13 {
			t.Errorf("%d records after 3 s, want 13", n)
		}
		s.log.expect(t, "dropped_records=90")
		time.Sleep(time.Hour)
		send()
		if n := strings.Count(s.log.String(), "\n"); n != 23 {
			t.Errorf("%d records after an hour, want 23", n)
		}
		s.hangUp(t)
	})
}
