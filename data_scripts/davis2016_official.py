"""Result masks and scores that were published for DAVIS 2016. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "davis2016-official", *sys.argv[1:]]))
