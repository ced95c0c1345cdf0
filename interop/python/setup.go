package python

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrMissing is wrapped by Setup's error when python3, its venv module, its headers or a compiler is missing, or when
// python3 is too old or too new. The text gives the remedy.
var ErrMissing = errors.New("python: peers cannot be set up here")

//go:embed recipe.py
var recipe string

// exitMissing is the status by which recipe.py reports a gap of the system, see its head.
const exitMissing = 3

// marker is the file that is written last: an environment without it was left half built and is built anew.
const marker = "complete.json"

// Setup returns the environment, building it first if needed. Two processes may call it at once: one builds, the other
// waits. If progress is not nil, it gets one line per step, in the calling goroutine; nothing when there is nothing to
// do. When ctx ends, a build is stopped and the next Setup starts it again.
func Setup(ctx context.Context, progress func(step string)) (*Env, error) {
	if progress == nil {
		progress = func(string) {}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("python: no place for the environment: %w", err)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, fmt.Errorf("%w: python3 is not in PATH; on Debian: "+
			"apt-get install python3 python3-venv python3-dev gcc g++", ErrMissing)
	}
	base := filepath.Join(cache, "go-mprpc")
	// The probe names the interpreter: an environment is a set of links to it and does not survive its replacement.
	probe, err := runRecipe(ctx, python, nil, "probe")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(base, contentHash(recipe, probe))
	if env, ok := load(dir); ok {
		return env, env.extract()
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock", progress)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if env, ok := load(dir); ok { // built by another process while this one waited
		return env, env.extract()
	}
	if err := build(ctx, python, dir, progress); err != nil {
		return nil, err
	}
	env, ok := load(dir)
	if !ok {
		return nil, fmt.Errorf("python: the environment built in %s cannot be used", dir)
	}
	return env, env.extract()
}

// build makes the environment in place, because a virtual environment cannot be moved. The caller holds the lock.
func build(ctx context.Context, python, dir string, progress func(string)) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("python: removing a half-built environment: %w", err)
	}
	versions, err := runRecipe(ctx, python, progress, "build", dir)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, marker), versions)
}

// load opens a complete environment.
func load(dir string) (*Env, bool) {
	text, err := os.ReadFile(filepath.Join(dir, marker))
	if err != nil {
		return nil, false
	}
	env := &Env{dir: dir}
	if json.Unmarshal(text, &env.versions) != nil {
		return nil, false
	}
	if _, err := os.Stat(env.python()); err != nil { // the interpreter that it links to is gone
		return nil, false
	}
	return env, true
}

// runRecipe runs recipe.py and returns what it found out: the text after "done: ", or the only line of the probe.
func runRecipe(ctx context.Context, python string, progress func(string), args ...string) (string, error) {
	// -I keeps the caller's directory and PYTHON variables out.
	cmd := exec.CommandContext(ctx, python, append([]string{"-I", "-"}, args...)...)
	cmd.Stdin = strings.NewReader(recipe)
	stderr := &tail{limit: 8 << 10}
	cmd.Stderr = stderr
	ownGroup(cmd) // when ctx ends, pip and the compilers end too
	cmd.WaitDelay = 5 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("python: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("python: %w", err)
	}
	var result, missing string
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		line := scanner.Text()
		if text, ok := strings.CutPrefix(line, "step: "); ok {
			progress(text)
		} else if text, ok := strings.CutPrefix(line, "missing: "); ok {
			missing = text
		} else {
			result = strings.TrimPrefix(line, "done: ")
		}
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("python: setting up the peers: %w", context.Cause(ctx))
	case missing != "" && cmd.ProcessState.ExitCode() == exitMissing:
		return "", fmt.Errorf("%w: %s", ErrMissing, missing)
	case err != nil:
		return "", fmt.Errorf("python: recipe.py %s: %w\n%s", args[0], err, stderr)
	}
	return result, nil
}

// contentHash names a directory by everything that its contents depend on.
func contentHash(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// writeFile writes a whole file or none: a reader in another process never sees half of it.
func writeFile(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return fmt.Errorf("python: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("python: %w", err)
	}
	return nil
}
