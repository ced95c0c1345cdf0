// Package pythontest lets tests ask for the real Python peers.
package pythontest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/interop/python"
)

// setupTime is generous: a cold set-up takes half a minute on a quick machine, and may wait for another process.
const setupTime = 8 * time.Minute

var setup = sync.OnceValues(func() (*python.Env, error) {
	ctx, cancel := context.WithTimeout(context.Background(), setupTime)
	defer cancel()
	return python.Setup(ctx, nil)
})

// Need returns the environment with the real peers and sets it up once per process. Where it cannot be had, the test is
// skipped with a reason that starts with "peer missing:", but fails under CI=true, so that a green run there means that
// the peers took part. Any other failure to set up fails the test everywhere.
func Need(t testing.TB) *python.Env {
	t.Helper()
	env, err := setup()
	switch {
	case err == nil:
		return env
	case errors.Is(err, python.ErrMissing) && os.Getenv("CI") != "true":
		t.Skipf("peer missing: %v", err)
	default:
		t.Fatalf("setting up the Python peers: %v", err)
	}
	return nil
}

// Server starts server.py and ends it with the test; its standard error is shown if the test fails.
func Server(t testing.TB, options python.ServerOptions) *python.Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := Need(t).Server(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	Cleanup(t, "server.py", server)
	return server
}

// Client starts client.py for the server at addr and ends it with the test; its standard error is shown if the test
// fails.
func Client(t testing.TB, addr string, config python.ClientConfig) *python.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := Need(t).Client(ctx, addr, config)
	if err != nil {
		t.Fatal(err)
	}
	Cleanup(t, "client.py", client.Process())
	return client
}

// Cleanup kills the process when the test ends and shows its standard error if the test failed.
func Cleanup(t testing.TB, name string, process *python.Process) {
	t.Cleanup(func() {
		if err := process.Kill(); err != nil {
			t.Error(err)
		}
		if text := process.Stderr(); t.Failed() && text != "" {
			t.Logf("standard error of %s:\n%s", name, text)
		}
	})
}
