package value

import (
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mprpc/mprpc/codec/wire"
)

// A ValueError reports a value that does not fit the Go value it is meant for, or
// that cannot be sent.
type ValueError struct {
	// Msg says what is wrong.
	Msg string
	// Err is the error of the program's own code, if it caused this one.
	Err error

	// steps lead to the value, innermost first. They are joined only when the
	// text is wanted: joining at each level costs the square of the depth.
	steps []string
}

func (e *ValueError) Error() string {
	if len(e.steps) == 0 {
		return e.Msg
	}
	return e.Path() + ": " + e.Msg
}

// Unwrap returns Err.
func (e *ValueError) Unwrap() error { return e.Err }

// Path leads to the value from the parameter or result: ".field", "[3]" or a
// map's "[key]", one after the other; it is empty for the whole. Of a long path
// the middle is left out.
func (e *ValueError) Path() string {
	const ends = 8
	steps := slices.Clone(e.steps)
	slices.Reverse(steps)
	if n := len(steps); n > 2*ends {
		return strings.Join(steps[:ends], "") + "..." + strings.Join(steps[n-ends:], "")
	}
	return strings.Join(steps, "")
}

// at puts a step in front of a *ValueError's path.
func at(err error, step string) error {
	if v, ok := err.(*ValueError); ok {
		return &ValueError{v.Msg, v.Err, append(v.steps, step)} // a type's own error serves all its values
	}
	return err
}

func indexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

// keyStep looks at the kind: a string type of the user's own holds the peer's
// text just as well, whatever its String method says.
func keyStep(k any) string {
	if v := reflect.ValueOf(k); v.Kind() == reflect.String {
		return "[" + wire.QuoteName(v.String()) + "]"
	}
	return "[" + wire.QuoteName(fmt.Sprint(k)) + "]"
}

// inKey says that a value is a key.
func inKey(err error) error {
	if v, ok := err.(*ValueError); ok {
		return &ValueError{"key " + v.Error(), v.Err, nil}
	}
	return err
}

// paramError says which parameter an error is about.
func paramError(err error, i int, name string) error {
	if err == nil {
		return nil
	}
	if name != "" {
		name = " (" + name + ")"
	}
	if v, ok := err.(*ValueError); ok {
		return &ValueError{Msg: fmt.Sprintf("parameter %d%s%s: %s", i+1, name, v.Path(), v.Msg), Err: v.Err}
	}
	return fmt.Errorf("parameter %d%s: %w", i+1, name, err)
}

// sendError is paramError for a parameter that is sent. A limit is one of the whole
// message.
func sendError(err error, i int, name string) error {
	if _, limit := err.(*wire.LimitError); limit {
		return err
	}
	return paramError(err, i, name)
}

// foreignError reports an error of code that is not this package's, a type that
// decodes itself or a text encoding. It may quote all that the peer sent.
func foreignError(err error) error {
	const bound = 200
	var limit *wire.LimitError
	if errors.As(err, &limit) {
		return limit
	}
	return &ValueError{Msg: wire.BoundText(err.Error(), bound), Err: err}
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
