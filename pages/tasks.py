"""The page tasks of the console; see octostar_runtime.ui.screens.tasks."""

from octostar_runtime.ui import entry
from octostar_runtime.ui.screens import tasks

tasks.draw(entry.console())
