"""DAVIS 2017, test-dev (first masks only), 480p. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "davis2017-test-dev", *sys.argv[1:]]))
