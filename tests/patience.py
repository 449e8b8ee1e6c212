"""How long a test waits for a process or a server before it takes it for one that hangs."""

HANGS = 600  # seconds: a slow or busy machine is no error
