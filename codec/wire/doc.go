// Package wire turns MessagePack-RPC messages into bytes and back. It knows
// nothing of connections, goroutines, locks or net/rpc: every function works
// on bytes that are already there, which is why almost all unit tests and
// fuzz targets of this module live here.
//
// A message walks through the files of this package in one direction and back:
//
//	frame.go    finds where one complete message ends, without decoding it;
//	            reader.go cuts a stream into messages, header.go reads headers
//	message.go  takes the message's array apart: type, id, method, params
//	params.go   matches positional parameters with a Go argument; decode.go reads them
//	value.go    one value: stored in a Go value by plan.go, scalar.go, fields.go,
//	            any.go and anymap.go, under range and size checks;
//	            valueerror.go says where it does not fit
//	plain.go    the short way for numbers, texts and bytes, alone or as fields:
//	            neither encoder nor decoder
//	encode.go   builds whole messages in memory; encoder.go writes their values,
//	            by encodeplan.go where agree.go finds that vmihailenco writes the
//	            same, except those that encodable.go knows to be endless
//	text.go     the pass over finished bytes: UTF-8, old strings, encodings, times;
//	            left out where it is known to have nothing to do
//
// # Who encodes, who decodes
//
// What a value looks like on the wire is what github.com/vmihailenco/msgpack/v5
// makes of it. That encodes every value with something in it that its type alone
// does not tell: types that encode themselves or are registered with it,
// interfaces, embedded structs, tags with options, types that contain
// themselves. The rest is written here along plans, to the same
// bytes in much less time. Types are registered (msgpack.RegisterExt, Register)
// in init: each is looked at once, when it is first sent.
//
// vmihailenco decodes all values of types that decode themselves
// (msgpack.CustomDecoder, msgpack.Unmarshaler, encoding.BinaryUnmarshaler,
// encoding.TextUnmarshaler, extension types registered with msgpack.RegisterExt).
// The rest is decoded here, along a plan cached per Go type. The first design
// was to walk the bytes beside the type only to check ranges and sizes and to
// let vmihailenco store the values afterwards. But the walk has to know every
// rule by which bytes reach a field in order to name the parameter that does
// not fit, and vmihailenco still lacked what follows from the checks: a float64
// into a float32, null into a time.Time (it panics), int64 instead of int8 in
// an any. Storing the value where it has just been checked is less code than a
// second pass, and there is no way for the two passes to disagree.
//
// # Stability
//
// The package is exported for adapters within this module (codec, rpcutil,
// pool). It is not covered by the module's compatibility promise.
package wire
