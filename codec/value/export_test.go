package value

import "reflect"

// Walked reports whether values of t are written by the walk of this package, and
// not by vmihailenco: the bytes do not tell, which is the point of it.
func Walked(t reflect.Type) bool {
	ti := typeOf(t)
	return (ti.own == nil || ti.own.encodes != asForeign) && !ti.register.is()
}
