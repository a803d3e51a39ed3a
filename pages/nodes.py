"""The page nodes of the console; see octostar_runtime.ui.screens.nodes."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import nodes

nodes.draw(entry.console())
