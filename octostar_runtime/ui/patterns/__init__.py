"""What the Patterns pages share: the source that runs, and Don'ts that run where they harm nobody."""

from octostar_runtime.ui.patterns.layout import do, dont, page_head, why
from octostar_runtime.ui.patterns.source import show_part, show_source
from octostar_runtime.ui.patterns.two_users import TwoUsersFailed, UserView, run_two_users

__all__ = [
    "TwoUsersFailed",
    "UserView",
    "do",
    "dont",
    "page_head",
    "run_two_users",
    "show_part",
    "show_source",
    "why",
]
