"""The page overview of the console; see octostar_runtime.ui.screens.overview."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import overview

overview.draw(entry.console())
