// Package soak holds a test of everything at once: servers that are shut down,
// cut and closed while clients of all kinds call them, methods that panic, block,
// end their goroutine and call back, and peers that are hostile, slow, or gone in
// the middle of a message.
//
// Each call has a number. In the end the ledger knows of each how often its
// method ran and what its caller was told, and finds every call that was not
// answered or failed with a reason exactly once, that ran twice, or that ran on a
// server which ended gracefully and was not answered. Goroutines and descriptors
// are counted before and after.
//
//	go test                                  a few seconds
//	MPRPC_SOAK=60s go test -race -v          as long as you like, with the counts
//	MPRPC_SOAK_SEED=17 go test               the choices of an earlier run
//
// The seed is printed with each failure. It fixes what each client and server
// chooses, not when the system runs them.
//
// It is a module of its own because it is no part of what users import.
package soak
