package interop_test

import (
	"os"
	"testing"

	"github.com/go-mprpc/mprpc/codec/codectest"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childVariable); mode != "" {
		runChild(mode)
	}
	codectest.Main(m)
}
