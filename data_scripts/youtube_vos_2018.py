"""YouTube-VOS 2018. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "youtube-vos-2018", *sys.argv[1:]]))
