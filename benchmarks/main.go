// Benchmarks compares this project with what a program might use instead.
package main

import "github.com/go-mprpc/mprpc/benchmarks/run"

func main() {
	run.Child()
}
