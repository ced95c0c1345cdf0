package value

import (
	"reflect"
	"slices"
	"sync"
)

// Names makes names on the wire of the names of fields. It may be used by any
// number of goroutines.
type Names struct {
	rename func(goName string) string
	tables sync.Map // reflect.Type -> *fields
}

// NewNames returns Names that call rename for each field without a name in its
// tag, once for each struct type.
func NewNames(rename func(goName string) string) *Names { return &Names{rename: rename} }

// renamed holds the tables that Names have made. Each connection has Names of its
// own, as functions cannot be told apart, and they share the tables that are equal.
var renamed struct {
	sync.Mutex
	tables map[reflect.Type][]*fields
}

// fieldsOf returns the fields of a struct under the names of the format.
func (f *Format) fieldsOf(ti *typeInfo) *fields {
	if f.Names == nil {
		return ti.fields
	}
	if fs, ok := f.Names.tables.Load(ti.t); ok {
		return fs.(*fields)
	}
	fs := builder{}.fieldsOf(ti.t, f.Names.rename) // without a lock, as all types within are known
	renamed.Lock()
	defer renamed.Unlock()
	same := func(other *fields) bool {
		return slices.EqualFunc(fs.list, other.list, func(a, b *field) bool { return a.name == b.name && slices.Equal(a.index, b.index) })
	}
	tables := renamed.tables[ti.t]
	if i := slices.IndexFunc(tables, same); i >= 0 {
		fs = tables[i]
	} else {
		if renamed.tables == nil {
			renamed.tables = make(map[reflect.Type][]*fields)
		}
		renamed.tables[ti.t] = append(tables, fs)
	}
	f.Names.tables.Store(ti.t, fs)
	return fs
}
