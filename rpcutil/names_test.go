package rpcutil_test

import (
	"errors"
	"io"
	"log"
	"net/rpc"
	"reflect"
	"strings"
	"testing"

	"github.com/go-mprpc/mprpc/codec/codectest"
	"github.com/go-mprpc/mprpc/rpcutil"
)

// net/rpc logs what it refuses, with the errors that the tests look at.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	codectest.Main(m)
}

// must fails the test if one of the steps that set it up has an error.
func must(tb testing.TB, errs ...error) {
	tb.Helper()
	if err := errors.Join(errs...); err != nil {
		tb.Fatal(err)
	}
}

// wantFound checks what FromWire finds. An empty Go name stands for nothing.
func wantFound(t *testing.T, n *rpcutil.Names, want map[string]string) {
	t.Helper()
	for wire, goName := range want {
		if got, ok := n.FromWire(wire); got != goName || ok != (goName != "") {
			t.Errorf("FromWire(%q) = %q, %t; want %q", wire, got, ok, goName)
		}
	}
}

func wantSent(t *testing.T, n *rpcutil.Names, want map[string]string) {
	t.Helper()
	for goName, wire := range want {
		if got := n.ToWire(goName); got != wire {
			t.Errorf("ToWire(%q) = %q, want %q", goName, got, wire)
		}
	}
}

func wantExplained(t *testing.T, n *rpcutil.Names, want map[string]string) {
	t.Helper()
	for wire, text := range want {
		if got := n.Explain(wire); got != text {
			t.Errorf("Explain(%q) = %q, want %q", wire, got, text)
		}
	}
}

// wantError checks an error by the words that a reader needs.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", words)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q does not say %q", err, word)
		}
	}
}

// serves reports whether net/rpc finds a method.
func serves(server *rpc.Server, goName string) bool {
	c := &oneRequest{method: goName}
	_ = server.ServeRequest(c)
	return !strings.Contains(c.reply, "can't find")
}

// oneRequest is a server codec for one request whose argument is a zero value.
type oneRequest struct{ method, reply string }

func (c *oneRequest) ReadRequestHeader(r *rpc.Request) error {
	r.ServiceMethod = c.method
	return nil
}
func (c *oneRequest) ReadRequestBody(any) error { return nil }
func (c *oneRequest) WriteResponse(r *rpc.Response, _ any) error {
	c.reply = r.Error
	return nil
}
func (c *oneRequest) Close() error { return nil }

func TestZeroNames(t *testing.T) {
	var n rpcutil.Names
	wantFound(t, &n, map[string]string{"sum": "", "SumServer.Sum": "", "": ""})
	wantSent(t, &n, map[string]string{"SumServer.Sum": "SumServer.Sum", "nvim_get_mode": "nvim_get_mode", "": ""})
	wantExplained(t, &n, map[string]string{"sum": "", "": ""})
}

func TestEveryFormReachesTheMethod(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(User)), n.Add("v1.UserGroup", new(SumServer)), n.Add("odd", new(Device)))
	wantFound(t, &n, map[string]string{
		"get_user_by_id":      "User.GetUserByID",
		"User.GetUserByID":    "User.GetUserByID",
		"User.get_user_by_id": "User.GetUserByID",
		"user.get_user_by_id": "User.GetUserByID",

		// A service's name may have dots and need not be exported.
		"sum":               "v1.UserGroup.Sum",
		"v1.UserGroup.Sum":  "v1.UserGroup.Sum",
		"v1.UserGroup.sum":  "v1.UserGroup.Sum",
		"v1.user_group.sum": "v1.UserGroup.Sum",
		"odd.reset":         "odd.Reset",
		"odd.Reset":         "odd.Reset",

		// Nothing else does.
		"GetUserByID":             "",
		"user.GetUserByID":        "",
		"getUserByID":             "",
		"Get_User_By_ID":          "",
		"SumServer.Sum":           "",
		"UserGroup.Sum":           "",
		"User.":                   "",
		".get_user_by_id":         "",
		"user.get_user_by_id\x00": "",
	})
	wantSent(t, &n, map[string]string{
		"User.GetUserByID": "get_user_by_id",
		"v1.UserGroup.Sum": "sum",
		"odd.Reset":        "reset",
		// What is no Go name of the table goes out as it is, a wire name for example.
		"user.get_user_by_id": "user.get_user_by_id",
		"User.Nope":           "User.Nope",
		"nvim_get_mode":       "nvim_get_mode",
	})
}

func TestSharedBareNameIsNotOffered(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(User)))
	wantFound(t, &n, map[string]string{"get": "User.Get"})
	must(t, n.Add("", new(Order)))
	wantFound(t, &n, map[string]string{"get": "", "user.get": "User.Get", "order.get": "Order.Get", "Order.Get": "Order.Get"})
	wantSent(t, &n, map[string]string{"User.Get": "user.get", "Order.Get": "order.get", "User.GetUserByID": "get_user_by_id"})
	wantExplained(t, &n, map[string]string{
		"get":            "method not found: get is ambiguous, use user.get or order.get",
		"user.get":       "",
		"get_user_by_id": "",
		"nope":           "",
	})

	must(t, n.Add("", new(Device)))
	wantExplained(t, &n, map[string]string{"get": "method not found: get is ambiguous, use user.get, order.get or device.get"})
}

