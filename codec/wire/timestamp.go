package wire

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Timestamps are values of the extension type -1, in three lengths.
// Source: https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type

// ExtType returns the type of the extension value at the start of b.
func ExtType(b []byte) byte {
	_, _, head := Header(b)
	return b[head-1]
}

// ReadTimestamp reads the payload of a timestamp. The time is in UTC.
func ReadTimestamp(b []byte) (time.Time, error) {
	var sec int64
	var nsec uint64
	switch len(b) {
	case 4:
		sec = int64(binary.BigEndian.Uint32(b))
	case 8:
		v := binary.BigEndian.Uint64(b)
		sec, nsec = int64(v&(1<<34-1)), v>>34
	case 12:
		sec, nsec = int64(binary.BigEndian.Uint64(b[4:])), uint64(binary.BigEndian.Uint32(b))
	default:
		return time.Time{}, fmt.Errorf("timestamp of %d bytes", len(b))
	}
	if nsec > 999_999_999 {
		return time.Time{}, fmt.Errorf("timestamp of %d nanoseconds", nsec)
	}
	return time.Unix(sec, int64(nsec)).UTC(), nil
}

// AppendTimestamp appends a time in the shortest form that holds it.
func AppendTimestamp(b []byte, t time.Time) []byte {
	sec, nsec := t.Unix(), uint64(t.Nanosecond())
	switch {
	case uint64(sec)>>34 != 0: // before 1970 as well
		b = binary.BigEndian.AppendUint32(append(b, 0xc7, 12, ExtTime), uint32(nsec))
		return binary.BigEndian.AppendUint64(b, uint64(sec))
	case nsec == 0 && uint64(sec)>>32 == 0:
		return binary.BigEndian.AppendUint32(append(b, 0xd6, ExtTime), uint32(sec))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd7, ExtTime), nsec<<34|uint64(sec))
}
