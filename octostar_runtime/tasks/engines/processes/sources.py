"""Whether code of the app has changed on disk since this process imported it.

Streamlit reloads changed modules in the app's process; a child that serves many runs would go on with the old ones.
"""

import os
import sys
import sysconfig
import time

_INSTALLED = tuple({sysconfig.get_paths()[key] + os.sep for key in ("stdlib", "platstdlib", "purelib", "platlib")})
_LOOK_EVERY_S = 0.5


class Sources:
    """The files behind the imported modules, installed packages left out. Used by one thread."""

    def __init__(self) -> None:
        self._changed_at: dict[str, float] = {}
        self._modules = 0
        self._looked = 0.0

    def outdated(self) -> bool:
        """Whether one has changed; looks twice a second at most."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S and len(sys.modules) == self._modules:
            return False
        self._looked = now
        if len(sys.modules) != self._modules:
            self._modules = len(sys.modules)
            self._note_new()
        return any(_changed_at(source) != at for source, at in self._changed_at.items())

    def _note_new(self) -> None:
        for name, module in list(sys.modules.items()):
            source = getattr(module, "__file__", None)
            if type(source) is not str or name == "__main__" or source in self._changed_at:
                continue
            if not source.startswith(_INSTALLED):
                self._changed_at[source] = _changed_at(source)


def _changed_at(source: str) -> float:
    try:
        return os.stat(source).st_mtime  # noqa: PTH116 - called often, and a Path costs more than the call
    except OSError:
        return 0.0
