"""Offline training: the loop, its checkpoints, and the samples it learns from."""
