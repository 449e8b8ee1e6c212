"""DAVIS 2019 unsupervised, test-dev (frames only), 480p. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "davis2017-unsupervised-test-dev", *sys.argv[1:]]))
