"""Starting a fresh interpreter that does not run the app's script again.

``multiprocessing`` imports the parent's ``__main__`` into every spawned child. Under Streamlit that is the user's
script, which would run there, without a browser, to the end. What a child needs of a script travels by value instead.
Forking is no way out: this process has threads, and whatever lock one of them holds would stay locked in the child.
"""

import multiprocessing.spawn
import threading
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

_MAIN_KEYS = ("init_main_from_name", "init_main_from_path")
_local = threading.local()


class ChildProcess(SpawnProcess):
    """A spawned process without the parent's ``__main__``."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        _install()
        _local.without_main = True
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            _local.without_main = False


class ChildContext(SpawnContext):
    """A multiprocessing context for one process, which it remembers."""

    process: ChildProcess | None = None

    def Process(self, *args: Any, **kwargs: Any) -> ChildProcess:  # type: ignore[override]
        """Make the process."""
        self.process = ChildProcess(*args, **kwargs)
        return self.process


def _install() -> None:
    """Leave ``__main__`` out of what spawned children are told, for ours alone."""
    found = multiprocessing.spawn.get_preparation_data
    if getattr(found, "leaves_main_out", False):
        return

    def get_preparation_data(name: str) -> dict[str, Any]:
        data: dict[str, Any] = found(name)
        if getattr(_local, "without_main", False):
            for key in _MAIN_KEYS:
                data.pop(key, None)
        return data

    get_preparation_data.leaves_main_out = True  # type: ignore[attr-defined]
    multiprocessing.spawn.get_preparation_data = get_preparation_data
