// Package etcd lets servers say in etcd where they are, and pools find them
// there. A server registers itself:
//
//	r, err := etcd.Register(ctx, client, "sum", "10.0.0.1:6000")
//
// and every pool with this Resolver calls it, beside the others of that name,
// until it withdraws or dies:
//
//	p := pool.New(pool.Options{Resolver: etcd.Resolver(client, "sum")})
//
// It is a module of its own, so that programs that do not use it do not get the
// dependencies of etcd's client.
//
// # What is in etcd
//
// For each server a key, whose value is its address:
//
//	/mprpc/sum/10.0.0.1:6000    10.0.0.1:6000
//
// Only the value counts, and all keys below /mprpc/sum/ do. So servers that are
// not written in Go can be listed as well, by any client of etcd, with a lease or
// without:
//
//	etcdctl put /mprpc/sum/old-python-server 10.0.0.9:6000
//
// [Options].Prefix is what stands in front, for several systems in one etcd.
//
// # The life of a registration
//
// The key hangs on a lease of 10 seconds ([Options].TTL), which is renewed three
// times in that time. With each renewal the key is looked for, and put back if
// somebody has removed it. When the lease is lost, because etcd was away, was cut
// off for longer than that or has lost its data, the server registers again by
// itself. A server that is killed is listed until its lease ends; pools notice
// before that it does not answer, and leave it out.
//
// A server that is to stop without costing a call withdraws first:
//
//	r.Withdraw(ctx)         // pools send no more calls, and close idle connections
//	time.Sleep(time.Second) // until all of them have read it
//	server.Shutdown(ctx)    // calls under way end
//
// Without the pause a call may be sent at the moment at which its connection is
// closed, and nobody can tell the caller whether it was read.
//
// # Finding servers
//
// A [Resolver] reads the list and watches it; a change is known in milliseconds.
// It starts anew from a complete list when the watch ends for any reason (etcd
// restarted, the revision compacted, the member without a leader), and in any case
// every 30 seconds ([Options].Resync), for a watch that is silent because its
// connection is dead, or because etcd has lost its data and counts from one again,
// looks like one without news.
//
// While etcd cannot be reached the servers known last stay in use. An address that
// is missing in a complete list, and whose removal the watch has not told, is kept
// for another TTL: after an etcd that has lost its data the servers register again
// one by one, and the first of them is not to get the calls of all.
//
// What it cannot tell apart: servers that are cut off from etcd, though not from
// their callers, look like dead ones when their leases end. The last of them stays
// in use, as [pool.Resolver] never takes over an empty list.
//
// # The client
//
// The *clientv3.Client is the caller's: it may be shared by any number of
// registrations and resolvers, and by the rest of the program, and is closed after
// them. Credentials, TLS and several members of a cluster are its business. With
// DialKeepAliveTime and DialKeepAliveTimeout set it finds dead connections sooner
// than the next look.
//
// # Concurrency
//
// Everything may be called from any goroutine. A registration has a goroutine,
// until it is withdrawn.
package etcd
