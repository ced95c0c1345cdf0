package wire

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"strconv"

	"github.com/vmihailenco/msgpack/v5"
)

// Values encodes and decodes what messages carry, under one set of limits and
// in one format. It holds no state; any number of goroutines may use it.
type Values struct {
	Limits Limits
	Format Format
}

// A PanicError reports a panic in a method that a Go type brings along for
// encoding or decoding itself. The peer is told no more than "internal error".
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// guard turns a panic into a *PanicError; it is deferred.
func guard(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{v, debug.Stack()}
	}
}

// AppendRequest appends a request to b. With asks its method is written in the
// widest string form; see Message.Asks. Errors leave nothing behind: b is
// returned as it was.
func (vs *Values) AppendRequest(b []byte, id uint32, method string, args any, asks bool) ([]byte, error) {
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = appendUint(append(e.b, 0x94, Request), uint64(id))
		if err := e.method(method, asks); err != nil {
			return err
		}
		return e.params(args)
	})
}

// AppendNotification appends a notification to b.
func (vs *Values) AppendNotification(b []byte, method string, args any) ([]byte, error) {
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = append(e.b, 0x93, Notification)
		if err := e.method(method, false); err != nil {
			return err
		}
		return e.params(args)
	})
}

// AppendResult appends the response that carries a result. id holds the bytes
// of the request's own id.
func (vs *Values) AppendResult(b, id []byte, result any) ([]byte, error) {
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = append(append(append(e.b, 0x94, Response), id...), codeNil)
		return e.result(result)
	})
}

// AppendError appends the response that carries an error.
func (vs *Values) AppendError(b, id []byte, value any) ([]byte, error) {
	return vs.appendMessage(b, func(e *encoder) error {
		e.b = append(append(e.b, 0x94, Response), id...)
		if err := e.result(value); err != nil {
			return err
		}
		e.b = append(e.b, codeNil)
		return nil
	})
}

// appendMessage runs build behind b, checks what it built against the limits
// that hold for received messages too, and lays the format over it.
func (vs *Values) appendMessage(b []byte, build func(*encoder) error) ([]byte, error) {
	out, err := vs.built(b, build)
	if err == nil && len(out)-len(b) > vs.Limits.Message {
		err = vs.Limits.messageError()
	}
	if err != nil {
		return b, err
	}
	return out, nil
}

func (vs *Values) built(b []byte, build func(*encoder) error) (_ []byte, err error) {
	defer guard(&err)
	e := encoder{vs: vs, b: b, start: len(b)}
	if err := build(&e); err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return vs.Format.finish(e.b, e.values)
}

// An encoder builds one message. It is the io.Writer of vmihailenco's encoder.
type encoder struct {
	vs     *Values
	b      []byte
	start  int // where the message begins in b
	values int // where what the format applies to begins
	scan   Scanner
	due    int // length of b at which scan runs again
}

// checkEvery is how many bytes an encoder lets through unchecked. A Go value
// that contains itself has no end: the scan notices its depth long before the
// encoder's recursion could overflow the stack, which would be fatal.
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
		return fmt.Errorf("a value encodes itself to something else than one MessagePack value")
	}
	return nil
}

// method writes a method's name; the text format applies to it as well.
func (e *encoder) method(name string, asks bool) error {
	e.values = len(e.b)
	if !asks {
		e.b = append(appendStrHeader(e.b, len(name), e.vs.Format.Raw), name...)
		return nil
	}
	// The format's pass would shorten the header again, so it is applied here.
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
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	t := v.Type()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
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
	v = addressable(v)
	n := len(l.params)
	for n > l.required && field(v, l.params[n-1].index).IsZero() {
		n--
	}
	e.b = appendArrayHeader(e.b, n)
	for i, p := range l.params[:n] {
		if err := e.reflected(field(v, p.index)); err != nil {
			return fmt.Errorf("parameter %d (%s): %w", i+1, p.name, err)
		}
	}
	return nil
}

// field returns a field that is known to lie behind no pointer.
func field(v reflect.Value, index []int) reflect.Value {
	if len(index) == 1 {
		return v.Field(index[0])
	}
	return v.FieldByIndex(index)
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
		t := reflect.TypeOf(v)
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct && t.NumField() == 0 && !encodesItself(t) {
			e.b = appendNil(e.b)
			return nil
		}
	}
	return e.value(v)
}

// value writes one value. The common types go without reflection.
func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.b = appendNil(e.b)
	case bool:
		e.b = appendBool(e.b, v)
	case int:
		e.b = appendInt(e.b, int64(v))
	case int64:
		e.b = appendInt(e.b, v)
	case uint64:
		e.b = appendUint(e.b, v)
	case float64:
		e.b = appendFloat64(e.b, v)
	case string:
		e.b = append(appendStrHeader(e.b, len(v), false), v...)
	case []byte:
		if v == nil {
			e.b = appendNil(e.b)
		} else {
			e.b = append(appendBinHeader(e.b, len(v)), v...)
		}
	default:
		return e.reflected(reflect.ValueOf(v))
	}
	return nil
}

// reflected writes the value v.
func (e *encoder) reflected(v reflect.Value) error {
	for v.Kind() == reflect.Pointer && !v.IsNil() && v.Type().Elem().Kind() != reflect.Pointer {
		v = v.Elem()
	}
	if v.Type().PkgPath() == "" { // not a type that could encode itself
		switch v.Kind() {
		case reflect.Bool:
			e.b = appendBool(e.b, v.Bool())
			return nil
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			e.b = appendInt(e.b, v.Int())
			return nil
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			e.b = appendUint(e.b, v.Uint())
			return nil
		case reflect.Float64:
			e.b = appendFloat64(e.b, v.Float())
			return nil
		case reflect.Float32:
			e.b = appendFloat32(e.b, float32(v.Float()))
			return nil
		case reflect.String:
			e.b = append(appendStrHeader(e.b, v.Len(), false), v.String()...)
			return nil
		}
	}
	if m, ok := msgpMarshaler(v); ok {
		b, err := m.MarshalMsg(e.b)
		if err != nil {
			return err
		}
		e.b = b
		return nil
	}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(e)
	enc.UseCompactInts(true)
	if v.Kind() != reflect.Pointer {
		v = addressable(v)
	}
	return enc.EncodeValue(v)
}

// QuoteName prepares a name that a peer sent for an error text or a log: it is
// cut to a bound, made valid UTF-8, and quoted where it would be unreadable.
func QuoteName(name string) string {
	const bound = 64
	cut := ""
	if len(name) > bound {
		name, cut = name[:bound], "..."
	}
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` || name == "" {
		return quoted + cut
	}
	return name + cut
}
