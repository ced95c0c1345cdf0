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
	if address := os.Getenv(serverVariable); address != "" {
		runServer(address)
	}
	codectest.Main(m)
}
