"""Let two users open the same small script, in a process of its own.

Some Don'ts reach beyond the session that runs them: they rebind what all sessions share, or break an event loop that
others wait for. They run in a child process that ends afterwards, so no visitor of this page can be harmed.
"""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from octostar_runtime.errors import OctostarRuntimeError

EXAMPLES = Path(__file__).parent / "examples"
_slots = threading.BoundedSemaphore(2)  # visitors cannot start more children than this at a time


class TwoUsersFailed(OctostarRuntimeError, RuntimeError):
    """The child process did not answer; the message says what to try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """What one user got to see: the page's lines, and the error that ended the script, if one did."""

    user: str
    lines: tuple[str, ...]
    error: str | None = None


def run_two_users(example: str, *, overlap: bool = False, timeout_s: float = 30.0) -> tuple[UserView, ...]:
    """Open ``examples/<example>.py`` as Ada, then as Ben, in a child process; return what each saw.

    With ``overlap`` Ben comes while Ada's run is still under way. Blocks for about two seconds.
    """
    script = EXAMPLES / f"{example}.py"
    command = [sys.executable, "-m", "octostar_runtime.ui.patterns.two_users_child", str(script)]
    if overlap:
        command.append("--overlap")
    if not _slots.acquire(timeout=timeout_s):
        raise TwoUsersFailed("Other visitors are running this example now; try again in a moment.")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=True)
        views = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise TwoUsersFailed(f"The example did not end within {timeout_s:.0f} s; try again.") from None
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        raise TwoUsersFailed("The example could not be run; the server's log says why.") from error
    finally:
        _slots.release()
    return tuple(UserView(user=view["user"], lines=tuple(view["lines"]), error=view["error"]) for view in views)
