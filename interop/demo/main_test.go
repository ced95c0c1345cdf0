package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
)

func TestRunShowsBothDirectionsAndThePool(t *testing.T) {
	env := pythontest.Need(t)
	var out bytes.Buffer
	status := run(t.Context(), &out, true, rpc.NewServer(), func(_ context.Context, progress func(string)) (*python.Env, error) {
		progress("already there")
		return env, nil
	})
	if status != 0 || strings.Contains(out.String(), "WRONG") {
		t.Errorf("status %d\n%s", status, &out)
	}
	for _, want := range []string{"call('sum', 1, 2)", `Call("SumServer.Sum", SumArgs{1, 2})`, "0s already there", `pool.Call[int](ctx, p, "sum", 1, 2)`,
		"640 right, 20 connections at the server", "640 right, 21 to 22 callers at each of 3", "27 steps right, 0 wrong, 0 left out"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestReportDecidesTheStatus(t *testing.T) {
	missing := fmt.Errorf("%w: no python3", python.ErrMissing)
	for _, test := range []struct {
		name  string
		steps func(*report)
		ci    bool
		want  int
	}{
		{"all right", func(r *report) { r.step("c", "1", "1") }, true, 0},
		{"beginning right", func(r *report) { r.step("c", "closed by peer", "closed*") }, true, 0},
		{"one wrong", func(r *report) { r.step("c", "1", "1"); r.step("c", "1", "2") }, false, 1},
		{"nothing done", func(r *report) {}, false, 1},
		{"left out", func(r *report) { r.step("c", "1", "1"); r.leaveOut("Python", missing) }, false, 0},
		{"left out under CI", func(r *report) { r.step("c", "1", "1"); r.leaveOut("Python", missing) }, true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			r := &report{out: &out}
			test.steps(r)
			if got := r.close(test.ci); got != test.want {
				t.Errorf("status %d, want %d\n%s", got, test.want, &out)
			}
			if len(r.left) > 0 && strings.Count(out.String(), missing.Error()) != 2 {
				t.Errorf("what is left out is not told, and again at the end:\n%s", &out)
			}
		})
	}
	if !errors.Is(missing, python.ErrMissing) {
		t.Error("not an ErrMissing")
	}
}
