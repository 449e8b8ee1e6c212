"""The words for what became of an answer."""

PASSED, FAILED, MISSING, ERROR, STOPPED = "passed", "failed", "not answered", "error", "stopped"
UNREAD = "not graded"  # nobody looked: the notebook could not be read, or is one of several
