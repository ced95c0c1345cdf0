package wire

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// An encoder builds one message. It is the io.Writer of vmihailenco's encoder.
type encoder struct {
	vs     *Values
	b      []byte
	start  int // where the message begins in b
	values int // where what the format applies to begins
	scan   Scanner
	due    int  // length of b at which scan runs again
	unsure bool // there may be text that is not UTF-8, or a time
}

// encoders holds those that are not in use. One that a value has panicked in is
// not used again.
var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) recycle() {
	e.vs, e.b, e.values, e.due, e.unsure = nil, nil, 0, 0, false
	e.scan.Reset()
	encoders.Put(e)
}

// checkEvery is how many bytes an encoder lets through unchecked. A list, map or
// struct that contains itself has no end: the scan notices its depth long before
// the encoder's recursion could overflow the stack, which would be fatal. A
// pointer or interface that leads to nothing but itself writes no byte and is
// never noticed here: encodable finds it where a parameter or result begins, but
// within a list or map (var x any; x = &x; []any{x}) it is fatal.
const checkEvery = 4 << 10

func (e *encoder) Write(p []byte) (int, error) {
	e.b = append(e.b, p...)
	return len(p), e.checkSome()
}

func (e *encoder) WriteByte(c byte) error {
	e.b = append(e.b, c)
	return e.checkSome()
}

func (e *encoder) checkSome() error {
	if len(e.b) < e.due {
		return nil
	}
	e.due = len(e.b) + checkEvery
	e.scan.Limits = e.vs.Limits
	_, err := e.scan.Scan(e.b[e.start:])
	return err
}

// check makes sure that the message is complete and nothing else: a type that
// encodes itself may write anything.
func (e *encoder) check() error {
	e.scan.Limits = e.vs.Limits
	n, err := e.scan.Scan(e.b[e.start:])
	if err != nil {
		return err
	}
	if n != len(e.b)-e.start {
		return errors.New("a value encodes itself to something else than one MessagePack value")
	}
	return nil
}

// method writes a method's name; the text format applies to it as well.
func (e *encoder) method(name string) {
	e.values = len(e.b)
	e.text(name)
}

// text writes a text that the format's pass may still change, or refuse.
func (e *encoder) text(s string) {
	e.b = append(appendStrHeader(e.b, len(s), false), s...)
	e.unsure = e.unsure || !utf8.ValidString(s)
}

// asking writes a method's name in its widest form. The format's pass would
// shorten the header again, so it is applied here.
func (e *encoder) asking(name string) error {
	text, err := e.vs.Format.finish(append(appendStrHeader(nil, len(name), false), name...), 0)
	if err != nil {
		return err
	}
	payload, _ := textBytes(text)
	n := len(payload)
	e.b = append(append(e.b, codeStr32, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), payload...)
	e.values = len(e.b)
	return nil
}

// params writes the parameters' array; see layoutOf for what they are.
func (e *encoder) params(args any) error {
	if list, ok := args.(Args); ok {
		e.b = appendArrayHeader(e.b, len(list))
		for i, v := range list {
			if err := e.value(v); err != nil {
				return fmt.Errorf("parameter %d: %w", i+1, err)
			}
		}
		return nil
	}
	if args == nil {
		e.b = appendArrayHeader(e.b, 0)
		return nil
	}
	v := reflect.ValueOf(args)
	if endlessPointer(v.Type()) {
		return endlessError(v.Type())
	}
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	t := pointee(v.Type())
	if t == typeArgs && v.Kind() != reflect.Pointer {
		return e.params(v.Interface())
	}
	l := layoutOf(t)
	switch {
	case t == typeArgs:
		return fmt.Errorf("nil %s as parameters", v.Type())
	case l.err != nil:
		return l.err
	case l.single:
		e.b = appendArrayHeader(e.b, 1)
		if err := e.reflected(v); err != nil {
			return fmt.Errorf("parameter 1: %w", err)
		}
		return nil
	case v.Kind() == reflect.Pointer:
		return fmt.Errorf("nil %s as parameters", v.Type())
	}
	if !l.plain { // the types of fields may want their addresses
		v = addressable(v)
	}
	n := l.given(v)
	e.b = appendArrayHeader(e.b, n)
	for i, p := range l.params[:n] {
		if err := e.reflected(field(v, p.index)); err != nil {
			return fmt.Errorf("parameter %d (%s): %w", i+1, p.name, err)
		}
	}
	return nil
}

// addressable returns v, or a copy of it if v has no address: types whose
// pointers encode themselves can only be asked by address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}

// result writes a result or an error: one value, and nil for an empty struct.
func (e *encoder) result(v any) error {
	e.values = len(e.b)
	if v != nil {
		t := pointee(reflect.TypeOf(v))
		if t.Kind() == reflect.Struct && t.NumField() == 0 && !encodesItself(t) {
			e.b = appendNil(e.b)
			return nil
		}
	}
	return e.value(v)
}

// value writes one value.
func (e *encoder) value(v any) error {
	if b, ok := appendPlain(e.b, v); ok {
		e.b = b
		return nil
	}
	return e.reflected(reflect.ValueOf(v))
}

// reflected writes the value v.
func (e *encoder) reflected(v reflect.Value) error {
	for v.Kind() == reflect.Pointer && !v.IsNil() && v.Type().Elem().Kind() != reflect.Pointer {
		v = v.Elem()
	}
	if isPlain(v.Type()) {
		b, ok := appendPlainValue(e.b, v)
		if ok {
			e.b = b
		} else { // it is not UTF-8
			e.text(v.String())
		}
		return nil
	}
	if m, ok := msgpMarshaler(v); ok {
		b, err := m.MarshalMsg(e.b)
		if err != nil {
			return err
		}
		e.b, e.unsure = b, true
		return nil
	}
	if p := encodePlanOf(v.Type()); p != nil {
		return p(e, v)
	}
	if err := encodable(v); err != nil {
		return err
	}
	if v.Kind() != reflect.Pointer {
		v = addressable(v)
	}
	return e.foreign(v)
}

// foreign lets vmihailenco write the value v.
func (e *encoder) foreign(v reflect.Value) error {
	e.unsure = true
	enc := msgpack.GetEncoder()
	defer func() {
		enc.Reset(nil) // or the pool would keep the message
		msgpack.PutEncoder(enc)
	}()
	enc.Reset(e)
	enc.UseCompactInts(true)
	return enc.EncodeValue(v)
}
