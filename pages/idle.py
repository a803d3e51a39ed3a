"""The page idle of the console; see octostar_runtime.ui.screens.idle."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import idle

idle.draw(entry.console())
