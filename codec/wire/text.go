package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Texts that a peer may have had a hand in, on their way to an error text or a log.

// BoundText prepares a text that a peer may have had a hand in for an error text
// or a log: it is cut to a bound in bytes, at a character's end and marked with
// "..." behind the bound, and made valid UTF-8.
func BoundText(text string, bound int) string {
	if len(text) <= bound {
		return strings.ToValidUTF8(text, "?")
	}
	end := bound
	for end > max(0, bound-utf8.UTFMax) && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.ToValidUTF8(text[:end], "?") + "..."
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
