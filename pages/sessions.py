"""The page sessions of the console; see octostar_runtime.ui.screens.sessions."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import sessions

sessions.draw(entry.console())
