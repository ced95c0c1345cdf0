package load

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// A Row is a struct as people have them: besides numbers and texts it has a list, times,
// a field that may be missing, an embedded struct and a map of any values.
type Row struct {
	ID      int64      `msgpack:"id" json:"id" codec:"id"`
	Name    string     `msgpack:"name" json:"name" codec:"name"`
	Tags    []string   `msgpack:"tags" json:"tags" codec:"tags"`
	Price   float64    `msgpack:"price" json:"price" codec:"price"`
	Created time.Time  `msgpack:"created" json:"created" codec:"created"`
	Updated *time.Time `msgpack:"updated,omitempty" json:"updated,omitempty" codec:"updated,omitempty"`
	Audit
	Attrs map[string]any `msgpack:"attrs" json:"attrs" codec:"attrs"`
}

// An Audit is the struct that a Row embeds. All but gob and the generated code send its
// fields as fields of the Row.
type Audit struct {
	Owner    string `msgpack:"owner" json:"owner" codec:"owner"`
	Revision int    `msgpack:"revision" json:"revision" codec:"revision"`
}

// SampleRows is what Rows returns. The Python scripts have the same values. The attrs hold
// basic types only, which gob knows without gob.Register.
func SampleRows(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = newRow(i)
	}
	return rows
}

// SampleRow is the Row that clients send. It is one with all fields.
func SampleRow() Row { return newRow(3) }

func newRow(i int) Row {
	r := Row{
		ID: int64(i), Name: fmt.Sprintf("article %d", i), Tags: []string{"new", "sale", "heavy"}[:i%4], Price: float64(i) + 0.5,
		Created: time.Date(2024, 1, 2, 3, 4+i, 5, 678901000, time.UTC),
		Audit:   Audit{Owner: "Zoë Müller", Revision: i % 10},
		Attrs:   map[string]any{"colour": "blue", "stock": i % 100},
	}
	switch i % 4 {
	case 1:
		r.Attrs["fragile"] = i%8 == 1
	case 3:
		r.Attrs["weight"] = float64(i) / 4
	}
	if i%2 == 1 {
		updated := r.Created.Add(36 * time.Hour)
		r.Updated = &updated
	}
	return r
}

// sameRow compares all of two rows. It does not use reflect.DeepEqual, because peers are
// free in the location of a time, in how they tell an empty list from none, and in the
// types of numbers in the attrs.
func sameRow(a, b *Row) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Price == b.Price && a.Audit == b.Audit && slices.Equal(a.Tags, b.Tags) &&
		a.Created.Equal(b.Created) && sameUpdated(a.Updated, b.Updated) && maps.EqualFunc(a.Attrs, b.Attrs, sameAttr)
}

func sameUpdated(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

func sameAttr(a, b any) bool { return basic(a) == basic(b) }

// basic gives all numbers one type. It makes text of bytes, because hashicorp's codec
// gives the texts in an any as bytes.
func basic(v any) any {
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return float64(r.Int())
	case r.CanUint():
		return float64(r.Uint())
	case r.CanFloat():
		return r.Float()
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return string(r.Bytes())
	}
	return v
}
