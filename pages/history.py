"""The page history of the console; see octostar_runtime.ui.screens.history."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import history

history.draw(entry.console())
