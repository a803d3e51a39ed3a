"""The page pool of the console; see octostar_runtime.ui.screens.pool."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import pool

pool.draw(entry.console())
