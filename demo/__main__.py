"""`python -m demo [--reset]`: runs the demo until it is stopped."""

import sys

from demo.server import main

if __name__ == "__main__":
    sys.exit(main())
