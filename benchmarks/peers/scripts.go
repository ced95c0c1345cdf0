package peers

import (
	"embed"
	"io/fs"
)

//go:embed python/*.py
var python embed.FS

// Scripts returns the Python programs of the peers; run.py starts them all.
func Scripts() fs.FS {
	scripts, err := fs.Sub(python, "python")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return scripts
}

// NeedsExtras reports whether the peer needs more than the environment of
// interop/python has.
func (p Peer) NeedsExtras() bool {
	for _, module := range []string{p.Server.Python, p.Client.Python} {
		if module == "msgpackrpc_side" || module == "zerorpc_side" {
			return true
		}
	}
	return false
}
