package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A report prints each step with what was called and what came back, and counts
// those that were not as expected.
type report struct {
	out   io.Writer
	right int
	wrong int
	left  []string // what was left out, and why
}

func (r *report) heading(text string) { fmt.Fprintf(r.out, "\n%s\n", text) }

// step compares what a call brought with what it should bring; a want that ends
// in an asterisk is a beginning.
func (r *report) step(call, got, want string) {
	mark := "ok  "
	begin, open := strings.CutSuffix(want, "*")
	if got == want || open && strings.HasPrefix(got, begin) {
		r.right++
	} else {
		mark = "WRONG"
		r.wrong++
	}
	fmt.Fprintf(r.out, "  %s %-52s -> %s\n", mark, call, got)
	if mark == "WRONG" {
		fmt.Fprintf(r.out, "       %-52s    want %s\n", "", want)
	}
}

// leaveOut says what is not shown and why.
func (r *report) leaveOut(what string, why error) {
	text := fmt.Sprintf("%s: %v", what, why)
	r.left = append(r.left, text)
	fmt.Fprintf(r.out, "  left out: %s\n", text)
}

// progress returns a function that shows the steps of a longer job.
func (r *report) progress() func(string) {
	start := time.Now()
	return func(step string) {
		fmt.Fprintf(r.out, "  %3.0fs %s\n", time.Since(start).Seconds(), step)
	}
}

// close prints the summary and returns the exit status. Under CI something left
// out is a failure.
func (r *report) close(ci bool) int {
	fmt.Fprintf(r.out, "\n%d steps right, %d wrong, %d left out\n", r.right, r.wrong, len(r.left))
	for _, text := range r.left {
		fmt.Fprintf(r.out, "left out: %s\n", text)
	}
	if r.wrong > 0 || r.right == 0 || ci && len(r.left) > 0 {
		return 1
	}
	return 0
}
