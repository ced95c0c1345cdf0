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
// # Concurrency
//
// Every type of this package says what may run together. A Names may be changed while it is in use; looking a name up takes no
// lock and allocates nothing.
package rpcutil
