"""The page system of the console; see octostar_runtime.ui.screens.system."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import system

system.draw(entry.console())
