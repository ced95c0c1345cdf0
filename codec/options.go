package codec

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/rpc"
	"time"

	"github.com/go-mprpc/mprpc/codec/value"
	"github.com/go-mprpc/mprpc/codec/wire"
)

// Options adjusts a codec. The zero value is the good default. In every limit
// and every duration zero means the default that its comment names,
// and a negative value means none, or no limit.
//
// Options may be copied and used for any number of connections.
type Options struct {
	// Names maps the names on the wire to the names that net/rpc knows, such as
	// sum to SumServer.Sum. nil leaves names as they are. See rpcutil.Names.
	Names NameMapper

	// Pipeline says whether a client sends a request while another is
	// unanswered. The zero value, Auto, finds out and is safe for every peer.
	Pipeline Pipelining

	// LockStepGrace is how long a client without pipelining waits for the reply
	// to a call that was given up before it closes the connection, so that the
	// calls queued behind it are not held up for ever. The default is 10 s;
	// negative waits for as long as it takes.
	LockStepGrace time.Duration

	// MaxPending is how many requests of one connection a server works on at
	// once; it reads no more until one is answered. The default is 1,000.
	// A duplex answers what comes beyond with the error "busy".
	MaxPending int

	// MaxMessage is the longest message in bytes, received or sent.
	// The default is 16 MiB.
	MaxMessage int

	// MaxDepth is how deep arrays and maps may be nested in a message, its own
	// array and that of the parameters included. The default is 128; negative
	// means 100,000, the most that is safe for Go's stack.
	MaxDepth int

	// MaxElements is how many values the arrays and maps of a message may hold
	// together; a map entry counts twice. The default is 1,000,000.
	MaxElements int

	// MaxDecoded is how many bytes the Go values of one received message may
	// take, for small values on the wire can be large ones in Go.
	// The default is 256 MiB.
	MaxDecoded int64

	// ReadTimeout is how long a message that has begun to arrive may take to be
	// complete. It does not limit how long a connection is idle. The default is
	// one minute. It needs a connection with SetReadDeadline, such as a net.Conn.
	ReadTimeout time.Duration

	// WriteTimeout is how long one write, of up to 256 KiB, may take; then the
	// connection is closed. Close also waits no longer than that (30 s where this is negative)
	// for what was accepted before it. The default is 30 s. Writes can only be
	// limited on a connection with SetWriteDeadline, such as a net.Conn.
	WriteTimeout time.Duration

	// Strings is how text and bytes are told apart on the wire; Raw is for peers
	// from before 2013 and for mprpc with use_bin_type=False.
	Strings StringForm

	// EncodeText and DecodeText convert text, method names included, from UTF-8
	// to the peer's encoding and back: mprpc's pack_encoding and
	// unpack_encoding. Two methods of golang.org/x/text fit as they are:
	// charmap.ISO8859_1.NewEncoder().Bytes and its NewDecoder().Bytes.
	// nil is UTF-8. They may be called from several goroutines at once.
	EncodeText, DecodeText func([]byte) ([]byte, error)

	// Time is the wire form of a time.Time that is sent. Both forms are read.
	Time TimeForm

	// Zone is the zone in which a time text without one is read: what Python's
	// datetime.isoformat() gives for most datetimes. nil, the default, refuses
	// it. Whatever the zone of a text, the time.Time is in UTC.
	Zone *time.Location

	// Duration is the wire form of a time.Duration, sent and read.
	Duration DurationForm

	// FieldNames makes the names on the wire of the fields of structs that have
	// none in their tag, such as rpcutil.SnakeName: user_id for UserID. It is
	// called once for each field, may be called from several goroutines at once,
	// and always gives the same for the same name. nil leaves names as they are.
	FieldNames func(goName string) string

	// UnknownFields says what becomes of the keys of a map that no field of the
	// struct has which the map is read into.
	UnknownFields UnknownForm

	// Errors is the wire form of errors that a server sends. Every form is read.
	Errors ErrorForm

	// OnNotify is called for each notification that reaches a client, in their
	// order, on a goroutine of its own. Up to 1,000 notifications (and no more
	// bytes of them than MaxMessage) may wait for it, then the connection ends.
	// On a duplex it gets all notifications; where it is nil they call the
	// server's methods. On a client where it is nil they are dropped and logged.
	OnNotify func(*Request)

	// Logger gets what net/rpc drops: why a connection ended that neither side
	// closed, panics, failed notifications. nil is slog.Default(). Each
	// connection logs a few records a second at most.
	Logger *slog.Logger
}

