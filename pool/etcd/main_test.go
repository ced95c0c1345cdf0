package etcd_test

import (
	"os"
	"testing"

	"github.com/go-mprpc/mprpc/codec/codectest"
)

func TestMain(m *testing.M) {
	if endpoint := os.Getenv(childVariable); endpoint != "" {
		runServer(endpoint)
	}
	codectest.Main(m)
}
