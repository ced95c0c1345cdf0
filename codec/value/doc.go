// Package value puts Go values into MessagePack-RPC messages and takes them out:
// parameters, results and errors. It knows Go types, and of messages no more than
// where in them a value stands; package wire has the bytes, package codec the
// connections. What values look like is the part "Values" of package codec.
//
//	types.go   what is known of a Go type, described once and kept
//	fields.go  the fields of a struct, by Go's rule of embedding; tag.go reads
//	           tags, names.go makes names
//	self.go    types that encode or decode themselves
//	values.go  messages: where a walk begins
//	params.go  which parameters an argument stands for, and by which names
//	encode.go  the walk from Go to bytes
//	decode.go  the walk from bytes to Go; any.go where Go says nothing of the type
//	format.go  what MessagePack leaves open: text, times, old peers
//	errors.go  what does not fit, and where
//
// # The walks
//
//	Values.AppendRequest, AppendResult        a pooled encoder begins the message
//	  encoder.params, result                  which values an argument stands for
//	    typeInfo.encode                       one function for each Go type
//	      encoder.fields, text, any, ...      bytes, counted against the limits
//	      encoder.foreign                     a leaf: vmihailenco writes, a Scanner looks
//
//	Values.DecodeParams, DecodeResult         a pooled decoder on scanned bytes
//	  decoder.keywords                        parameters by name
//	  typeInfo.decode                         one function for each Go type
//	    decoder.fields, text, any, ...        values, charged before they are made
//	    decoder.foreign                       a leaf: its bytes, and no others
//
// Both walk over the type and the value themselves. github.com/vmihailenco/msgpack/v5
// is asked for leaves alone: types with its methods (msgpack.CustomEncoder,
// CustomDecoder, Marshaler, Unmarshaler), and those registered with it. What a leaf
// writes is scanned, so it cannot damage the message around it; what it reads is
// charged for its length and for 256 bytes for each value in its lists and maps, as
// nobody knows what it makes of them. Decoding calls no encoder of the program.
//
// Types are registered with vmihailenco in init: what is known of a type is kept from
// its first use on. A type for which only an encoder is registered is recognised by
// what is written for its zero value and for a sample, when it is first sent; this does
// not reach structs that embed others or have fields with options in their tags.
//
// # Limits
//
// A message is counted while it is built: bytes, levels of lists and maps, elements.
// Pointers and interfaces that lead to nothing but themselves write no byte; more than
// a thousand behind each other are an error. So every value that contains itself ends
// with an error. Only a leaf that hands such a value to vmihailenco by itself is out of
// reach: that recurses without writing, until the stack ends the process.
//
// # Stability
//
// The package is exported for adapters within this module (codec, rpcutil, pool). It is
// not covered by the module's compatibility promise.
package value
