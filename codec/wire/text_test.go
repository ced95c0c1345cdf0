package wire_test

import (
	"testing"

	"github.com/go-mprpc/mprpc/codec/wire"
)

func TestBoundText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		bound int
		want  string
	}{
		{"", 0, ""},
		{"a", 0, "..."},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc..."},
		{"aé", 3, "aé"},
		{"aéb", 3, "aé..."},
		{"aéb", 2, "a..."},
		{"日本", 5, "日..."},
		{"a\xffb", 5, "a?b"},
		{"\x80\x80\x80\x80\x80\x80", 5, "?..."},
		{"\x80", 0, "..."},
		{"a\nb", 5, "a\nb"},
	} {
		if got := wire.BoundText(tt.text, tt.bound); got != tt.want {
			t.Errorf("BoundText(%q, %d) = %q, want %q", tt.text, tt.bound, got, tt.want)
		}
	}
}
