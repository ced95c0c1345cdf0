package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// Markdown is the report.
func (r *Run) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmark, %s regime\n\n", r.regime())
	r.conditions(&b)
	b.WriteString("\n## Calls per second\n\nMedians of the rounds. A dash means that there is none, see the end.\n\n")
	users, floors := r.split()
	r.overview(&b, users)
	if len(floors) > 0 {
		b.WriteString("\nFloors: not peers but bounds, see the goals.\n\n")
		r.overview(&b, floors)
	}
	b.WriteString("\n## In short\n\n")
	b.WriteString(r.Summary())
	b.WriteString("\n## Goals\n\n")
	r.goals(&b)
	for _, w := range r.Workloads {
		fmt.Fprintf(&b, "\n## %s: %s\n", w.Name, w.Title)
		measured := func(p Peer) bool { _, ok := r.Cell(p.Name, w.Name); return ok }
		if slices.ContainsFunc(users, measured) {
			fmt.Fprintf(&b, "\n![calls per second](%s-%s.svg)\n\n", r.regime(), w.Name)
			r.details(&b, w, users)
		}
		if slices.ContainsFunc(floors, measured) {
			b.WriteString("\nFloors:\n\n")
			r.details(&b, w, floors)
		}
	}
	r.leftOut(&b)
	return b.String()
}

func (r *Run) conditions(b *strings.Builder) {
	regime := "The machine was left to itself: an idle core goes to sleep, and each message wakes it."
	if r.Awake {
		regime = "One process of idle priority (SCHED_IDLE) spun for each core, so no core went to sleep."
		if r.Bound {
			regime = "One process of idle priority (SCHED_IDLE) spun on each core, bound to it, so no core went to sleep."
		}
	}
	fmt.Fprintf(b, "%s %d rounds, each workload in turn and its peers in an order of chance (seed %d), %v measured after %v of warm-up, "+
		"client and server in processes of their own on the loopback interface.\n\n", regime, r.Rounds, r.Seed, r.Window, r.Warm)
	fmt.Fprintf(b, "- %s, %d cores, %s, %s\n", r.Machine.CPU, r.Machine.Cores, r.Machine.System, r.Machine.Go)
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(b, "- %s %s\n", name, r.Versions[name])
	}
	fmt.Fprintf(b, "- %s, `%s`\n", r.When.UTC().Format("2006-01-02 15:04 MST"), r.Command)
}

func (r *Run) overview(b *strings.Builder, peers []Peer) {
	b.WriteString("| peer |")
	for _, w := range r.Workloads {
		fmt.Fprintf(b, " %s |", w.Name)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(r.Workloads)) + "\n")
	for _, p := range peers {
		fmt.Fprintf(b, "| %s |", p.Title)
		for _, w := range r.Workloads {
			if c, ok := r.Cell(p.Name, w.Name); ok {
				fmt.Fprintf(b, " %s |", Count(c.Rate))
			} else {
				b.WriteString(" - |")
			}
		}
		b.WriteString("\n")
	}
}

func (r *Run) goals(b *strings.Builder) {
	b.WriteString("The quartiles are those of the ratio within each round. The last two columns are bounds for the peer of the row, see README.md: " +
		"where its structure does not meet the goal, nothing with that structure can; where it does, but not with messages of package wire, " +
		"these take too much.\n\n" +
		"| peer | workload | what | is | quartiles | must be | reach for | verdict | structure | with package wire |\n" +
		"| --- | --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n")
	for _, g := range Goals() {
		o := r.judge(g, allRounds)
		limit, reach := "at least", ""
		if g.What.atMost() {
			limit = "at most"
		}
		if g.Reach != 0 {
			reach = fmt.Sprintf("%.2f", g.Reach)
		}
		structure, wire := r.floors(g)
		fmt.Fprintf(b, "| %s | %s | %v | %s | %s | %s %.2f%s | %s | %s | %s | %s |\n",
			g.Peer, g.Workload, g.What, o.is(), r.quartiles(g), limit, g.Bound, g.unit(), reach, o.Verdict(), structure.bound(), wire.bound())
	}
}

// details is the table of a workload.
func (r *Run) details(b *strings.Builder, w load.Workload, peers []Peer) {
	idle := w.Conns > w.Callers
	b.WriteString("| peer | calls/s | spread | x gob | p50 | p99 | CPU s per 1,000 calls: client | server |")
	if idle {
		b.WriteString(" KiB per connection, resident | Go heap and stacks |")
	}
	b.WriteString("\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	if idle {
		b.WriteString(" ---: | ---: |")
	}
	b.WriteString("\n")
	gob, hasGob := r.Cell("gob", w.Name)
	for _, p := range peers {
		c, ok := r.Cell(p.Name, w.Name)
		if !ok {
			continue
		}
		ratio := "-"
		if hasGob {
			ratio = fmt.Sprintf("%.2f", c.Rate/gob.Rate)
		}
		fmt.Fprintf(b, "| %s | %s | %.0f %% | %s | %s | %s | %s | %s |", p.Title, Count(c.Rate), 100*(c.Max-c.Min)/c.Rate,
			ratio, latency(c.P50), latency(c.P99), cpuSeconds(c.Client), cpuSeconds(c.Server))
		if idle {
			fmt.Fprintf(b, " %.1f | %s |", c.RSS/1024, kib(c.Go))
		}
		b.WriteString("\n")
	}
}

func (r *Run) leftOut(b *strings.Builder) {
	if len(r.LeftOut) == 0 {
		return
	}
	b.WriteString("\n## Left out\n\n")
	for _, l := range r.LeftOut {
		workload := l.Workload
		if workload == "" {
			workload = "all"
		}
		fmt.Fprintf(b, "- %s, %s: %s\n", l.Peer, workload, l.Reason)
	}
}

// Count writes a rate with three digits, as more would mean nothing, and commas.
func Count(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.3g", v)
	}
	n := int(v + 0.5)
	unit := 1
	for n/unit >= 1000 {
		unit *= 10
	}
	text := fmt.Sprint((n + unit/2) / unit * unit)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func latency(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", seconds*1e6)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", seconds*1e6)
	}
	return fmt.Sprintf("%.1f ms", seconds*1e3)
}

func cpuSeconds(v float64) string {
	if v < 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", v)
}

func kib(bytes float64) string {
	if bytes <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", bytes/1024)
}
