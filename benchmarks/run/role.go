package run

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime/pprof"
	"strings"

	"github.com/go-mprpc/mprpc/benchmarks/load"
	"github.com/go-mprpc/mprpc/benchmarks/peers"
	"github.com/go-mprpc/mprpc/benchmarks/plain"
)

// roleVariable makes a process of this program one of the children. It is in the
// environment, so that the test binary can be a child as well.
const roleVariable = "MPRPC_BENCHMARK_ROLE"

// A role is what a child is told to be.
type role struct {
	Kind string // server, client, spinner, plain server or plain client
	Peer string
	Job  load.Job
	Core int // that a spinner is bound to, or anyCore
}

const anyCore = -1

// Child makes this process what its parent wants, and does not return then. In a
// process that nobody wants to be a child it does nothing. Call it first in main
// or TestMain.
func Child() {
	text, is := os.LookupEnv(roleVariable)
	if !is {
		return
	}
	var r role
	err := json.Unmarshal([]byte(text), &r)
	if err == nil {
		switch r.Kind {
		case "server":
			err = beServer(r)
		case "client":
			err = beClient(r)
		case "spinner":
			err = beSpinner(r.Core)
		case "plain server":
			plain.Server(r.Peer)
		case "plain client":
			plain.Client(r.Peer, r.Job.Addr, r.Job.Workload.Callers, r.Job.Run)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// profileCommand asks a server to write a CPU profile into the file that is named
// behind it, or, without a name, to end the one it writes. Clients have the name
// from their job.
const profileCommand = "profile "

// beServer serves until the standard input ends, and says how it is for each
// line there that is no profileCommand.
func beServer(r role) error {
	peer, err := peers.Find(r.Peer)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- peer.Server.Go(l) }()
	fmt.Println("LISTEN", l.Addr())
	asked := make(chan string)
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			asked <- in.Text()
		}
		close(asked)
	}()
	for {
		select {
		case err := <-failed:
			return fmt.Errorf("the server of %s ended: %v", r.Peer, err)
		case line, on := <-asked:
			name, isProfile := strings.CutPrefix(line, profileCommand)
			switch {
			case !on:
				return nil
			case isProfile:
				if err := profile(name); err != nil {
					return err
				}
				answer(struct{}{})
			default:
				answer(load.OwnStatus())
			}
		}
	}
}

// beClient opens the connections at the first line and measures at the second.
func beClient(r role) error {
	peer, err := peers.Find(r.Peer)
	if err != nil {
		return err
	}
	fmt.Println("READY")
	in := bufio.NewScanner(os.Stdin)
	if !in.Scan() {
		return nil
	}
	callers, closeAll, err := peer.Client.Go(r.Job.Addr, r.Job.Workload)
	if err == nil {
		defer closeAll()
		err = load.Check(callers, r.Job.Workload)
	}
	if err != nil {
		answer(failure{err.Error()})
		return err
	}
	answer(struct{}{})
	if !in.Scan() {
		return nil
	}
	if r.Job.Profile != "" {
		err = profile(r.Job.Profile + "-client.pprof")
	}
	var result load.Result
	if err == nil {
		result, err = load.Drive(callers, r.Job)
	}
	pprof.StopCPUProfile()
	if err != nil {
		answer(failure{err.Error()})
		return err
	}
	answer(result)
	in.Scan() // until the parent has no more use for this process
	return nil
}

// profile begins to write a CPU profile into a file, or ends the one that is
// written where there is no name.
func profile(name string) error {
	pprof.StopCPUProfile()
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f)
}

// A failure is the answer of a child that could not do what it was told.
type failure struct {
	Error string `json:"error"`
}

func answer(v any) { json.NewEncoder(os.Stdout).Encode(v) }
