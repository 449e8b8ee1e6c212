"""How good is a mask: region overlap J, boundary accuracy F, temporal stability T, and the benchmarks' protocols."""
