// Package wire turns the bytes of MessagePack-RPC into messages and back. It
// knows headers, frames and the three messages, and nothing of Go types,
// reflection, connections, goroutines or net/rpc: its functions work on bytes
// that are already there. Package value puts Go values into messages.
//
//	frame.go      a Scanner finds where one value ends, without decoding it
//	reader.go     a Reader cuts a stream into messages
//	message.go    the three messages, taken apart and begun
//	header.go     headers, numbers and lengths of MessagePack
//	timestamp.go  times as extension values
//	text.go       texts of a peer, cut for errors and logs
//
// Functions that read expect bytes which have passed a Scanner.
//
// # Stability
//
// The package is exported for adapters within this module. It is not covered by
// the module's compatibility promise.
package wire
