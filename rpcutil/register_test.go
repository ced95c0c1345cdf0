package rpcutil_test

import (
	"fmt"
	"net/rpc"
	"sync"
	"testing"

	"github.com/go-mprpc/mprpc/rpcutil"
)

func TestRegisterServesAndNames(t *testing.T) {
	var n rpcutil.Names
	server := rpc.NewServer()
	must(t, n.Register(server, new(User)), n.RegisterName(server, "shop.Order", new(Order)))
	wantFound(t, &n, map[string]string{"user.get": "User.Get", "shop.order.get": "shop.Order.Get"})
	for _, goName := range []string{"User.Get", "shop.Order.Get"} {
		if !serves(server, goName) {
			t.Errorf("net/rpc does not serve %s", goName)
		}
	}
}

func TestRegisterWithoutServerMeansTheDefault(t *testing.T) {
	usual := rpc.DefaultServer
	defer func() { rpc.DefaultServer = usual }()
	rpc.DefaultServer = rpc.NewServer()
	var n rpcutil.Names
	must(t, n.Register(nil, new(User)), n.RegisterName(nil, "Shop", new(Order)))
	for _, goName := range []string{"User.Get", "Shop.Get"} {
		if !serves(rpc.DefaultServer, goName) {
			t.Errorf("the default server does not serve %s", goName)
		}
	}
}

func TestRegisterForTwoServers(t *testing.T) {
	var n rpcutil.Names
	for range 2 {
		server := rpc.NewServer()
		must(t, n.Register(server, new(User)))
		if !serves(server, "User.Get") {
			t.Error("one of the servers does not serve the receiver")
		}
		wantError(t, n.Register(server, new(User)), "already defined") // net/rpc's own
	}
	wantFound(t, &n, map[string]string{"get": "User.Get"})
}

func TestTableStaysWhenNetRPCRefuses(t *testing.T) {
	var n rpcutil.Names
	server := rpc.NewServer()
	must(t, server.Register(new(User)), n.Register(server, new(Order)))
	wantError(t, n.Register(server, new(User)), "rpc: service already defined: User")
	wantFound(t, &n, map[string]string{"User.Get": "", "get_user_by_id": "", "get": "Order.Get"})
	// Added to the table alone it becomes reachable.
	must(t, n.Add("", new(User)))
	wantFound(t, &n, map[string]string{"User.Get": "User.Get", "get": ""})
}

func TestNetRPCIsNotCalledWhenTheTableRefuses(t *testing.T) {
	var n rpcutil.Names
	server := rpc.NewServer()
	must(t, n.Register(server, new(User)), n.Alias("order.get", "User.Get"), n.Alias("late", "Device.Nope"))
	wantError(t, n.RegisterName(server, "user", new(Order)), "user.get")
	wantError(t, n.Register(server, new(Order)), "order.get", "already means Order.Get")
	wantError(t, n.Register(server, new(Device)), "late", "Device", "Nope")
	wantError(t, n.Register(server, (*SumServer)(nil)), "nil *rpcutil_test.SumServer")
	wantError(t, n.Register(server, nil), "nil")
	wantError(t, n.RegisterName(server, "", new(SumServer)), "needs a name")
	for _, goName := range []string{"user.Get", "Order.Get", "Device.Get", "SumServer.Sum"} {
		if serves(server, goName) {
			t.Errorf("net/rpc serves %s, which the table refused", goName)
		}
	}
}

func TestAlias(t *testing.T) {
	var n rpcutil.Names
	must(t,
		n.Alias("plus", "SumServer.Sum"), // before the service is known
		n.Add("", new(SumServer)), n.Add("", new(User)), n.Add("", new(Order)),
		n.Alias("add", "SumServer.Sum"),
		n.Alias("plus", "SumServer.Sum"), // again
		n.Alias("get", "User.Get"),
		n.Alias("user.get", "User.Get"), // it means that already
	)
	wantFound(t, &n, map[string]string{
		"plus": "SumServer.Sum", "add": "SumServer.Sum", "sum": "SumServer.Sum", "sum_server.sum": "SumServer.Sum",
		"get": "User.Get", "order.get": "Order.Get",
	})
	wantSent(t, &n, map[string]string{"SumServer.Sum": "plus", "User.Get": "get", "Order.Get": "order.get"})
	wantExplained(t, &n, map[string]string{"get": ""})
}

