package interop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// What docs/values.md shows stands here; TestDocsAreCompiled compares.

type Booking struct {
	Guest  string    `msgpack:"guest"`
	Nights int       `msgpack:"nights"`
	Note   string    `msgpack:"note,omitempty"`
	From   time.Time `msgpack:"from"`
}

func handleBookings(mux *rpcutil.Mux) {
	mux.Handle("book", func(b Booking) Booking { b.Nights++; return b })
}

// The call of the page brings what the page says, to a real mprpc client.
func TestValuesPageIsTrue(t *testing.T) {
	page := read(t, "docs/values.md")
	_, shown, _ := strings.Cut(page, "```python\n")
	call, rest, _ := strings.Cut(shown, "\n# ")
	want, _, _ := strings.Cut(rest, "\n```")

	pythontest.Need(t)
	var mux rpcutil.Mux
	handleBookings(&mux)
	addr := serveMux(t, &mux, byServer, codec.Options{})
	client := pythontest.Client(t, addr, python.ClientConfig{})
	got, err := client.Eval(call)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := client.Eval(want)
	if err != nil || !wanted.OK {
		t.Fatal(wanted, err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", call, diff)
	}
}

// Each row of the page's table is tested, and what is tested is on the page.
func TestValuesPageHasTheDisagreements(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/values.md"), "## Where the two differ on purpose")
	_, table, _ = strings.Cut(table, "\n| --- | --- | --- |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var rows, want []string
	for row := range strings.SplitSeq(table, "\n") {
		rows = append(rows, strings.TrimSpace(strings.Split(row, "|")[1]))
	}
	for _, d := range disagreements {
		want = append(want, d.about)
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows of docs/values.md (-tested +shown):\n%s", diff)
	}
}
