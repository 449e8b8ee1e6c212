"""Contours: what they are learned from, superpixels that align to them, and masks snapped to those (OSVOS)."""
