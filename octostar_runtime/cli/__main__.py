"""``python -m octostar_runtime.cli``."""

import sys

from octostar_runtime.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
