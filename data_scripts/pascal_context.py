"""PASCAL-Context. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "pascal-context", *sys.argv[1:]]))