// NameMapper maps method names. Its methods may be called from several
// goroutines at once. rpcutil.Names and rpcutil.SnakeCase are mappers.
//
// A mapper that also has a method Explain(wire string) string is asked by a
// server why FromWire did not find a name; the text, unless empty, becomes the
// error reply.
type NameMapper interface {
	// FromWire returns the net/rpc name, Service.Method, for a name on the wire.
	FromWire(wire string) (serviceMethod string, ok bool)
	// ToWire returns the name on the wire for what a client program calls.
	ToWire(serviceMethod string) (wire string)
}

// Pipelining says whether a client may send a request while another is
// unanswered.
type Pipelining int

const (
	// Auto begins with one request in flight. The first request asks, in a way
	// that every MessagePack decoder reads, whether the server takes more; a
	// server of this module says yes at once.
	Auto Pipelining = iota
	// Always sends every request at once. It is for servers that read all
	// messages of a segment: Neovim, rpclib, msgpack-rpc-python. Python's mprpc
	// hangs: it reads one message per recv.
	Always
	// Never keeps one request in flight and does not ask.
	Never
)

// StringForm is how text and bytes appear on the wire.
type StringForm int

const (
	// Modern writes text as str and bytes as bin.
	Modern StringForm = iota
	// Raw writes both as str, and never as str8.
	Raw
)

// TimeForm is how a time.Time appears on the wire.
type TimeForm int

const (
	// TimeText is RFC 3339 text in UTC with nanoseconds. It is the default
	// because an mprpc server closes the connection on the other form.
	TimeText TimeForm = iota
	// TimeExt is the extension type -1 of the MessagePack specification.
	TimeExt
)

// DurationForm is how a time.Duration appears on the wire.
type DurationForm int

const (
	// DurationSeconds is a number of seconds: a float when it is sent, as Python's
	// timedelta.total_seconds() gives it; an integer or a float when it is read.
	// It is exact to the nanosecond up to 50 days.
	DurationSeconds DurationForm = iota
	// DurationNanoseconds is an integer.
	DurationNanoseconds
)

// UnknownForm is what becomes of a key that no field of a struct has.
type UnknownForm int

const (
	// UnknownIgnored passes over the key and its value, as encoding/json does.
	UnknownIgnored UnknownForm = iota
	// UnknownRefused is an error that names the key and the fields that there are.
	UnknownRefused
)

// ErrorForm is how an error appears in a response.
type ErrorForm int

const (
	// ErrorText is the error's text, the only form that every peer reads.
	ErrorText ErrorForm = iota
	// ErrorPair is [code, message], as Neovim and tinyrpc send and read it.
	ErrorPair
	// ErrorMap is {"code": ..., "message": ...}, with "data" where there is any.
	ErrorMap
)

// Defaults and fixed bounds.
const (
	defaultGrace        = 10 * time.Second
	defaultMaxPending   = 1000
	defaultMaxMessage   = 16 << 20
	defaultMaxDepth     = 128
	defaultMaxElements  = 1_000_000
	defaultMaxDecoded   = 256 << 20
	defaultReadTimeout  = time.Minute
	defaultWriteTimeout = 30 * time.Second

	// deepest is what "no limit" means for nesting: encoding and decoding
	// recurse, a level takes about 1 KiB of stack, and Go ends the process at
	// 1 GiB.
	deepest = 100_000
	// maxWaiting is how many bytes may wait behind a write, or in a lock-step
	// client's queue, before callers wait. Without it a peer that reads nothing
	// took 299 MB for 42 KB of requests.
	maxWaiting = 256 << 10
	// maxNotifications is how many notifications may wait for OnNotify.
	maxNotifications = 1000
	// lingerTime is how long a closing server goes on reading what its peer
	// still sends, after telling it that a message was refused: closing with
	// unread input resets the connection, and the reply may be lost.
	lingerTime = 500 * time.Millisecond
)

