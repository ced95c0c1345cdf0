// Package rpcutil makes package codec comfortable to use.
//
// # Names
//
// net/rpc calls a method SumServer.Sum; Python programs call it sum. A [Names] knows both. A program that uses net/rpc changes
// two lines and keeps its services as they are:
//
//	var names rpcutil.Names
//
//	names.Register(rpc.DefaultServer, new(SumServer))   // was: rpc.Register(new(SumServer))
//	codec.Options{Names: &names}.ServeConn(conn)        // was: rpc.ServeConn(conn)
//
// A client with the same table, or with [SnakeCase] and no table, keeps its call sites: client.Call("SumServer.Sum", ...) sends
// sum. Without any mapper SumServer.Sum is the name on the wire as well.
//
// These names reach the method GetUserByID of the service User:
//
//	get_user_by_id         bare, if no other method has the same
//	User.GetUserByID       the Go name, always
//	User.get_user_by_id    qualified
//	user.get_user_by_id    qualified, as other languages would write it
//	...                    what [Names.Alias] adds
//
// A bare name that two services share is not on offer: which one was meant would depend on the order of registration. A call to
// it is answered with the names to use instead, "method not found: get is ambiguous, use user.get or order.get", and a client
// with the table sends user.get. The same holds for two methods of one service with equal snake forms, GetID and GetId for
// example; only their Go names are on offer. An alias decides for one of them. Two services whose qualified names would be
// equal, User and user for example, cannot be in one table.
//
// With a table nothing outside it is reachable. A receiver that was registered with net/rpc alone is added with [Names.Add].
//
// # Snake case
//
// A name is cut into words before a capital that follows a small letter or a digit, and before the last of several capitals if
// a small letter follows. The words are put in lower case and joined by underscores:
//
//	GetUserByID    get_user_by_id
//	HTTPServer     http_server        an initialism ends where a word begins
//	SHA256Sum      sha256_sum         digits belong to what is before them
//	GetV2          get_v2
//	UserIDs        user_ids           the plural of an initialism, and
//	ParseIPv6      parse_ipv6         its version, are part of it
//	Get_User       get_user           underscores are kept, none is doubled
//	GrößeÄndern    größe_ändern       letters are those of Unicode
//
// There is no dictionary, so OAuth2Token is o_auth2_token and GraphQL is graph_ql. An alias gives such a method the name that
// its callers expect.
//
// # Functions
//
// A [Mux] serves functions by their wire names, and receivers as well:
//
//	var mux rpcutil.Mux
//	mux.Handle("sum", func(ctx context.Context, x, y int) (int, error) { return x + y, nil })
//	mux.Register(new(Library)) // as class Library(RPCServer) in Python
//	go mux.ServeCodec(codec.NewServerCodec(conn))
//
// A function may take a context first, pointers at the end are optional parameters, and the last one may be variadic. Wrong
// counts and types are error replies, a panic is "internal error" for the caller and a record with its stack for the log, and a
// *codec.Error keeps its code and data where codec.Options.Errors says so. Interceptors stand around all calls ([Mux.Use]);
// rpc.methods lists what there is to call.
//
// # Serving
//
// A [Server] serves a Mux, or the rpc.Server of an existing program, on listeners and connections:
//
//	server := rpcutil.Server{Handler: &mux}
//	err := server.ListenAndServe("tcp", ":6000")
//	err := server.ListenAndServe("unix", "/run/sum.sock")
//	err := server.Serve(tls.NewListener(listener, config))
//	err := server.ServeConn(struct{io.Reader; io.WriteCloser}{os.Stdin, os.Stdout})
//
// It recovers from panics, those of plain net/rpc methods included, and has a limit for everything that a peer can make it do:
//
//	what                             where                 default     beyond it
//	open connections                 Server.MaxConns       16,384      the connection waits, unserved
//	calls of all connections         Server.MaxCalls       16,384      the call waits, its connection is not read
//	calls of one connection          Codec.MaxPending      1,000       the connection is not read
//	time without a call              Server.IdleTimeout    one hour    the connection is closed
//	time for a message to arrive     Codec.ReadTimeout     one minute  the connection is closed
//	time that answers stay unread    Codec.WriteTimeout    30 s        the connection is closed
//	length, nesting, size in Go      Codec.Max...                      an error reply that names the limit
//
// Shutdown reads nothing more, lets every call that has been read finish, and closes the connections behind the answers; Close
// cuts. With [Server].Gob and JSON the clients of an existing net/rpc program are served on the same port, so that they can
// move one at a time.
//
// A method that is short runs on the goroutine that has read its request; after ten to twenty milliseconds, or one to two where
// methods have been slow within the last second, the reading goes on on another, so that a method may take any time, block, and
// wait for other calls of its connection. Once that has happened the connection's next calls, 64 at first and more each time,
// run on goroutines of their own from the beginning, so that where slow calls are common none waits for them. The answers to
// requests that arrived together leave together, or when one of them has taken that long. Parameters are decoded on the
// goroutine that reads: a type with a decoder of its own that blocks holds up its connection.
//
// # Calls
//
// A [Client] makes calls that end with a context, each failing on its own:
//
//	client, err := rpcutil.Dial(ctx, "tcp", "host:6000", rpcutil.ClientOptions{})
//	sum, err := rpcutil.Call[int](ctx, client, "sum", 1, 2)
//
// A call that is given up in front of an mprpc server, which takes one request at a time, holds up those behind it until it is
// answered, or until codec.Options.LockStepGrace has passed and the connection is closed; they then fail with codec.ErrNotSent
// and may be made again.
//
// # Concurrency
//
// Every type of this package says what may run together. A Names may be changed while it is in use; looking a name up takes no
// lock and allocates nothing.
package rpcutil
