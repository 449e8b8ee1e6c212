"""Youtube-Objects with the masks of Jain and Grauman. README.md beside this file says how."""

import sys

from vosbook.cli import main

sys.exit(main(["data", "youtube-objects", *sys.argv[1:]]))
