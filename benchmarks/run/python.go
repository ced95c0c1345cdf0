package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-mprpc/mprpc/benchmarks/peers"
	"github.com/go-mprpc/mprpc/interop/python"
)

// Python is the environment of the Python peers: that of interop/python, a
// directory with what two more of them need, and the scripts.
type Python struct {
	// Extras is the directory with msgpack-rpc-python and ZeroRPC, "" if they
	// cannot be had, and then Without says why.
	Extras  string
	Without error

	env     *python.Env
	scripts string
}

// SetupPython makes the environment, or finds it. progress may be nil. Close
// removes the scripts.
func SetupPython(ctx context.Context, progress func(string)) (*Python, error) {
	if progress == nil {
		progress = func(string) {}
	}
	env, err := python.Setup(ctx, progress)
	if err != nil {
		return nil, err
	}
	p := &Python{env: env}
	if p.scripts, err = os.MkdirTemp("", "mprpc-benchmarks-"); err != nil {
		return nil, err
	}
	if err := os.CopyFS(p.scripts, peers.Scripts()); err != nil {
		p.Close()
		return nil, err
	}
	p.Extras, p.Without = p.extras(ctx, progress)
	return p, nil
}

// extras runs setup.py.
func (p *Python) extras(ctx context.Context, progress func(string)) (string, error) {
	setup, err := p.env.Start(ctx, p.script("setup.py"))
	if err != nil {
		return "", err
	}
	defer setup.Kill()
	for {
		select {
		case line, on := <-setup.Lines():
			if dir, ok := strings.CutPrefix(line, "done: "); ok {
				return dir, nil
			}
			if !on || strings.HasPrefix(line, "failed: ") {
				return "", fmt.Errorf("setting up msgpack-rpc-python and ZeroRPC: %s\n%s", line, setup.Stderr())
			}
			progress(strings.TrimPrefix(line, "step: "))
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// Versions says what the environment has.
func (p *Python) Versions() map[string]string { return p.env.Versions() }

// Close removes the scripts.
func (p *Python) Close() error { return os.RemoveAll(p.scripts) }

func (p *Python) script(name string) string { return filepath.Join(p.scripts, name) }
