package codec_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-mprpc/mprpc/codec"
)

func TestAPeerCannotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		_, peer := scripted(t, codec.Options{Logger: log.logger()})
		flood := func(n, records int, dropped any) {
			t.Helper()
			before := len(log.all())
			for range n {
				peer.Send("93 02 a3 'evt' 90") // each is worth a record
			}
			synctest.Wait()
			got := log.all()[before:]
			if len(got) != records {
				t.Errorf("%d records, want %d", len(got), records)
			}
			if len(got) > 0 && got[0]["dropped_records"] != dropped {
				t.Errorf("dropped_records = %v, want %v", got[0]["dropped_records"], dropped)
			}
		}
		flood(100, 10, nil)
		flood(100, 0, nil)
		time.Sleep(3 * time.Second)
		flood(100, 3, int64(190))
		time.Sleep(time.Hour)
		flood(100, 10, int64(97))
	})
}

func TestTextsOfThePeerAreQuotedAndCutInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log ledger
		_, peer := scripted(t, codec.Options{Logger: log.logger()})
		peer.Send("93 02 a4 'a' 0a ff 'b' 90" + "93 02 da 0400 '" + strings.Repeat("x", 1024) + "' 90")
		synctest.Wait()
		want := []string{`"a\n\xffb"`, strings.Repeat("x", 64) + "..."}
		for i, r := range log.all() {
			if r["method"] != want[i] || r["remote"] != "pipe" || !strings.HasPrefix(r["msg"].(string), "mprpc: ") {
				t.Errorf("record %v, want the method %s", r, want[i])
			}
		}
		if len(log.all()) != 2 {
			t.Errorf("%d records, want 2", len(log.all()))
		}
	})
}

func TestANormalEndIsSilent(t *testing.T) {
	for _, end := range []string{"EOF", "Close"} {
		synctest.Test(t, func(t *testing.T) {
			var log ledger
			client, peer := scripted(t, codec.Options{Logger: log.logger()})
			done := client.Go("f", nil, nil, nil)
			peer.answer("a3 'bad' c0") // a call that fails is its caller's matter
			<-done.Done
			if end == "EOF" {
				peer.Conn.Close()
				synctest.Wait()
			}
			client.Close()
			if len(log.all()) != 0 {
				t.Errorf("%s: log %s, want silence", end, fmt.Sprint(log.all()))
			}
		})
	}
}