// number is what options are made of.
type number interface{ ~int | ~int64 }

// pick returns what an option means: its default for zero, none for negative.
func pick[T number](v, byDefault, none T) T {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return none
	}
	return v
}

// settings are options with every default filled in. A duration of zero means
// no limit.
type settings struct {
	Options
	values value.Values
	log    *slog.Logger
}

// settings fills in the defaults. It panics for a choice that does not exist.
func (o Options) settings() *settings {
	if o.Pipeline < Auto || o.Pipeline > Never || o.Strings < Modern || o.Strings > Raw ||
		o.Time < TimeText || o.Time > TimeExt || o.Errors < ErrorText || o.Errors > ErrorMap ||
		o.Duration < DurationSeconds || o.Duration > DurationNanoseconds || o.UnknownFields < UnknownIgnored || o.UnknownFields > UnknownRefused {
		panic(fmt.Sprintf("codec: Options has a Pipeline, Strings, Time, Errors, Duration or UnknownFields that does not exist: %d, %d, %d, %d, %d, %d",
			o.Pipeline, o.Strings, o.Time, o.Errors, o.Duration, o.UnknownFields))
	}
	o.LockStepGrace = pick(o.LockStepGrace, defaultGrace, 0)
	o.ReadTimeout = pick(o.ReadTimeout, defaultReadTimeout, 0)
	o.WriteTimeout = pick(o.WriteTimeout, defaultWriteTimeout, 0)
	o.MaxPending = pick(o.MaxPending, defaultMaxPending, math.MaxInt)
	s := &settings{Options: o, log: o.Logger}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.values.Limits = wire.Limits{
		Message:  pick(o.MaxMessage, defaultMaxMessage, math.MaxInt),
		Depth:    min(pick(o.MaxDepth, defaultMaxDepth, deepest), deepest),
		Elements: pick(o.MaxElements, defaultMaxElements, math.MaxInt),
		Decoded:  pick(o.MaxDecoded, defaultMaxDecoded, math.MaxInt64),
	}
	s.values.Format = value.Format{
		Raw:         o.Strings == Raw,
		TimeExt:     o.Time == TimeExt,
		Zone:        o.Zone,
		Nanoseconds: o.Duration == DurationNanoseconds,
		KnownFields: o.UnknownFields == UnknownRefused,
		EncodeText:  o.EncodeText,
		DecodeText:  o.DecodeText,
	}
	if o.FieldNames != nil {
		s.values.Format.Names = value.NewNames(o.FieldNames)
	}
	return s
}

// NewServerCodec returns a server codec on conn, for rpc.ServeCodec. See the
// function of the same name.
func (o Options) NewServerCodec(conn io.ReadWriteCloser) rpc.ServerCodec {
	return newServer(o.settings(), newTransport(conn))
}

// NewClientCodec returns a client codec on conn, for rpc.NewClientWithCodec.
// See the function of the same name.
func (o Options) NewClientCodec(conn io.ReadWriteCloser) rpc.ClientCodec {
	return newClient(o.settings(), newTransport(conn))
}

// NewClient returns an rpc.Client on conn. See the function of the same name.
func (o Options) NewClient(conn io.ReadWriteCloser) *rpc.Client {
	return rpc.NewClientWithCodec(o.NewClientCodec(conn))
}

// Dial connects to a server. See the function of the same name.
func (o Options) Dial(network, address string) (*rpc.Client, error) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return o.NewClient(conn), nil
}

// ServeConn serves rpc.DefaultServer on conn. See the function of the same name.
func (o Options) ServeConn(conn io.ReadWriteCloser) {
	rpc.ServeCodec(o.NewServerCodec(conn))
}

// NewDuplex returns two codecs on one connection. See the function of the same
// name.
func (o Options) NewDuplex(conn io.ReadWriteCloser) (rpc.ServerCodec, rpc.ClientCodec) {
	return newDuplex(o.settings(), newTransport(conn))
}
