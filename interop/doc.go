// Package interop holds the proof that this module and the real peers
// understand each other; it has no code of its own.
//
// Its tests are a matrix: Go calling mprpc's RPCServer, and mprpc's RPCClient
// and RPCPoolClient (with gsocketpool) calling Go, in real processes on the
// loopback interface. Each case looks at what the far side got, value and type,
// not only at what comes back. Python's clients call the same Go service through
// the main loop of a net/rpc program, through rpcutil.Server, and through a Mux
// behind it, and must not see which one it is.
//
//	go test ./interop -run Matrix -v
//
// lists the cases, and at its end those that a peer has no means to express,
// with the reason. The vectors in testdata were captured from real mprpc; they
// are read and written through whole codecs here, and value by value in
// package codec/value. A corpus of values, of every format and around every limit,
// is compared byte for byte with Python's own msgpack in C, 0.6.2 and a current
// one: docs/values.md says how values look on either side.
//
// Folder python sets the peers up and runs them; folder demo shows the main job
// in one command; folder examples has programs to begin with; folder soak, a module of
// its own, tries everything at once for as long as one likes.
package interop
