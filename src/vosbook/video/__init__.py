"""Frames and masks on disk <-> arrays, one frame at a time: memory does not grow with the length of the video."""
