package report

import (
	"bytes"
	"image/color"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"

	"github.com/go-mprpc/mprpc/benchmarks/load"
)

// Colours by what a peer is to the reader. They differ in lightness too.
var (
	limitColour  = color.RGBA{0x9a, 0x9a, 0x9a, 0xff}
	oursColour   = color.RGBA{0x1f, 0x6f, 0xb4, 0xff}
	othersColour = color.RGBA{0xf2, 0xa6, 0x5a, 0xff}
	spreadColour = color.RGBA{0x33, 0x33, 0x33, 0xff}
)

func colourOf(p Peer) color.Color {
	switch {
	case p.Name == "raw":
		return limitColour
	case strings.Contains(p.Title, "this project"):
		return oursColour
	}
	return othersColour
}

// chart draws the calls per second of a workload as bars, with the spread of the
// rounds as a line on each, and the first peer on top. Floors are not in it.
func (r *Run) chart(w load.Workload, file string) error {
	var names []string
	var cells []Cell
	var shown []Peer
	peers, _ := r.split()
	for _, p := range slices.Backward(peers) {
		if c, ok := r.Cell(p.Name, w.Name); ok {
			// The spaces leave room for a font that is wider than the one the layout is made for.
			name := p.Title + strings.Repeat(" ", 2+len(p.Title)/4)
			shown, cells, names = append(shown, p), append(cells, c), append(names, name)
		}
	}
	if len(cells) == 0 {
		return nil // a run of floors
	}
	p := plot.New()
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant = "Sans"
	}
	p.X.Padding, p.Y.Padding = 0, vg.Points(4)
	p.Title.Text = w.Title + ": calls per second, " + r.regime()
	p.Title.Padding = vg.Points(8)
	p.X.Min, p.X.Tick.Marker = 0, thousands{}
	p.Add(grid())
	for i, c := range cells {
		if err := addBar(p, i, c, colourOf(shown[i])); err != nil {
			return err
		}
	}
	p.NominalY(names...)
	p.X.Max *= 1.15 // room for the numbers behind the bars
	return save(p, vg.Points(860), vg.Points(float64(70+24*len(cells))), file)
}

// sans is the font that the layout is made for, drawn with what a reader has: Arial
// has the same widths, the others are close.
const sans = `font-family:"Liberation Sans",Arial,Helvetica,sans-serif`

// save writes the picture with sans as its font.
func save(p *plot.Plot, width, height vg.Length, file string) error {
	picture, err := p.WriterTo(width, height, "svg")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := picture.WriteTo(&b); err != nil {
		return err
	}
	text := strings.ReplaceAll(b.String(), "font-family:Liberation Sans", strings.ReplaceAll(sans, `"`, "'"))
	return os.WriteFile(file, []byte(text), 0o644)
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Horizontal.Color = nil
	g.Vertical.Color = color.Gray{0xdd}
	return g
}

func addBar(p *plot.Plot, i int, c Cell, colour color.Color) error {
	bar, err := plotter.NewBarChart(plotter.Values{c.Rate}, vg.Points(14))
	if err != nil {
		return err
	}
	bar.Horizontal, bar.XMin = true, float64(i)
	bar.Color, bar.LineStyle.Width = colour, 0
	spread, err := plotter.NewXErrorBars(struct {
		plotter.XYs
		plotter.XErrors
	}{plotter.XYs{{X: c.Rate, Y: float64(i)}}, plotter.XErrors{{Low: c.Min - c.Rate, High: c.Max - c.Rate}}})
	if err != nil {
		return err
	}
	spread.Color, spread.CapWidth = spreadColour, vg.Points(5)
	label, err := plotter.NewLabels(plotter.XYLabels{
		XYs: plotter.XYs{{X: c.Max, Y: float64(i)}}, Labels: []string{Count(c.Rate)},
	})
	if err != nil {
		return err
	}
	label.Offset.X = vg.Points(6)
	label.TextStyle[0].Font.Variant = "Sans"
	label.TextStyle[0].YAlign = text.YCenter
	p.Add(bar, spread, label)
	return nil
}

// thousands puts commas into the numbers of an axis.
type thousands struct{}

func (thousands) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Value > low+0.95*(high-low) {
			ticks[i].Label = "" // it would stick out
		} else if ticks[i].Label != "" {
			ticks[i].Label = Count(ticks[i].Value)
		}
	}
	return ticks
}
