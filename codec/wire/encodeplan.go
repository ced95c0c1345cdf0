package wire

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// An encodePlan appends v, which is of the plan's type, to the message: the
// bytes that vmihailenco would write. That asks a table for each value and hands
// every few bytes to an io.Writer.
//
// A type has a plan if all it can hold has one. A value with anything else in it
// is left to vmihailenco as a whole, not only the part that needs it: types that
// encode themselves, and texts tagged intern, may change how the encoder writes
// what follows. So a plan never meets foreign code, nor a value within itself.
type encodePlan func(e *encoder, v reflect.Value) error

var encodePlans sync.Map // reflect.Type -> encodePlan, nil for a type without

// encodePlanOf returns the plan of t, or nil. around holds the types whose plans
// are being made for want of this one. A type that contains itself has no plan.
func encodePlanOf(t reflect.Type, around ...reflect.Type) encodePlan {
	if p, ok := encodePlans.Load(t); ok {
		return p.(encodePlan)
	}
	if slices.Contains(around, t) {
		return nil
	}
	var p encodePlan
	if !implements(t, selfEncoders...) {
		p = newEncodePlan(t, append(around, t))
	}
	if p != nil && !p.agrees(t) {
		p = nil
	}
	encodePlans.Store(t, p)
	return p
}

func newEncodePlan(t reflect.Type, around []reflect.Type) encodePlan {
	switch t.Kind() {
	case reflect.Bool:
		return func(e *encoder, v reflect.Value) error { e.b = appendBool(e.b, v.Bool()); return nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(e *encoder, v reflect.Value) error { e.b = appendInt(e.b, v.Int()); return nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(e *encoder, v reflect.Value) error { e.b = appendUint(e.b, v.Uint()); return nil }
	case reflect.Float32:
		return func(e *encoder, v reflect.Value) error { e.b = appendFloat32(e.b, float32(v.Float())); return nil }
	case reflect.Float64:
		return func(e *encoder, v reflect.Value) error { e.b = appendFloat64(e.b, v.Float()); return nil }
	case reflect.String:
		return func(e *encoder, v reflect.Value) error { e.text(v.String()); return nil }
	case reflect.Struct:
		return encodeStruct(t, around)
	case reflect.Map:
		return orNil(encodeMap(encodePlanOf(t.Key(), around...), encodePlanOf(t.Elem(), around...)))
	case reflect.Slice:
		return orNil(encodeList(t, around))
	case reflect.Array:
		return encodeList(t, around)
	case reflect.Pointer:
		return orNil(encodePointer(encodePlanOf(t.Elem(), around...)))
	}
	return nil // among them interfaces: what they hold is not known here
}

func encodeBytes(e *encoder, v reflect.Value) error {
	e.b = appendBinHeader(e.b, v.Len())
	if v.Kind() == reflect.Slice || v.CanAddr() {
		e.b = append(e.b, v.Bytes()...)
		return nil
	}
	for i := range v.Len() {
		e.b = append(e.b, byte(v.Index(i).Uint()))
	}
	return nil
}

func encodeList(t reflect.Type, around []reflect.Type) encodePlan {
	if t.Elem().Kind() == reflect.Uint8 { // whatever methods the elements have
		return encodeBytes
	}
	elem := encodePlanOf(t.Elem(), around...)
	if elem == nil {
		return nil
	}
	return func(e *encoder, v reflect.Value) error {
		n := v.Len()
		e.b = appendArrayHeader(e.b, n)
		for i := range n {
			if err := e.part(elem, v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
}

func encodeMap(key, elem encodePlan) encodePlan {
	if key == nil || elem == nil {
		return nil
	}
	return func(e *encoder, v reflect.Value) error {
		e.b = appendMapHeader(e.b, v.Len())
		for it := v.MapRange(); it.Next(); {
			if err := e.part(key, it.Key()); err != nil {
				return err
			}
			if err := e.part(elem, it.Value()); err != nil {
				return err
			}
		}
		return nil
	}
}

func encodePointer(elem encodePlan) encodePlan {
	if elem == nil {
		return nil
	}
	return func(e *encoder, v reflect.Value) error { return elem(e, v.Elem()) }
}

// orNil makes the plan of a type with nil from one that is not asked for it.
func orNil(p encodePlan) encodePlan {
	if p == nil {
		return nil
	}
	return func(e *encoder, v reflect.Value) error {
		if v.IsNil() {
			e.b = appendNil(e.b)
			return nil
		}
		return p(e, v)
	}
}

type encodeField struct {
	name  []byte // as it is written
	index int
	plan  encodePlan
}

// encodeStruct makes the plan of a struct that is written as a map of all its
// exported fields. Whoever embeds a struct or gives a tag options has none, nor
// a name that is not UTF-8: plans do not look at names again.
func encodeStruct(t reflect.Type, around []reflect.Type) encodePlan {
	var fields []encodeField
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("msgpack")
		name, _ := parseTag(f)
		switch {
		case tag == "-":
			continue
		case f.Anonymous || strings.ContainsAny(tag, ",:'") || !utf8.ValidString(name):
			return nil
		case !f.IsExported():
			continue
		}
		p := encodePlanOf(f.Type, around...)
		if p == nil {
			return nil
		}
		fields = append(fields, encodeField{append(appendStrHeader(nil, len(name), false), name...), i, p})
	}
	header := appendMapHeader(nil, len(fields))
	return func(e *encoder, v reflect.Value) error {
		e.b = append(e.b, header...)
		for i := range fields {
			f := &fields[i]
			e.b = append(e.b, f.name...)
			if err := e.part(f.plan, v.Field(f.index)); err != nil {
				return err
			}
		}
		return nil
	}
}

// part writes a value within another one.
func (e *encoder) part(p encodePlan, v reflect.Value) error {
	err := p(e, v)
	if err == nil && len(e.b) >= e.due { // as checkSome asks, which is not inlined
		err = e.checkSome()
	}
	return err
}
