package codec

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// A journal is the log of one connection. A peer must not be able to fill the
// log, so a connection has a burst of records and one a second after that.
type journal struct {
	logger *slog.Logger
	remote net.Addr

	mu sync.Mutex
	// Protected by mu:
	credit  int       // records that may be written now
	since   time.Time // when credit was last added
	dropped int       // records not written since the last one that was
}

const journalBurst = 10

func newJournal(logger *slog.Logger, remote net.Addr) *journal {
	return &journal{logger: logger, remote: remote, credit: journalBurst, since: time.Now()}
}

// panicked logs the panic that err reports, if it does report one.
func (j *journal) panicked(method string, err error) bool {
	var p *value.PanicError
	if !errors.As(err, &p) {
		return false
	}
	j.warn("panic while encoding or decoding", "method", wire.QuoteName(method), "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	return true
}

// ended logs why a half of a connection ended, with what it ignored.
func (j *journal) ended(half string, reason error, ignored int) {
	args := []any{"reason", reason.Error()}
	if ignored > 0 {
		args = append(args, "ignored_responses", ignored)
	}
	j.warn(half+" connection ended", args...)
}

func (j *journal) warn(msg string, args ...any) {
	j.mu.Lock()
	if n := int(time.Since(j.since) / time.Second); n > 0 {
		j.credit = min(journalBurst, j.credit+n)
		j.since = time.Now()
	}
	if j.credit == 0 {
		j.dropped++
		j.mu.Unlock()
		return
	}
	j.credit--
	dropped := j.dropped
	j.dropped = 0
	j.mu.Unlock()
	if j.remote != nil {
		args = append(args, "remote", j.remote.String())
	}
	if dropped > 0 {
		args = append(args, "dropped_records", dropped)
	}
	j.logger.Warn("mprpc: "+msg, args...)
}
