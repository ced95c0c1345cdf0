// Package scale is a simulation, in its tests, of many connections and of many
// servers. Servers and clients are processes of their own on the loopback
// interface:
//
//	go test ./interop/scale                            a small one, in some seconds
//	MPRPC_SCALE=full go test -v ./interop/scale        10,000 connections, longer rounds
//
// The figures that it prints are in docs/many-servers.md. With -short it is left
// out.
package scale
