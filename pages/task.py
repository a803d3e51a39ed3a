"""The page of one task in the console; see octostar_runtime.ui.screens.run."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import run

run.draw(entry.console())
