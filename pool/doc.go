// Package pool calls MessagePack-RPC servers over connections that it opens when
// they are needed, keeps, checks before they are used again, and spreads over
// several servers. It does for Go what gsocketpool does for Python's mprpc:
//
//	p := pool.New(pool.Options{Address: "127.0.0.1:6000"})
//	defer p.Close()
//	sum, err := pool.Call[int](ctx, p, "sum", 1, 2)
//
// [Pool.Call] has the signature that net/rpc's users know, with a context in
// front; [Pool.Client] has net/rpc's own. [Pool.Do] and [Pool.Acquire] give out a
// connection for several calls.
//
// # Concurrency
//
// Any number of goroutines may use a pool. A connection serves one call at a
// time, so mprpc's server, which takes one request at a time, is safe and is used
// in parallel all the same. A call runs on the caller's goroutine: it writes,
// reads and decodes there, and no other goroutine takes part. It reads when all is
// written: what a server sends before it has taken the whole request, it must be
// able to send without being read.
//
// Up to [Options].MaxConns connections exist, to all endpoints together. Who finds
// them all in use waits, in the order of arrival over all endpoints, until its
// context ends. A caller that gives up while its connection is being made leaves
// the attempt to run on, for the next one; until that is over it counts.
//
// With [Options].Shared, for servers that answer several requests at a time, a
// connection carries as many calls at once, and all its numbers count such
// places. A call that is given up leaves the connection as it is, with one
// exception: its time has passed, and nothing at all has arrived since it began. Such
// a connection may lead nowhere. It is kept for the calls that are on it, and others
// use another one; so there may be more than MaxConns of them for a while, as there
// are where each endpoint needs at least one.
//
// A pool has a goroutine for maintenance, those of its [Resolver] while that runs, and
// those of each connection being made. With Shared each connection has one that reads.
//
// # Errors
//
//	a *codec.Error        the peer's answer; see errors.As
//	codec.ErrNotSent      wrapped if the request never left: no connection was to be had
//	io.ErrUnexpectedEOF   wrapped if the peer closed the connection before the answer,
//	                      which mprpc also does for an unknown method
//	context.Canceled, context.DeadlineExceeded
//	                      wrapped if the context or CallTimeout ended the call, and, with
//	                      codec.ErrNotSent, the latter if DialTimeout ended the connecting
//	rpc.ErrShutdown       itself, after Close
//
// An error of this side alone, such as an argument that cannot be encoded or a
// result that does not fit, costs the one call. After an answer of the peer, be it
// an error, the connection is used again too. After anything else it is closed:
// there may be more to come on it that nobody has asked for. Reply is written by
// the caller's own goroutine alone, and so never after Call has returned; with
// Shared, codec.Exchange sees to that.
//
// # Limits
//
// Options.DialTimeout limits making a connection, CallTimeout and the context the
// whole of a call, MaxIdleTime and MaxLifetime the life of connections, and
// Options.Codec what one message may take. A context that ends in the middle of a
// call ends the call at once and closes its connection; the server is not told
// otherwise, since MessagePack-RPC has no message for it.
//
// Nothing waits without an end but a call whose context has none and for which
// there is no CallTimeout, to a server that stays connected and does not answer.
//
// # Checks
//
// Writing to a connection that the peer has closed succeeds; only the answer never
// comes. So each connection is looked at before it is used again, by a read that
// does not wait: if the peer has closed it, or has sent anything, it is closed and
// the next one is taken. The look takes half a microsecond; a call on a TCP or Unix
// connection makes up for it, as it looks, writes and waits in one go, which saves
// another system call. It is not left out for connections that were used just now: a
// server that shuts down in good order sends its last answers and closes at once.
// Where the system offers no such read, on Windows, under TLS and on what else is not
// a syscall.Conn, MaxIdleTime is what there is, and Options.Ping.
//
// # Retries
//
// A request is sent again only if that can do no harm:
//
//   - connecting has failed: it is tried at other endpoints, and again for DialRetry
//     with growing pauses, at random in part. While dials to an endpoint fail, one is
//     made at a time, for all callers together. When no endpoint could be connected
//     to for DialRetry, calls fail at once but for an attempt each second at most.
//   - the check before use has failed: another connection is taken.
//   - nothing was sent because the connection had just ended (codec.ErrNotSent).
//   - its method is declared harmless by Options.Idempotent, and its connection broke
//     before the answer: one more attempt, elsewhere if there is another endpoint,
//     never after a time-out. If that fails too the error tells of both, and does not
//     wrap codec.ErrNotSent: the first may have run.
//
// All else is reported to the caller, who alone knows what a second run would do.
//
// # Several endpoints
//
// A [Resolver] tells where servers are: [Static] from a list, [DNS] by name, and any
// function of that type that pushes changes. A caller goes to the endpoint with the
// fewest callers, in turn among equals, so equal servers have equal loads and a slow
// one less. A new endpoint takes part at once, if need be with connections that
// others have to spare. One that is no longer listed gets no more calls; those under
// way end in peace. With fewer connections than endpoints some endpoints are not
// used, until connections are replaced.
//
// An endpoint that fails EjectAfter times in a row, in connecting or in calls (hang-ups,
// garbage and time-outs, but neither errors that the peer reports nor callers who
// lose interest, or have spent most of their time in waiting), is ejected: for one second, and twice as long after each failed
// attempt to connect to it again, up to a minute, which the pool makes by itself, on
// a connection of its own, so that no call is lost or held up by it. That a server
// accepts a connection does not say that it answers: with Ping it must, without it the
// next call finds out. When all are ejected, all are used.
//
// An empty list is not taken over; the endpoints known last stay in use. So they do
// when a Resolver fails. Before the first list calls wait, DialTimeout at most.
//
// # mprpc and gsocketpool options
//
//	host, port                      Address
//	timeout                         DialTimeout; CallTimeout or a context for the call as a whole
//	                                (mprpc's is for each recv)
//	lazy                            always lazy; MinIdle warms up
//	lifetime                        MaxLifetime (without one gsocketpool's are always expired)
//	tcp_no_delay, keep_alive        both on, as always in Go; Dial to change that
//	pack_encoding, unpack_encoding  Codec.EncodeText, Codec.DecodeText
//	pack_params, unpack_params      Codec.Strings, Codec's limits, and the Go types
//	open, close, is_connected       none needed: connections that ended are found and replaced
//	getpeername                     Conn.RemoteAddr
//	reconnect, is_expired           none needed; Reset replaces all connections
//	initial_connections             MinIdle
//	max_connections                 MaxConns (a limit; gsocketpool's is exceeded)
//	reap_expired_connections        always
//	reap_interval                   a quarter of MaxIdleTime or MaxLifetime, at most 30 s
//	acquire(retry=10)               waiting ends with the context; waiters are woken, in their order
//	release, drop                   Conn.Release, Conn.Destroy; each may be called twice
//	connection()                    Do; connections that broke in it are not given out again
package pool
