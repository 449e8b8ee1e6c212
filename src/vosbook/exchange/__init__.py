"""Masks in the formats of other tools: read from them, and written for them."""
