// Package load defines what the peers of a comparison are asked to do, and does
// it: the workloads, the values that travel, the service behind every server,
// and the loop of every client, which measures.
package load

import "time"

// An Op is one remote method.
type Op string

// The methods that every server has.
const (
	Sum       Op = "sum"    // of two integers
	Echo      Op = "echo"   // of bytes
	Mirror    Op = "record" // echo of a Record
	MirrorRow Op = "row"    // echo of a Row
	List      Op = "list"   // so many Items
	Rows      Op = "rows"   // so many Rows
	Slow      Op = "slow"   // its argument, after SlowTime
)

// SlowTime is how long the slow method waits before it answers.
const SlowTime = time.Millisecond

// A Workload is what one measurement does. It travels to the client processes
// as JSON.
type Workload struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Op      Op     `json:"op"`
	Callers int    `json:"callers"` // that call at the same time
	Conns   int    `json:"conns"`   // that the callers share
	Size    int    `json:"size"`    // bytes of an echo, elements of a list
}

// Workloads are all of them, in the order of the report.
func Workloads() []Workload {
	return []Workload{
		{Name: "serial", Title: "sum(1, 2), one caller, one connection", Op: Sum, Callers: 1, Conns: 1},
		{Name: "64x1", Title: "sum(1, 2), 64 callers, one connection", Op: Sum, Callers: 64, Conns: 1},
		{Name: "64x4", Title: "sum(1, 2), 64 callers, 4 connections", Op: Sum, Callers: 64, Conns: 4},
		{Name: "64x20", Title: "sum(1, 2), 64 callers, 20 connections", Op: Sum, Callers: 64, Conns: 20},
		{Name: "echo64k", Title: "echo of 64 KiB, one caller", Op: Echo, Callers: 1, Conns: 1, Size: 64 << 10},
		{Name: "echo1m", Title: "echo of 1 MiB, one caller", Op: Echo, Callers: 1, Conns: 1, Size: 1 << 20},
		{Name: "record", Title: "a struct of 20 fields there and back, one caller", Op: Mirror, Callers: 1, Conns: 1},
		{Name: "row", Title: "a struct with times, an embedded struct and a map of any there and back, one caller", Op: MirrorRow, Callers: 1, Conns: 1},
		{Name: "list", Title: "a list of 1,000 structs as result, one caller", Op: List, Callers: 1, Conns: 1, Size: 1000},
		{Name: "rows", Title: "a list of 1,000 structs with times, embedded structs and maps of any as result, one caller", Op: Rows, Callers: 1, Conns: 1, Size: 1000},
		{Name: "slow", Title: "a method that takes 1 ms, 64 callers, 20 connections", Op: Slow, Callers: 64, Conns: 20},
		{Name: "idle", Title: "sum(1, 2) on 1,000 connections in turn, 8 callers, so nearly all are idle", Op: Sum, Callers: 8, Conns: 1000},
	}
}
