package report

import (
	"fmt"
	"slices"
	"strings"
)

// What the README at the top shows of a run: those that a reader may choose between,
// in the workloads that tell them apart.
var (
	summaryPeers = []string{
		"drop-in", "rpcutil", "pool", "pool-shared", "grpc", "mprpc", "mprpc-pool",
	}
	summaryWorkloads = []string{"serial", "64x1", "64x20", "echo64k"}
)

// Summary is a table of calls per second in multiples of gob's.
func (r *Run) Summary() string {
	var b strings.Builder
	b.WriteString("| calls/s, net/rpc (gob) = 1 |")
	for _, name := range summaryWorkloads {
		fmt.Fprintf(&b, " `%s` |", name)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(summaryWorkloads)) + "\n")
	for _, name := range summaryPeers {
		i := slices.IndexFunc(r.Peers, func(p Peer) bool { return p.Name == name })
		if i < 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s |", r.Peers[i].Title)
		for _, w := range summaryWorkloads {
			c, ok := r.Cell(name, w)
			gob, hasGob := r.Cell("gob", w)
			if ok && hasGob {
				fmt.Fprintf(&b, " %.2g |", c.Rate/gob.Rate)
			} else {
				b.WriteString(" - |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
