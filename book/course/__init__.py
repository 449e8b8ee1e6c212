"""The course: assignments cut from the chapters, and a grader for what students hand in. `python -m course --help`."""

import sys

# jsonschema builds a parser of addresses with it, over a second at every start, that no notebook's schema asks for.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
