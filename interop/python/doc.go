// Package python runs the real peers of this module's tests, demonstration and benchmarks: Python's mprpc 0.1.17 with
// msgpack 0.6.2 in C, gevent and gsocketpool 0.1.6.
//
// [Setup] keeps them in a virtual environment of their own under the user's cache directory. It is built once, in about
// half a minute, and used by every later process; recipe.py says what is in it, with pinned versions. It needs python3
// (CPython 3.8 to 3.12) with venv and headers, gcc and g++: on Debian python3-venv, python3-dev, gcc and g++. Where one
// of them is missing the error wraps [ErrMissing] and says what to install. Packages come from wherever pip is
// configured to get them.
//
// [Env.Start] runs a Python script as a child process; [Env.Client] drives real mprpc clients with expressions. The
// scripts in the folder scripts are part of the Go program, so it runs from any directory: server.py is a server with
// methods for tests, client.py is what Env.Client talks to, msgpack_corpus.py asks msgpack alone what it makes of values,
// that of the environment or a current one beside it. See the head of each for its names.
//
// # Life of a child process
//
// A script says "LISTEN host:port" (or "READY") as its first line, so nobody needs a fixed port or a pause. It ends when
// its standard input ends; therefore it also ends when the Go process dies, however that happens. After [Process.Close]
// or [Process.Kill] neither the process nor a goroutine is left.
//
// # Tests
//
// Package pythontest turns a missing peer into a skip, or a failure under CI=true.
//
// # Platforms
//
// Linux, macOS and the BSDs. Elsewhere Setup reports ErrMissing: the recipe has no counterpart there.
package python
