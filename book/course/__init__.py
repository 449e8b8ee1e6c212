"""The course: assignments cut from the chapters, and a grader for what students hand in. `python -m course --help`."""
