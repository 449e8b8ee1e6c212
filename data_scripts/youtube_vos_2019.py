"""YouTube-VOS 2019. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "youtube-vos-2019", *sys.argv[1:]]))
