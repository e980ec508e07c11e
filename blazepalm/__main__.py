"""`python -m blazepalm`: the command line."""

import sys

from blazepalm.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
