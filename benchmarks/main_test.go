package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/run"
)

func TestMain(m *testing.M) {
	run.Child()
	os.Exit(m.Run())
}

// TestCommand goes the whole way once, from the options to the files.
func TestCommand(t *testing.T) {
	out := t.TempDir()
	o := options{peers: "gob,raw", workloads: "serial", rounds: 2, duration: 30 * time.Millisecond, out: out}
	if err := start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, "asleep.md"))
	if err != nil || !strings.Contains(string(text), "| net/rpc (gob) |") {
		t.Errorf("%v, report:\n%s", err, text)
	}
}

// TestCommandWithFloorsOnly has no bars for a chart.
func TestCommandWithFloorsOnly(t *testing.T) {
	o := options{peers: "floor-netrpc", workloads: "serial", rounds: 1, duration: 30 * time.Millisecond, out: t.TempDir()}
	if err := start(t.Context(), o); err != nil {
		t.Error(err)
	}
}

func TestHonesty(t *testing.T) {
	o := options{peers: "gob", rounds: 1, duration: 30 * time.Millisecond, honesty: true}
	if err := start(t.Context(), o); err != nil {
		t.Error(err)
	}
}

func TestUnknownNames(t *testing.T) {
	for _, o := range []options{{peers: "nope"}, {workloads: "nope"}} {
		if err := start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "nope") {
			t.Errorf("%+v: error is %v", o, err)
		}
	}
}
