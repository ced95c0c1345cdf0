//go:build unix

package python_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-mprpc/mprpc/interop/python"
)

// fakePython puts a python3 into PATH that only pretends to follow the recipe, and a cache directory of the test's own.
// build is the shell code of the build; $4 is the directory. It returns the file that build may append to.
func fakePython(t *testing.T, build string) (log string) {
	t.Helper()
	bin, home := t.TempDir(), t.TempDir()
	script := `#!/bin/sh
cat >/dev/null
if [ "$3" = probe ]; then echo '{"version": "fake"}'; exit; fi
mkdir -p "$4/bin"
` + build
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	log = filepath.Join(home, "log")
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("HOME", home) // the cache directory of macOS is under it
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	t.Setenv("LOG", log)
	return log
}

const goodBuild = `
echo built >>"$LOG"
echo "step: one"
echo "step: two"
: >"$4/bin/python"
echo 'done: {"mprpc": "fake"}'
`

// count returns how many builds have written to the log.
func count(t *testing.T, log string) int {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(text), "built")
}

func TestSetupBuildsOnce(t *testing.T) {
	log := fakePython(t, goodBuild)
	var steps []string
	for range 2 {
		env, err := python.Setup(t.Context(), func(step string) { steps = append(steps, step) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{"mprpc": "fake"}, env.Versions()); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"one", "two"}, steps); diff != "" {
		t.Errorf("steps of both (-want +got):\n%s", diff)
	}
	if n := count(t, log); n != 1 {
		t.Errorf("built %d times", n)
	}
}

func TestSetupTogetherBuildsOnce(t *testing.T) {
	log := fakePython(t, goodBuild)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := python.Setup(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := count(t, log); n != 1 {
		t.Errorf("built %d times", n)
	}
}

// The first build dies half way; the second must not find its rubbish.
func TestSetupAfterACrash(t *testing.T) {
	log := fakePython(t, `
if [ ! -e "$LOG" ]; then
	echo built >>"$LOG"
	: >"$4/bin/python"
	: >"$4/rubbish"
	echo "the compiler ran out of memory" >&2
	kill -9 $$
fi
if [ -e "$4/rubbish" ]; then echo "rubbish is left" >&2; exit 1; fi
`+goodBuild)
	if _, err := python.Setup(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "ran out of memory") ||
		errors.Is(err, python.ErrMissing) {
		t.Errorf("first Setup gives %v", err)
	}
	if _, err := python.Setup(t.Context(), nil); err != nil {
		t.Errorf("second Setup gives %v", err)
	}
	if n := count(t, log); n != 2 {
		t.Errorf("built %d times", n)
	}
}

// The interpreter that an environment links to is gone, for example after an upgrade of the system.
func TestSetupAfterTheInterpreterWent(t *testing.T) {
	log := fakePython(t, goodBuild)
	for range 2 {
		if _, err := python.Setup(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		pythons, err := filepath.Glob(filepath.Join(os.Getenv("HOME"), "*", "go-mprpc", "*", "bin", "python"))
		if err != nil || len(pythons) != 1 {
			t.Skipf("cache directory is elsewhere: %v, %v", pythons, err)
		}
		if err := os.Remove(pythons[0]); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, log); n != 2 {
		t.Errorf("built %d times", n)
	}
}

func TestSetupSaysWhatIsMissing(t *testing.T) {
	fakePython(t, "echo 'missing: a compiler; apt-get install gcc'; exit 3")
	_, err := python.Setup(t.Context(), nil)
	if !errors.Is(err, python.ErrMissing) || !strings.Contains(err.Error(), "apt-get install gcc") {
		t.Errorf("Setup gives %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err = python.Setup(t.Context(), nil)
	if !errors.Is(err, python.ErrMissing) || !strings.Contains(err.Error(), "python3-venv") {
		t.Errorf("without python3 Setup gives %v", err)
	}
}

// A build that is given up ends with its children; the next Setup starts anew.
func TestSetupStopsWithItsContext(t *testing.T) {
	fakePython(t, `echo "step: sleeping"; sleep 600`)
	ctx, cancel := context.WithCancelCause(t.Context())
	gaveUp := errors.New("nobody wants to wait")
	_, err := python.Setup(ctx, func(string) { cancel(gaveUp) })
	if !errors.Is(err, gaveUp) || errors.Is(err, python.ErrMissing) {
		t.Errorf("Setup gives %v", err)
	}
}
