// Package run starts the programs of the peers as processes, one pair for each
// measurement, and has them measure in turns.
//
// Every program prints its address, or READY, on its first line. Then it gets
// commands as lines on its standard input, answers each with a line of JSON, and
// ends when its input ends, so that none outlives the benchmark.
package run
