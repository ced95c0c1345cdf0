package codec

import (
	"log/slog"
	"net"
	"sync"
	"time"
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
