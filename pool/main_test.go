package pool_test

import (
	"testing"

	"github.com/go-mprpc/mprpc/codec/codectest"
)

func TestMain(m *testing.M) { codectest.Main(m) }
