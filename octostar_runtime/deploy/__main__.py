"""``python -m octostar_runtime.deploy``: what main.sh runs once everything is installed."""

import sys

from octostar_runtime.deploy.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
