package soak

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// request is a whole message that asks for a job of number 0.
func request(id int, kind string) []byte {
	b, err := msgpack.Marshal([]any{0, id, "work", []any{0, kind, ""}})
	if err != nil {
		panic(err)
	}
	return b
}

// harm is a connection of a peer that does not keep to the rules.
func harm(r *rand.Rand, addr string) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	whole := request(1, "quick")
	switch r.IntN(10) {
	case 0: // no protocol at all
		noise := make([]byte, 1+r.IntN(5000))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		conn.Write(noise)
		drain(conn, 50*time.Millisecond)
	case 1: // gone in the middle of a message
		conn.Write(append(whole, whole[:1+r.IntN(len(whole)-1)]...))
	case 2: // gone with a reset, while it is served
		conn.Write(request(1, "nap"))
		conn.(*net.TCPConn).SetLinger(0)
	case 3: // byte by byte
		for i := range whole {
			if _, err := conn.Write(whole[i : i+1]); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
		drain(conn, 20*time.Millisecond)
	case 4: // asks for much, and reads little of it, slowly
		for i := range 300 {
			conn.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
			if _, err := conn.Write(request(i, "big")); err != nil {
				break
			}
		}
		for range 50 {
			if _, err := conn.Read(make([]byte, 100)); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	case 5: // many short calls at once, and no answer is read
		many := bytes.Repeat(whole, 3000)
		conn.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
		conn.Write(many)
	case 6: // claims a length
		conn.Write(append([]byte{0x94, 0, 1, 0xdb}, binary.BigEndian.AppendUint32(nil, r.Uint32())...))
		drain(conn, 20*time.Millisecond)
	case 7: // JSON, or gob, that breaks off or is wrong
		texts := []string{`{"method":"Service.Work","params":[{"ID":0,"Kind":"quick"}],"id":1}{"method":`, `{}`, `{"method":5}`, `[`,
			"\x2c\xff\x81\x03\x01\x01\x07Request", "\x05", "GET / HTTP/1.1\r\n\r\n"}
		conn.Write([]byte(texts[r.IntN(len(texts))]))
		drain(conn, 20*time.Millisecond)
	case 8: // says nothing
		drain(conn, time.Duration(r.IntN(100))*time.Millisecond)
	case 9: // has methods panic and end their goroutine, finishes sending, and reads to the end
		for i := range 30 {
			conn.Write(request(i, []string{"panic", "exit", "nil", "quick", "fail", "release"}[r.IntN(6)]))
		}
		conn.(*net.TCPConn).CloseWrite()
		drain(conn, time.Second)
	}
}

// drain reads for some time, or to the end.
func drain(conn net.Conn, d time.Duration) {
	conn.SetReadDeadline(time.Now().Add(d))
	io.Copy(io.Discard, conn)
}
