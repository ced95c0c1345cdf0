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
	return vs.message(b, wire.RequestElements, func(e *encoder) ([]byte, error) {
		return e.call(wire.AppendRequest(b, id), method, args, asks)
	})
}

// AppendNotification appends a notification to b.
func (vs *Values) AppendNotification(b []byte, method string, args any) ([]byte, error) {
	return vs.message(b, wire.NotificationElements, func(e *encoder) ([]byte, error) {
		return e.call(wire.AppendNotification(b), method, args, false)
	})
}

// AppendResult appends the response that carries a result. id holds the bytes
// of the request's own id.
func (vs *Values) AppendResult(b, id []byte, result any) ([]byte, error) {
	begun := wire.AppendNil(wire.AppendResponse(b, id))
	if out, ok := appendScalar(begun, result); ok && vs.Limits.Holds(len(out)-len(b), wire.ResponseElements, 1) {
		return out, nil // without an encoder
	}
	return vs.message(b, wire.ResponseElements, func(e *encoder) ([]byte, error) { return e.result(begun, result) })
}

// AppendError appends the response that carries an error.
func (vs *Values) AppendError(b, id []byte, value any) ([]byte, error) {
	return vs.message(b, wire.ResponseElements, func(e *encoder) ([]byte, error) {
		out, err := e.result(wire.AppendResponse(b, id), value)
		return wire.AppendNil(out), err
	})
}

// message builds a message of so many elements behind b.
func (vs *Values) message(b []byte, elements int, build func(*encoder) ([]byte, error)) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.vs, e.max, e.plain = vs, math.MaxInt, vs.Format.writesPlain()
	if vs.Limits.Message < math.MaxInt-len(b) {
		e.max = len(b) + vs.Limits.Message
	}
	out, err := vs.guarded(e, elements, build)
	if err != nil {
		return b, err
	}
	return out, nil
}

func (vs *Values) guarded(e *encoder, elements int, build func(*encoder) ([]byte, error)) (b []byte, err error) {
	defer guard(&err)
	if err = e.open(elements); err == nil {
		b, err = build(e)
	}
	if err == nil && len(b) > e.max {
		err = vs.Limits.MessageError()
	}
	e.recycle() // not after a panic
	return b, err
}

// call writes the method's name and the parameters of a request or notification. The
// format of text applies to the name as well.
func (e *encoder) call(b []byte, method string, args any, asks bool) ([]byte, error) {
	start := len(b)
	b, err := e.text(b, method)
	if err != nil {
		return b, err
	}
	if asks {
		name, _ := wire.TextBytes(b[start:])
		b = wire.AppendAsking(b[:start], append([]byte(nil), name...))
	}
	return e.params(b, args)
}

// result writes a result or an error: one value, and nil for an empty struct.
func (e *encoder) result(b []byte, x any) ([]byte, error) {
	if x == nil || isVoid(reflect.TypeOf(x)) {
		return wire.AppendNil(b), nil
	}
	return e.whole(b, x)
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
