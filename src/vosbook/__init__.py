"""VOS from scratch: the library under the book. Start in `segmenter.py` (the frame loop) or `cli/`."""

__version__ = "0.1.0"
