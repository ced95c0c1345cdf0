// Package peers has what is compared: one file for each peer, one line for each
// in the table. A peer is a server program and a client program, in Go or in
// Python, each set up as its manual recommends.
package peers
