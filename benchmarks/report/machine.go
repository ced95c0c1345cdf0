package report

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// A Machine is what the numbers depend on.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	System string `json:"system"`
	Go     string `json:"go"`
}

// ThisMachine describes it, as far as Linux tells.
func ThisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-")
		m.System += ", Linux " + kernel
	}
	return m
}

// compared are the modules whose versions a report names.
var compared = []string{
	"github.com/go-mprpc/mprpc", "github.com/vmihailenco/msgpack/v5", "github.com/ugorji/go/codec",
	"github.com/hashicorp/net-rpc-msgpackrpc/v2", "google.golang.org/grpc", "google.golang.org/protobuf", "storj.io/drpc",
}

// Versions returns the versions of the modules that this program was built of, and the
// revision of this project, in whose directory it is to be called.
func Versions(ctx context.Context) map[string]string {
	versions := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			for _, path := range compared {
				if dep.Path == path {
					versions[path] = dep.Version
				}
			}
		}
	}
	// go run does not write the revision into the program. Files that git does not know
	// are no change.
	if revision, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		name := strings.TrimSpace(string(revision))
		code := []string{"diff", "--quiet", "HEAD", "--", ":(top)*.go", ":(top)*.mod", ":(top)*.sum", ":(top)*.py"}
		if exec.CommandContext(ctx, "git", code...).Run() != nil {
			name += ", changed"
		}
		versions["github.com/go-mprpc/mprpc"] = name
	}
	return versions
}
