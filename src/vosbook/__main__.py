"""`python -m vosbook`: the command line where no script is installed."""

import sys

from vosbook.cli import main

if __name__ == "__main__":
    sys.exit(main())
