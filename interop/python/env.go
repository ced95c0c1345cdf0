package python

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed scripts/*.py
var scripts embed.FS

// Env is a virtual environment with the real peers. It is immutable and safe for concurrent use.
type Env struct {
	dir      string
	scripts  string // where the embedded scripts were written
	versions map[string]string
}

// Versions returns the exact versions of python, mprpc, msgpack, gevent and gsocketpool.
func (e *Env) Versions() map[string]string { return maps.Clone(e.versions) }

// Start runs script with args as a child process and waits until it has printed its first line, "LISTEN host:port" or
// "READY". The name of an embedded script, such as "server.py", means that one; anything else is a path. ctx bounds the
// wait alone: the process lives until Close or Kill, or until it ends by itself.
func (e *Env) Start(ctx context.Context, script string, args ...string) (*Process, error) {
	if _, err := fs.Stat(scripts, "scripts/"+script); err == nil {
		script = filepath.Join(e.scripts, script)
	}
	return start(ctx, e.python(), append([]string{"-u", script}, args...))
}

// ServerOptions configure server.py. The zero value is an mprpc server with mprpc's own defaults on a port that the
// system chooses.
type ServerOptions struct {
	// Port to listen on, for servers that come back at the same address; 0 lets the system choose.
	Port int
	// Options are keyword arguments of RPCServer: pack_encoding, unpack_encoding, pack_params, unpack_params,
	// tcp_no_delay. One that is absent keeps mprpc's default; nil is Python's None.
	Options map[string]any
}

// Server starts server.py, a real mprpc server with the methods listed at its head.
func (e *Env) Server(ctx context.Context, options ServerOptions) (*Process, error) {
	all := map[string]any{"port": options.Port}
	maps.Copy(all, options.Options)
	text, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("python: options of server.py: %w", err)
	}
	return e.Start(ctx, "server.py", string(text))
}

// Client starts client.py for real mprpc clients of the server at addr. It connects when the first expression needs it.
func (e *Env) Client(ctx context.Context, addr string, config ClientConfig) (*Client, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("python: address of the server: %w", err)
	}
	text, err := json.Marshal(config.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("python: options of client.py: %w", err)
	}
	process, err := e.Start(ctx, "client.py", host, port, string(text))
	if err != nil {
		return nil, err
	}
	return &Client{process: process, timeout: config.withDefaults().Timeout}, nil
}

func (e *Env) python() string { return filepath.Join(e.dir, "bin", "python") }

// extract writes the embedded scripts into the environment, once per version of them: programs built from different
// revisions share the environment but not the scripts.
func (e *Env) extract() error {
	files, err := fs.Glob(scripts, "scripts/*.py")
	if err != nil {
		return err
	}
	var all []string
	for _, name := range files {
		text, err := scripts.ReadFile(name)
		if err != nil {
			return fmt.Errorf("python: %w", err)
		}
		all = append(all, name, string(text))
	}
	e.scripts = filepath.Join(e.dir, "scripts-"+contentHash(all...))
	if err := os.MkdirAll(e.scripts, 0o755); err != nil {
		return fmt.Errorf("python: %w", err)
	}
	for pair := range slices.Chunk(all, 2) {
		target := filepath.Join(e.scripts, filepath.Base(pair[0]))
		if text, err := os.ReadFile(target); err == nil && string(text) == pair[1] {
			continue
		}
		if err := writeFile(target, pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// cleanEnviron is the caller's environment without what would change the meaning of the scripts.
func cleanEnviron() []string {
	environ := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasPrefix(name, "PYTHON") || strings.HasPrefix(name, "GEVENT")
	})
	return append(environ, "PYTHONUTF8=1")
}
