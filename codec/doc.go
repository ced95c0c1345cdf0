// Package codec lets programs written against net/rpc speak MessagePack-RPC,
// the protocol of Python's mprpc. Its functions have the names and signatures
// of net/rpc/jsonrpc, so a program that uses that package changes one import:
//
//	rpc.Register(new(SumServer))
//	go codec.ServeConn(conn)                        // a server
//
//	client, err := codec.Dial("tcp", "host:6000")   // a client
//	err = client.Call("SumServer.Sum", Args{1, 2}, &sum)
//
// [Options] has the same functions as methods. Package rpcutil maps the names
// that other languages use, such as sum, to Service.Method.
//
// # Wire format
//
// Messages are MessagePack arrays, one after the other, without any framing
// around them:
//
//	[0, msgid, method, params]    request
//	[1, msgid, error, result]     response
//	[2, method, params]           notification
//
// Everything is written in its shortest form, with params always an array. With
// [Never] the bytes equal those of mprpc for the same values. What is read may
// differ: any header width, method names and texts as str or bin, and nil for
// params, which means none. A message is built in memory and checked against
// the limits before any of it is sent; one that arrives is complete and checked
// before any of it is decoded.
//
// # Parameters
//
// A net/rpc method has one argument; on the wire there is a list of parameters.
// Both sides go by the argument's type, with pointers removed, and the first
// rule that matches:
//
//	*codec.Exchange                its Args, by these rules (client)
//	*codec.Request                 all of them, not decoded (server)
//	codec.Args                     all of them
//	nil                            none
//	a type with a form of its own  one: see Values; also, if they are no structs, types with
//	                               MarshalMsg and UnmarshalMsg
//	a struct                       its exported fields in order; struct{} has none
//	anything else                  one: numbers, strings, slices, arrays, maps
//
// Tags and embedded structs count as in Values; an embedded pointer is an error, and
// so is a struct whose fields are all unexported. The last fields may be optional: with
// the tag `msgpack:",omitempty"` they are not sent when they are zero, and may be
// missing. A nil pointer to a struct is an error.
//
// A number or type that does not match is an error reply, in the manner of
// Python, with the name from the msgpack tag, else the Go name:
//
//	sum: want 2 parameters (x, y), got 3
//	sum: parameter 2 (y): 300 does not fit int8
//	add: parameter 1 (user).tags[3]: nil does not fit string
//
// Where the peer sends exactly one map with text keys, and it cannot be the first
// parameter itself, as two or more are required or the field's type takes no map, the
// map is read as parameters by name, without regard to case; unknown and missing names
// are errors. An empty map stands for no parameters.
//
// # Results
//
// A result is one value. struct{} is sent as nil, and a reply of type struct{}
// drops whatever comes. A reply of type any that holds a pointer is filled where
// the pointer leads to, as encoding/json does; anything else in it is replaced.
//
// # Values
//
//	Go                                  MessagePack
//	bool, integers, floats              bool, integer, float, in the shortest form that
//	                                    keeps the type: an integer is never a float
//	string                              text, which must be UTF-8
//	[]byte, [n]byte                     bytes
//	slice, array                        list; a nil slice is nil
//	map                                 map; a nil map is nil; any type of key
//	struct                              map by field names; a list with as_array
//	pointer, interface                  what it leads to, or nil
//	time.Time                           RFC 3339 text in UTC; [Options].Time
//	time.Duration                       a number of seconds, to the nanosecond up to 50 days;
//	                                    [Options].Duration
//	error (the interface)               its text; in an any the fields of the type, if any
//	MarshalText, UnmarshalText          text, also as a key
//	MarshalBinary, UnmarshalBinary      bytes, where there is no MarshalText
//	msgpack.CustomEncoder, Marshaler    what they write, if it is one value
//	registered extension types          extension
//	chan, func, complex, uintptr        an error
//
// What is read is stored by the same table, and:
//
//   - A number that does not fit its Go type is an error, also inside structs, slices
//     and maps; nothing is cut off. Integers become floats only if no digit is lost,
//     floats never become integers, and a float64 becomes a float32 unless it overflows.
//   - nil fits pointers, slices, maps, interfaces and types that decode themselves; for
//     other types it is an error in parameters and the zero value in results.
//   - Text and bytes may stand for each other where the Go type says which is wanted. In
//     a string they must be UTF-8 ("text is not UTF-8; the Go type must be []byte"),
//     since nobody could send them on; with [Raw] they need not.
//   - A type with UnmarshalText and UnmarshalBinary reads text by the one and bytes by
//     the other. A struct whose methods are promoted from an embedded time.Time is a time.
//   - A time is in UTC, whatever its zone was. Text without a zone, as Python's
//     datetime.isoformat() has it, is refused unless [Options].Zone says where it is.
//   - A list fills a struct that has as many fields. Names match exactly, else without
//     regard to case. A key that no field has is passed over, or refused with
//     [Options].UnknownFields. The last of equal keys counts.
//   - A slice is new memory, a map keeps what it has, a pointer's target is filled.
//   - An any receives int64 (uint64 above its range), float64, string, []byte, []any,
//     map[string]any if all keys are text and map[any]any otherwise, time.Time for the
//     timestamp extension, the Go type of a registered extension, and msgpack.RawMessage
//     for others. Text that is not UTF-8 becomes []byte, so that an echo through any
//     loses nothing. An interface with methods receives an extension that has them.
//   - A map key that Go cannot have, such as a list, is an error; map[string]T takes
//     bytes as keys.
//
// Text that is sent must be UTF-8. If it is not, the call fails before a byte is
// sent, because an mprpc server closes the connection on it; []byte is for bytes. What
// cannot be sent, and what does not fit, is named with its path: "parameter 1
// (user).tags[3]", "[2].price", "key 5".
//
// Fields are those that Go itself finds: the fields of embedded structs and pointers to
// them stand among those of the struct around, at any depth. Of fields with one name the
// one that is embedded less deep counts, then the one with a name in its tag, and none
// where that leaves two, as in encoding/json; the same for parameters, for as_array and
// in both directions. Fields behind a nil pointer are nil, or left out where any field
// of the struct may be. Read, an embedded struct may also stand under its own name. A
// field that is not exported is no field, but for embedded structs: their fields are, and
// they themselves with noinline or a json name.
//
//	tag                          effect
//	msgpack:"name", "'a,b'"      the name; in quotes it may have commas
//	msgpack:"-"                  no field
//	omitempty                    left out if false, 0, "", nil, empty, all of whose fields are left
//	                             out, or IsZero; a type with a form of its own if it is zero. As the
//	                             last fields of an argument: optional parameters
//	omitzero                     left out if zero, or IsZero
//	noinline                     an embedded struct is a field like others
//	inline                       none: embedded structs are
//	as_array, asArray            on a field _msgpack: the struct is a list
//	omitempty                    on a field _msgpack: of all fields of the struct
//	alias:old                    one more name by which the field is read
//	intern                       none: what it stands for is read by nobody else
//	byplace                      the parameter has no name; for functions in package rpcutil
//	any other option             none
//	json:"name,omitempty"        read where there is no msgpack tag; "-", omitempty and omitzero count.
//	                             An embedded struct with a json name is a field of that name
//
// [Options].FieldNames makes the names of the other fields: rpcutil.SnakeName sends
// UserID as user_id. What is no name, empty or not UTF-8, leaves the Go name. Two fields
// that get one name are none, as above.
//
// vmihailenco/msgpack differs on purpose in these:
//
//	                             here                      vmihailenco
//	a shadowed embedded field    Go's rule                 the struct under its type's name
//	an unexported embedded       no field                  sent, not read
//	string, map, error
//	intern                       plain text                extension -128
//	MarshalText                  text                      bytes
//	both forms                   text                      bytes
//	pointer methods in a map     called                    an error
//	omitempty, a form of its own left out if zero          always left out without exported fields
//	time.Duration                seconds                   nanoseconds
//	a time's zone                UTC                       that of the machine
//	json tags                    read                      only if asked for
//	300 into an int8             an error                  44
//	settings left by an encoder  end with its value        stay
//
// # Errors
//
// The error of a response may be anything but nil: "", 0, false, [] and {} are
// errors too ("peer reported an error without text"), although mprpc's client
// takes them for success. [Error] has the parts that are found in it. rpc.Client
// passes on the text alone; an [Exchange] has the *Error.
//
// A server sends a text, which every peer reads, and never an empty one;
// [Options].Errors chooses other forms. It answers every request whose id it can
// read, whatever else is wrong. net/rpc's own texts for unknown methods are
// replaced by "method not found: sum", with the name on the wire. A method that
// returns an error with an empty text has succeeded as far as net/rpc is
// concerned, and so it is for the peer. A result that cannot be encoded is
// answered with an error. After a panic in a type's own encoding or decoding the
// peer learns "internal error" and the log the rest; a panic in a method ends the
// process, as it does in net/rpc.
//
// When the peer hangs up, calls without an answer fail with an error that wraps
// io.ErrUnexpectedEOF and names the method, since mprpc's way of saying "unknown
// method" is to close the connection. Calls that never left wrap [ErrNotSent].
// After Close calls fail with rpc.ErrShutdown. With an Exchange each call has its
// own error; the calls of a plain rpc.Client share one, which names the call in
// flight or the oldest.
//
// net/rpc ends the whole client when a result does not fit the reply. Through
// an Exchange only that call fails.
//
// # Message ids
//
// A client counts from 1 to 2^31-1, as mprpc keeps the id in a C int, begins
// again, and leaves out ids still in use. Responses with an id that is unknown,
// negative, nil, too large or used before are ignored and counted; the count is
// in the log record of the connection's end. A server repeats the bytes of the
// id, whatever integer it is.
//
// # Pipelining
//
// mprpc's server decodes one message per recv: the second of two requests in
// one segment is not answered until a third arrives. A net/rpc client that many
// goroutines share would hang. So a client keeps one request in flight and
// queues the others, until it knows that the server takes more. [Auto], the
// default, asks with its first request, by writing the method's name with a
// longer header than it needs, which every decoder accepts. A server of this
// package sees that and answers at once, before the method has ended, with
//
//	[1, nil, nil, nil]
//
// which is sent to nobody else. From then on requests leave as they come, so an
// existing net/rpc program whose first call waits for its second works as before.
// [Always] is for other servers that read what they get, [Never] neither asks nor
// opens up.
//
// In lock step a call that was given up blocks the calls behind it until its
// reply comes; after [Options].LockStepGrace the connection is closed. For
// parallel calls to an mprpc server use several connections.
//
// # Notifications
//
// The client codecs are [Notifier] values. A server runs the method and answers
// nothing; errors go to the log. mprpc closes the connection on a notification.
// Notifications that reach a client go to [Options].OnNotify.
//
// # Limits
//
// A peer cannot make a program use much more memory than the bytes it really
// sends: lengths that it claims allocate nothing, and a message is bounded in
// length, nesting, number of values and size in Go. What is sent is held to the
// same limits, with an error for the caller. The defaults are in [Options].
//
// A request that passes a limit is answered with an error that names the limit,
// if its id has arrived, then the connection ends, since the rest of the message
// has not been read; calls that are running are answered first. On a client the
// calls without an answer fail with that text.
//
// At most 256 KiB wait behind a write, and as much in the queue of a client in
// lock step; then callers wait. A server reads no further while
// [Options].MaxPending requests are unanswered.
//
// # Concurrency
//
// The codecs do what net/rpc expects: one goroutine reads, one at a time
// writes, and Close may be called at any moment and more than once. Notify and
// GiveUp may be called from any goroutine. No lock is shared between
// connections. A client codec has no goroutine of its own, a [ClientConn] has one
// that reads; a message that is alone is written by its caller, if it is short or the
// call cannot be given up, and what gathers while another is being written by a
// goroutine that ends when nothing is left. A duplex has one goroutine that reads. The
// callers of a [SerialConn] read as well.
//
// No wait is for ever. Waiting for room behind a write ends with room,
// Options.WriteTimeout, Close or GiveUp; waiting in the queue of a client in lock
// step ends with room, Close or GiveUp, and a plain rpc.Client cannot give up, so
// what limits it is the peer's answer to the call in flight. Close waits for what was
// accepted, for WriteTimeout at most. On a connection without deadlines, which a
// net.Conn has, Close is what ends reads and writes.
//
// A peer that has closed its connection for good looks like one that has only
// finished sending and waits for its answers, until a write fails. So
// Request.Context does not end then, and rpc.ServeCodec returns when all methods
// have; a method that waits for something that may never come needs a time-out.
//
// # Without net/rpc
//
// [ServerConn] and [ClientConn] are the same codecs without net/rpc's ServeCodec and
// Client around them, for packages that schedule calls themselves: rpcutil.Server
// gives each request to rpc.Server.ServeRequest as a [ServerCall] of its own, and
// rpcutil.Client makes calls that end with a context. net/rpc's client takes two
// locks, a map entry, a channel and a goroutine's turn for each call on top of what
// the codec needs. A [SerialConn] has one call at a time, for package pool.
//
// # Interoperability
//
// What peers send beyond the ordinary, and what they get. "Closed" means that
// the connection ends, with the reason in the log. The number is the group of
// stimuli that mprpc 0.1.17 was probed with; its own server closes the
// connection, without an answer, on all of 7 to 14 (but for 12), 17, 19, 20, 22
// and 26, and on the second half of 28 and 29.
//
//	    to a server
//	 1  several requests in one segment; pieces    all answered, as methods return
//	 4  a request, then half a close               answered, then closed
//	 6  long text, lists and maps                  answered, up to the limits
//	 7  a header that claims more than a limit     error naming the limit if the id is there, then closed
//	10  unknown method, empty, _hidden             error "method not found: nope"
//	12  a method name that is not ASCII            called by its name
//	13  a notification                             the method runs, nothing is answered
//	14  a response                                 ignored and counted
//	14  a request of length 2, 3, 5                error "message has 3 elements, want 4"
//	14  a notification of another length           logged, not run
//	14  type 3, nil, false, 0.0; length 0, 1       closed
//	15  array16 and array32, wide integers         accepted
//	16  no array; HTTP                             closed
//	17  the byte c1                                requests before it are answered, then closed
//	18  any integer as id, repeated ids            the id's bytes are repeated
//	20  an id that is no integer                   closed
//	22  method as bin; method that is no text      accepted; error "method is nil, not text"
//	23  params nil                                 no parameters
//	24  params text, map, number                   error "sum: params is a map, not a list"
//	24  params [{x: 1, y: 2}]                      parameters by name
//	25  another number of parameters               error "sum: want 2 parameters (x, y), got 1"
//	26  text that is not UTF-8                     a name that is not found; bytes for an any
//	27  timestamps; other extensions               time.Time; kept as they are
//	28  a key twice; a key that Go cannot have     the last one counts; error
//	29  nested too deep                            error "message exceeds MaxDepth (128)", then closed
//	36  requests while a method runs               answered at once, in any order
//
//	    to a client
//	38  error "", 0, false, [], {}                 the call fails
//	39  error of any type; with a result too       the call fails with its text
//	40  an id unknown, negative, nil, too large    ignored and counted
//	42  a response of length 3, 5                  that call fails
//	42  a request                                  error "method not found"
//	42  type true, no array, c1                    closed; calls fail with the reason
//	43  two responses in one segment, pieces       both taken
//	44  a notification                             OnNotify, or dropped and logged
//	45  a response twice                           the second is ignored and counted
//	48  a result that does not fit                 that call fails, see Errors for a plain rpc.Client
//	49  a hang-up                                  calls fail, each with its method
//	50  a response to a call that was given up     ignored
//
// mprpc's answer with id -1 to what is no array is not copied: no client waits
// for such an id, and what follows such bytes cannot be trusted.
//
// Old peers, from before MessagePack knew bin and str8, are served with
// [Options].Strings set to [Raw]; mprpc with pack_encoding and unpack_encoding by
// EncodeText and DecodeText. Neovim, rpclib and msgpack-rpc-python take [Always];
// Neovim wants a [Options.NewDuplex].
//
// # Why it is built like this
//
// net/rpc reads on one goroutine and, when that fails, takes the lock that a
// waiting WriteRequest holds. Therefore the codecs close the connection and wake
// everyone who waits before they return a read error, and the goroutine that
// reads on a client or duplex never writes. net/rpc drops the error of
// WriteResponse (golang.org/issue/71559), so a failed write closes the connection
// here and is logged.
//
// The module's first design gave vmihailenco/msgpack every frame that had been
// checked, the second all values that its own plans did not know: a value changed its
// rules and its speed with one tag. Now package value walks over every type itself,
// and vmihailenco has the types that encode or decode themselves.
package codec
