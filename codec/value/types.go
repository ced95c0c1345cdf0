package value

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A typeInfo is all that is known of a Go type. It is made once, and serves
// parameters and results, encoding and decoding.
//
// The walk goes by addresses: a value is where it lies and what type it has. All
// addresses come from package reflect, and of a value that has none, in a map or an
// interface, from a copy; so a method with a pointer receiver always has one.
// Reflection that checks each step anew took two thirds of the time of a list.
type typeInfo struct {
	t      reflect.Type
	encode encodeFunc
	decode decodeFunc
	own    *ownForm                   // nil for a type that is walked through
	fields *fields                    // of a struct that is walked through, by their default names
	msgp   [2]bool                    // its MarshalMsg, its UnmarshalMsg counts for a whole parameter or result
	err    error                      // why no value of the type can be sent, whatever it holds
	isZero func(v reflect.Value) bool // what its method IsZero says, nil if it has none

	inPlace  bool         // a value in an interface is read where it is: see dataOf
	register registration // whether vmihailenco encodes the type
}

// at returns the value that p leads to.
func (ti *typeInfo) at(p unsafe.Pointer) reflect.Value { return reflect.NewAt(ti.t, p).Elem() }

var types sync.Map // reflect.Type -> *typeInfo, complete

// recent holds types that were asked for lately: sync.Map takes five times as long.
var recent [128]atomic.Pointer[typeInfo]

func typeOf(t reflect.Type) *typeInfo {
	slot := &recent[uintptr(dataOf(any(t)))>>5%uintptr(len(recent))]
	if ti := slot.Load(); ti != nil && ti.t == t {
		return ti
	}
	ti := lookUp(t)
	slot.Store(ti)
	return ti
}

func lookUp(t reflect.Type) *typeInfo {
	if ti, ok := types.Load(t); ok {
		return ti.(*typeInfo)
	}
	b := builder{} // without a lock, as a decoder that the program has registered may run
	b.typeOf(t)
	for t, ti := range b {
		types.LoadOrStore(t, ti)
	}
	ti, _ := types.Load(t)
	return ti.(*typeInfo)
}

// dataOf returns the second word of an interface: the address of the value in it, or
// a pointer that is the value. What it leads to belongs to all copies of the
// interface, or to the program's constants, and must not be written.
func dataOf(x any) unsafe.Pointer { return (*[2]unsafe.Pointer)(unsafe.Pointer(&x))[1] }

// isReadOnly reports whether no method is called on an address within a value of ti: it
// could write there.
func (build builder) isReadOnly(ti *typeInfo) bool {
	if ti.own != nil && ti.own.encodes != byKind || ti.msgp[0] {
		return ti.t == typeTime
	}
	switch ti.t.Kind() {
	case reflect.Struct:
		for i := range ti.t.NumField() {
			if !build.isReadOnly(build.typeOf(ti.t.Field(i).Type)) {
				return false
			}
		}
	case reflect.Array:
		return build.isReadOnly(build.typeOf(ti.t.Elem()))
	}
	return true
}

// A builder holds the types that are being described. A type may lead back to
// one of them, so they are published together, when all are complete.
type builder map[reflect.Type]*typeInfo

func (build builder) typeOf(t reflect.Type) *typeInfo {
	if ti, ok := types.Load(t); ok {
		return ti.(*typeInfo)
	}
	if ti, ok := build[t]; ok {
		return ti
	}
	ti := &typeInfo{t: t, own: ownFormOf(t)}
	build[t] = ti
	ti.isZero = zeroMethod(t)
	ti.msgp = [2]bool{isMsgp(t, typeMsgpEncoder), isMsgp(t, typeMsgpDecoder)}
	if ti.own != nil && ti.own.encodes != byKind {
		ti.encode = ti.own.encoder(ti)
	} else {
		ti.encode = build.encoder(ti)
	}
	if ti.own != nil && ti.own.decodes {
		ti.decode = ti.own.decoder(ti)
	} else {
		ti.decode = build.decoder(ti)
	}
	ti.inPlace = build.isReadOnly(ti) && (t.Size() > unsafe.Sizeof(uintptr(0)) || t.Kind() <= reflect.Float64) // a single pointer is held itself
	if err := ti.err; err != nil {
		ti.encode = func(_ *encoder, b []byte, _ unsafe.Pointer) ([]byte, error) { return b, err }
		ti.register.ask = nil
	}
	return ti
}

// part describes a type within ti, which cannot be sent if the part cannot.
func (build builder) part(ti *typeInfo, t reflect.Type) *typeInfo {
	part := build.typeOf(t)
	if ti.err == nil && (ti.own == nil || ti.own.encodes == byKind) {
		ti.err = part.err
	}
	return part
}

// isStruct reports whether values of the type are their fields, and nothing else.
func (ti *typeInfo) isStruct() bool { return ti.fields != nil && ti.own == nil }

// maxHops is how many pointers and interfaces may follow upon each other. No
// honest value comes near.
const maxHops = 1000

// pointee returns the type that a chain of pointer types leads to. If that is a
// pointer still, the chain has no end: type P *P.
func pointee(t reflect.Type) reflect.Type {
	for hops := 0; t.Kind() == reflect.Pointer && hops < maxHops; hops++ {
		t = t.Elem()
	}
	return t
}

func endlessPointer(t reflect.Type) bool { return pointee(t).Kind() == reflect.Pointer }

func endlessError(t reflect.Type) error {
	return &ValueError{Msg: fmt.Sprintf("%s is a pointer to nothing but pointers", t)}
}

func hopsError(t reflect.Type) error {
	return &ValueError{Msg: fmt.Sprintf("%s leads through more than %d pointers", t, maxHops)}
}
