"""`python -m cliq_async.cli` is `cliq`."""

import sys

from cliq_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
