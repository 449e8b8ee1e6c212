"""DAVIS 2017, training and validation, 480p. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "davis2017", *sys.argv[1:]]))
