"""Readers: each returns `Sequence(frames, masks, objects)`."""

from vosbook.datasets.sequence import Frames, Masks, Sequence, VideoObject

__all__ = ["Frames", "Masks", "Sequence", "VideoObject"]
