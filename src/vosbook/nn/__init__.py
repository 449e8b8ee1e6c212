"""Network blocks that methods are built from."""
