"""The four systems: each a network and the `Segmenter` that runs it."""
