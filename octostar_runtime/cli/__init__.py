"""The command line: ``octostar-runtime status``, ``tasks``, ``sessions``, ``policy`` … over the API."""

from octostar_runtime.cli.main import main

__all__ = ["main"]