func TestAliasWinsOverABareName(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(User)), n.Add("", new(SumServer)), n.Alias("sum", "User.Get"))
	wantFound(t, &n, map[string]string{"sum": "User.Get", "get": "User.Get", "sum_server.sum": "SumServer.Sum"})
	wantSent(t, &n, map[string]string{"SumServer.Sum": "sum_server.sum", "User.Get": "sum"})
}

func TestAliasForAClientWithoutReceivers(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Alias("sum", "SumServer.Sum"), n.Alias("User.Get", "Account.Get"))
	wantSent(t, &n, map[string]string{"SumServer.Sum": "sum", "Account.Get": "User.Get", "User.Get": "User.Get"})
	wantFound(t, &n, map[string]string{"sum": "SumServer.Sum", "SumServer.Sum": ""})
}

func TestWrongAliases(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(User)), n.Add("", new(Order)), n.Alias("fetch", "User.Get"))
	wantError(t, n.Alias("", "User.Get"), "User.Get", "empty")
	for _, goName := range []string{"sum", "", ".Get", "User."} {
		wantError(t, n.Alias("x", goName), "not of the form Service.Method")
	}
	wantError(t, n.Alias("x", "User.Nope"), "service User has no method Nope")
	wantError(t, n.Alias("fetch", "Order.Get"), "fetch", "Order.Get", "User.Get already")
	wantError(t, n.Alias("user.get", "Order.Get"), "user.get", "already means User.Get")
	wantError(t, n.Alias("User.Get", "Order.Get"), "User.Get", "already means User.Get")
	wantFound(t, &n, map[string]string{"x": "", "fetch": "User.Get", "user.get": "User.Get"})
}

func TestLookupsDoNotAllocate(t *testing.T) {
	var n rpcutil.Names
	must(t, n.Add("", new(User)), n.Add("", new(Order)))
	got := testing.AllocsPerRun(100, func() {
		n.FromWire("user.get")
		n.FromWire("nope")
		n.ToWire("User.Get")
		n.ToWire("nvim_get_mode")
		n.Explain("get")
	})
	if got != 0 {
		t.Errorf("looking names up allocates %v times", got)
	}
}

// Readers run beside registrations and never see half of one: of the forms of a method all are found or none.
func TestLookupsWhileRegistering(t *testing.T) {
	const services = 50
	var n rpcutil.Names
	server := rpc.NewServer()
	var readers, writers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for i := 0; ; i = (i + 1) % services {
				select {
				case <-done:
					return
				default:
				}
				name := fmt.Sprintf("Service%d", i)
				if _, ok := n.FromWire(name + ".sum"); ok {
					if got := n.ToWire(name + ".Sum"); got == name+".Sum" {
						t.Errorf("%s.sum is found, but %s is sent", name, got)
						return
					}
					if !serves(server, name+".Sum") {
						t.Errorf("%s.Sum is found before net/rpc serves it", name)
						return
					}
				}
			}
		})
	}
	for w := range 2 {
		writers.Go(func() {
			for i := w; i < services; i += 2 {
				name := fmt.Sprintf("Service%d", i)
				if err := n.RegisterName(server, name, new(SumServer)); err != nil {
					t.Error(err)
				}
				if err := n.Alias(fmt.Sprintf("plus%d", i), name+".Sum"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	for i := range services {
		wantFound(t, &n, map[string]string{fmt.Sprintf("plus%d", i): fmt.Sprintf("Service%d.Sum", i)})
	}
}

func BenchmarkNamesFromWire(b *testing.B) {
	var n rpcutil.Names
	must(b, n.Add("", new(User)), n.Add("", new(Order)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n.FromWire("user.get")
		}
	})
}
