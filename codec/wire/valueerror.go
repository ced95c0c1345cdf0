package wire

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A ValueError reports a value that does not fit the Go value it is meant for.
type ValueError struct {
	// Msg says what does not fit.
	Msg string

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
	var v *ValueError
	if errors.As(err, &v) {
		v.steps = append(v.steps, step)
	}
	return err
}

func indexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

// keyStep looks at the kind: a string type of the user's own holds the peer's
// text just as well, whatever its String method says.
func keyStep(k any) string {
	if v := reflect.ValueOf(k); v.Kind() == reflect.String {
		return "[" + QuoteName(v.String()) + "]"
	}
	return "[" + QuoteName(fmt.Sprint(k)) + "]"
}

// foreignError reports an error of code that is not this package's, a type that
// decodes itself or a text encoding. It may quote all that the peer sent.
func foreignError(err error) error {
	const bound = 200
	return &ValueError{Msg: BoundText(err.Error(), bound)}
}
