"""The one exception that means "your input": its message names the file and the remedy."""


class InputError(ValueError):
    """Something the user gave cannot be used. The command line prints it as one line and exits with 2."""
