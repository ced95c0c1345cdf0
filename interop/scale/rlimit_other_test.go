//go:build !linux && !darwin

package scale_test

func descriptors(want int) int { return want }