func TestEqualSnakeFormsInOneService(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(Twins)))
	wantFound(t, &n, map[string]string{
		"get_id": "", "Twins.get_id": "", "twins.get_id": "",
		"Twins.GetID": "Twins.GetID", "Twins.GetId": "Twins.GetId",
		"other": "Twins.Other", "twins.other": "Twins.Other",
	})
	wantSent(t, &n, map[string]string{"Twins.GetID": "Twins.GetID", "Twins.GetId": "Twins.GetId"})
	wantExplained(t, &n, map[string]string{
		"get_id":       "method not found: get_id is ambiguous, use Twins.GetID or Twins.GetId",
		"Twins.get_id": "method not found: Twins.get_id is ambiguous, use Twins.GetID or Twins.GetId",
		"twins.get_id": "method not found: twins.get_id is ambiguous, use Twins.GetID or Twins.GetId",
		"Twins.GetID":  "",
	})

	// Aliases decide, also for a qualified name.
	must(t, n.Alias("twins.get_id", "Twins.GetID"), n.Alias("get_id", "Twins.GetId"))
	wantFound(t, &n, map[string]string{"twins.get_id": "Twins.GetID", "get_id": "Twins.GetId", "Twins.get_id": ""})
	wantExplained(t, &n, map[string]string{
		"twins.get_id": "", "get_id": "",
		"Twins.get_id": "method not found: Twins.get_id is ambiguous, use twins.get_id or Twins.GetId",
	})
	wantError(t, n.Alias("Twins.get_id", "Twins.Other"), "Twins.get_id", "already means Twins.GetID")
}

func TestGoNameIsAlwaysOffered(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(Math)))
	wantFound(t, &n, map[string]string{"Math.𝐀_b": "Math.𝐀_b", "Math.𝐀B": "Math.𝐀B", "𝐀_b": ""})
}

func TestEqualQualifiedNamesAreAnError(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("User", new(User)))
	wantError(t, n.Add("user", new(Order)), "user.get", "user.Get", "User.Get")
	wantError(t, n.Add("User", new(SumServer)), "service User", "*rpcutil_test.User", "*rpcutil_test.SumServer")
	// After an error nothing has changed: get would be shared.
	wantFound(t, &n, map[string]string{"get": "User.Get", "user.get": "User.Get", "user.Get": "", "sum": ""})

	// Services with similar names do no harm as long as their methods differ.
	must(t, n.Add("user", new(SumServer)))
	wantFound(t, &n, map[string]string{"user.sum": "user.Sum", "user.get": "User.Get", "User.sum": ""})
}

func TestAddingAgainChangesNothing(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(User)), n.Add("", (*User)(nil)), n.Add("User", new(User)))
	wantFound(t, &n, map[string]string{"get": "User.Get"})
	// The same type under another name is another service.
	must(t, n.Add("Admin", new(User)))
	wantExplained(t, &n, map[string]string{"get": "method not found: get is ambiguous, use user.get or admin.get"})
}

func TestUnsuitableReceivers(t *testing.T) {
	var n rpcutil.Names
	wantError(t, n.Add("", nil), "rpcutil: ", "nil")
	wantError(t, n.Add("X", nil), "nil")
	wantError(t, n.Add("", new(hidden)), "hidden", "not exported")
	wantError(t, n.Add("", &struct{ User }{}), "no name")
	wantError(t, n.Add("", new(Nothing)), "Nothing", "no method")
	wantError(t, n.Add("", User{}), "no method", "hint: pass a pointer")
	must(t, n.Add("Shown", new(hidden)), n.Add("", ByValue{}), n.Add("Embedded", &struct{ User }{}))
	wantFound(t, &n, map[string]string{"shown.do": "Shown.Do", "by_value.do": "ByValue.Do", "embedded.get": "Embedded.Get"})
}

func TestSuitableMethodsAreThoseOfNetRPC(t *testing.T) {
	var n rpcutil.Names
	server := rpc.NewServer()
	must(t, n.Register(server, new(Shapes)))
	offered := 0
	for typ, i := reflect.TypeFor[*Shapes](), 0; i < typ.NumMethod(); i++ {
		goName := "Shapes." + typ.Method(i).Name
		_, ok := n.FromWire(goName)
		if served := serves(server, goName); ok != served {
			t.Errorf("%s: the table offers it: %t; net/rpc serves it: %t", goName, ok, served)
		}
		if ok {
			offered++
		}
	}
	if offered != 8 {
		t.Errorf("%d methods are offered, want 8", offered)
	}
}
