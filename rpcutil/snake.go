package rpcutil

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// SnakeCase is the client's form of a name table without a table: it turns the SumServer.Sum of a call site into sum, and
// leaves a name without a dot as it is, so that client.Call("nvim_get_mode", ...) still reaches nvim_get_mode. The name of the
// service is dropped, because the servers of other languages have none.
//
// It is a codec.NameMapper. As the mapper of a server it finds nothing, since sum alone does not say which service is meant;
// a server needs a [Names]. See the package documentation for the rules of the snake form. SnakeCase is safe for
// concurrent use.
var SnakeCase snakeCase

type snakeCase struct{}

// FromWire finds no name.
func (snakeCase) FromWire(string) (goName string, ok bool) { return "", false }

// ToWire gives the snake form of what follows the last dot, which is where net/rpc, too, cuts the service from the method.
func (snakeCase) ToWire(goName string) (wire string) {
	dot := strings.LastIndexByte(goName, '.')
	if dot < 0 || dot == len(goName)-1 {
		return goName
	}
	known := *snakeForms.Load()
	if wire, ok := known[goName]; ok {
		return wire
	}
	wire = snake(goName[dot+1:])
	if len(goName) <= maxSnakeName && len(known) < maxSnakeForms {
		keepSnakeForm(goName, wire)
	}
	return wire
}

// snakeForms holds the forms of names that have been asked for, as every call of a
// client asks for one. A map that is replaced is read in half the time of a sync.Map.
var (
	snakeForms   atomic.Pointer[map[string]string]
	snakeFormsMu sync.Mutex // held while the map is replaced
)

func init() { snakeForms.Store(new(map[string]string)) }

// A program has few names, but nothing keeps it from making them up. These take a
// megabyte at most.
const (
	maxSnakeForms = 1024
	maxSnakeName  = 256 // bytes
)

func keepSnakeForm(goName, wire string) {
	snakeFormsMu.Lock()
	defer snakeFormsMu.Unlock()
	known := *snakeForms.Load()
	if _, kept := known[goName]; kept || len(known) >= maxSnakeForms {
		return
	}
	next := make(map[string]string, len(known)+1)
	maps.Copy(next, known)
	next[strings.Clone(goName)] = wire
	snakeForms.Store(&next)
}

// SnakeName gives the snake form of a Go name: user_id for UserID. It is a codec.Options.FieldNames. The rules are a section of
// the package documentation. It is safe for concurrent use.
func SnakeName(goName string) string { return snake(goName) }

// snake gives the snake form of a Go name. The rules, with their reasons, are a section of the package documentation; the table
// in snake_test.go has an example of each. Dots are left alone, so that a qualified name can be given whole.
//
// The form is stable (snake of a snake form is the same text), but two names may share one; Names decides what happens then.
func snake(name string) string {
	runes := []rune(name)
	var b strings.Builder
	b.Grow(len(name) + 4)
	for i, r := range runes {
		if startsWord(runes, i) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// startsWord reports whether an underscore belongs before runes[i].
func startsWord(runes []rune, i int) bool {
	if i == 0 || !hasLower(runes[i]) {
		return false
	}
	prev := runes[i-1]
	if !hasLower(prev) {
		// getUser, sha256Sum: a capital after a small letter or a digit. After anything else, an underscore or a dot for
		// example, the boundary is there already.
		return unicode.IsLetter(prev) || unicode.IsDigit(prev)
	}
	// HTTPServer: the last capital of several belongs to the word that follows, if one does.
	return i+1 < len(runes) && unicode.IsLower(runes[i+1]) && !endsInitialism(runes[i+1:])
}

// endsInitialism reports whether rest, which follows capitals and begins with a small letter, continues the initialism before
// it instead of a word: the s of a plural (UserIDs, URLsOf) and the v of a version (IPv6).
func endsInitialism(rest []rune) bool {
	switch rest[0] {
	case 's':
		return len(rest) == 1 || !unicode.IsLower(rest[1])
	case 'v':
		return len(rest) > 1 && unicode.IsDigit(rest[1])
	}
	return false
}

// hasLower reports whether r is a capital for our purposes. It asks for the small letter instead of unicode.IsUpper, because
// there are capitals without one (U+1D400), which would come out of snake unchanged and be cut differently the next time.
func hasLower(r rune) bool { return unicode.ToLower(r) != r }
