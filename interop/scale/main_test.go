package scale_test

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec/codectest"
)

// limit bounds what must not take long at all.
const limit = time.Minute

var (
	full  = os.Getenv("MPRPC_SCALE") == "full"
	quiet = slog.New(slog.DiscardHandler)
)

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "server":
		runServer()
	case "client":
		runClient()
	}
	codectest.Main(m)
}

// sized returns the value for a run of this size.
func sized[T any](quick, thorough T) T {
	if full {
		return thorough
	}
	return quick
}

func skipShort(t *testing.T) {
	if testing.Short() {
		t.Skip("a simulation, left out with -short")
	}
}
