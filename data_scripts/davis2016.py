"""DAVIS 2016, 480p. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "davis2016", *sys.argv[1:]]))
