package interop_test

import (
	"testing"
	"time"

	"github.com/go-mprpc/mprpc/codec"
	"github.com/go-mprpc/mprpc/interop/python"
	"github.com/go-mprpc/mprpc/interop/python/pythontest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

type account struct {
	UserID   int
	FullName string
	Friend   *account
}

// The options of docs/values.md, as mprpc's client sees them.
func TestValueOptionsReachPython(t *testing.T) {
	pythontest.Need(t)
	var mux rpcutil.Mux
	mux.Handle("save", func(a account) account { a.UserID++; return a })
	mux.Handle("wait", func(d time.Duration) time.Duration { return d * 2 })
	mux.Handle("day", func(t time.Time) time.Time { return t })
	berlin := time.FixedZone("Berlin", 2*60*60)
	for _, tt := range []struct {
		name       string
		options    codec.Options
		call, want string
	}{
		{"no names", codec.Options{}, "call('save', {'UserID': 7, 'fullname': 'Ann'})", "dict {'UserID': 8, 'FullName': 'Ann', 'Friend': None}"},
		{"snake names", codec.Options{FieldNames: rpcutil.SnakeName}, "call('save', {'user_id': 7, 'friend': {'user_id': 9}})",
			"dict {'user_id': 8, 'full_name': '', 'friend': {'user_id': 9, 'full_name': '', 'friend': None}}"},
		{"unknown ignored", codec.Options{}, "call('save', {'nam': 7})['UserID']", "int 1"},
		{"unknown refused", codec.Options{UnknownFields: codec.UnknownRefused}, "call('save', {'Friend': {'nam': 1}})",
			raises("save: parameter 1 (interop_test.account).Friend: interop_test.account has no field nam; it has UserID, FullName, Friend")},
		{"seconds", codec.Options{}, "call('wait', 1.5), call('wait', 2)", "tuple (3.0, 4.0)"},
		{"nanoseconds", codec.Options{Duration: codec.DurationNanoseconds}, "call('wait', 1500000000)", "int 3000000000"},
		{"no zone", codec.Options{}, "call('day', datetime.datetime(2024, 5, 1).isoformat())",
			raises(`day: parameter 1 (time.Time): text "2024-05-01T00:00:00" is not a time in RFC 3339 form: it has no zone`)},
		{"a zone", codec.Options{Zone: berlin}, "call('day', datetime.datetime(2024, 5, 1).isoformat())", "str '2024-04-30T22:00:00Z'"},
		{"a zone of the text's own", codec.Options{Zone: berlin}, "call('day', '2024-05-01T00:00:00Z')", "str '2024-05-01T00:00:00Z'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := pythontest.Client(t, serveMux(t, &mux, byServer, tt.options), python.ClientConfig{})
			evalIn(t, client, expression{tt.call, tt.want})
		})
	}
}
