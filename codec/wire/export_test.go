package wire

import "reflect"

// Planned reports whether values of t are written along a plan: the bytes do
// not tell, which is the point of it.
func Planned(t reflect.Type) bool { return encodePlanOf(t) != nil }
