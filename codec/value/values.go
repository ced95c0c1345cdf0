package value

import (
	"math"
	"reflect"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// Values encodes and decodes what messages carry, under one set of limits and
// in one format. It holds no state; any number of goroutines may use it.
type Values struct {
	Limits wire.Limits
	Format Format
}

// AppendRequest appends a request to b. With asks its method is written in the
// widest string form; see wire.Message.Asks. Errors leave nothing behind: b is
// returned as it was.
func (vs *Values) AppendRequest(b []byte, id uint32, method string, args any, asks bool) ([]byte, error) {
	return vs.message(b, wire.AppendRequest(b, id), wire.RequestElements, func(e *encoder) error {
		if err := e.method(method, asks); err != nil {
			return err
		}
		return e.params(args)
	})
}

// AppendNotification appends a notification to b.
func (vs *Values) AppendNotification(b []byte, method string, args any) ([]byte, error) {
	return vs.message(b, wire.AppendNotification(b), wire.NotificationElements, func(e *encoder) error {
		if err := e.method(method, false); err != nil {
			return err
		}
		return e.params(args)
	})
}

// AppendResult appends the response that carries a result. id holds the bytes
// of the request's own id.
func (vs *Values) AppendResult(b, id []byte, result any) ([]byte, error) {
	begun := wire.AppendNil(wire.AppendResponse(b, id))
	if out, ok := appendScalar(begun, result); ok && vs.Limits.Holds(len(out)-len(b), wire.ResponseElements, 1) {
		return out, nil // without an encoder
	}
	return vs.message(b, begun, wire.ResponseElements, func(e *encoder) error { return e.result(result) })
}

// AppendError appends the response that carries an error.
func (vs *Values) AppendError(b, id []byte, value any) ([]byte, error) {
	return vs.message(b, wire.AppendResponse(b, id), wire.ResponseElements, func(e *encoder) error {
		err := e.result(value)
		e.b = wire.AppendNil(e.b)
		return err
	})
}

// message builds the rest of a message of so many elements that begins behind b
// in begun.
func (vs *Values) message(b, begun []byte, elements int, build func(*encoder) error) (_ []byte, err error) {
	e := encoders.Get().(*encoder)
	e.vs, e.b, e.max, e.plain = vs, begun, math.MaxInt, vs.Format.writesPlain()
	if vs.Limits.Message < math.MaxInt-len(b) {
		e.max = len(b) + vs.Limits.Message
	}
	err = vs.guarded(e, elements, build)
	out := e.b
	e.recycle()
	if err != nil {
		return b, err
	}
	return out, nil
}

func (vs *Values) guarded(e *encoder, elements int, build func(*encoder) error) (err error) {
	defer guard(&err)
	if err = e.open(elements); err == nil {
		err = build(e)
	}
	if err == nil && len(e.b) > e.max {
		err = vs.Limits.MessageError()
	}
	return err
}

// method writes a method's name; the text format applies to it as well.
func (e *encoder) method(name string, asks bool) error {
	start := len(e.b)
	if err := e.text(name); err != nil || !asks {
		return err
	}
	text, _ := wire.TextBytes(e.b[start:])
	e.b = wire.AppendAsking(e.b[:start], append([]byte(nil), text...))
	return nil
}

// result writes a result or an error: one value, and nil for an empty struct.
func (e *encoder) result(x any) error {
	if b, ok := appendScalar(e.b, x); ok {
		e.b = b
		return nil
	}
	if isVoid(reflect.TypeOf(x)) {
		e.b = wire.AppendNil(e.b)
		return nil
	}
	return e.whole(x)
}

// isVoid reports whether t is an empty struct, which stands for no result.
func isVoid(t reflect.Type) bool {
	t = pointee(t)
	return t.Kind() == reflect.Struct && t.NumField() == 0 && typeOf(t).own == nil
}

// DecodeResult stores a result, one complete value that has passed a Scanner,
// in what the pointer to points to. Where it finds nil and the Go type has no
// nil, it stores the zero value; an empty struct takes any result.
func (vs *Values) DecodeResult(raw []byte, to any) (err error) {
	if p, ok := to.(*int); ok && p != nil && readInt(raw, p) {
		return nil // without a decoder
	}
	defer guard(&err)
	t, p, err := target(to)
	if err != nil || isVoid(t) {
		return err
	}
	d := vs.decoder(raw)
	defer d.recycle()
	d.zeroNil = true
	return d.whole(typeOf(t), p)
}
