package wire

import (
	"bytes"
	"math"
	"reflect"
)

// agrees reports whether vmihailenco writes the zero value and a sample of t as
// p does. It does not where t is registered with it, which nothing else tells;
// see isExtension. This is looked at once, when a type is first sent: register
// types in init. vmihailenco itself keeps what it finds for a struct's field,
// and its register of extensions has no lock.
func (p encodePlan) agrees(t reflect.Type) (same bool) {
	defer func() {
		if recover() != nil {
			same = false
		}
	}()
	for _, v := range []reflect.Value{reflect.New(t).Elem(), sample(t)} {
		ours, theirs := encoder{due: math.MaxInt}, encoder{due: math.MaxInt}
		if p(&ours, v) != nil || theirs.foreign(v) != nil || !bytes.Equal(ours.b, theirs.b) {
			return false
		}
	}
	return true
}

// sample returns a value of t with something in it. What stands within counts
// for little: those types have been asked with samples of their own.
func sample(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(1)
	case v.CanUint():
		v.SetUint(1)
	case v.CanFloat():
		v.SetFloat(1)
	case v.Kind() == reflect.String:
		v.SetString("A")
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(t, 1, 1))
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(reflect.Zero(t.Key()), reflect.Zero(t.Elem()))
	}
	return v
}
