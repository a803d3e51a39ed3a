"""End everything when a program that nothing works without cannot be kept running.

Loaded by supervisord as an RPC interface, its official plug-in: supervisord itself goes on when a program is FATAL.
Runs in supervisord's only thread, so it must not block. Imports nothing heavy: supervisord never stops.
"""

import signal
import sys
from typing import Any

from supervisor import events
from supervisor.options import readFile
from supervisor.states import SupervisorStates

#: Exit code of the whole when an essential program was given up.
GAVE_UP = 70
_failed: list[str] = []


def watch(supervisord: Any, **_config: str) -> "Essential":
    """Make the RPC interface; supervisord calls this once at its start."""
    return Essential(supervisord)


def failed_program() -> str | None:
    """Return the program whose failure ended everything, None when none did."""
    return _failed[0] if _failed else None


class Essential:
    """nginx and the API always; the UI until it has run once. After that the idle controller shows a UI that fails."""

    def __init__(self, supervisord: Any) -> None:
        self._supervisord = supervisord
        self._essential = {"nginx", "api", "ui"}
        self._nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        events.subscribe(events.SupervisorRunningEvent, self._running)
        events.subscribe(events.ProcessStateRunningEvent, self._proven)
        events.subscribe(events.ProcessStateFatalEvent, self._given_up)

    def _running(self, _event: Any) -> None:
        # A closed terminal ends the console; supervisord would start everything anew, detached. nohup is respected.
        receive = self._supervisord.options.signal_receiver.receive
        handler = signal.SIG_IGN if self._nohup else lambda _signum, frame: receive(signal.SIGTERM, frame)
        signal.signal(signal.SIGHUP, handler)
        # supervisord would look at its programs only after its first pause of a second.
        for group in sorted(self._supervisord.process_groups.values()):
            group.transition()

    def _proven(self, event: Any) -> None:
        if event.process.config.name == "ui" and "api" in self._supervisord.process_groups:
            self._essential.discard("ui")

    def _given_up(self, event: Any) -> None:
        name = event.process.config.name
        if name not in self._essential or self._supervisord.options.mood < SupervisorStates.RUNNING:
            return
        _failed.append(name)
        log = event.process.config.stdout_logfile
        sys.stderr.write(
            f"octostar: {name} does not start ({_last_line(log)}); everything is stopped. Mend that; the log is {log}\n"
        )
        self._supervisord.options.mood = SupervisorStates.SHUTDOWN


def _last_line(log: str) -> str:
    try:
        lines = readFile(log, -4000, 0).decode(errors="replace").split("\n")
    except ValueError:
        return "it left no log"
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:300] if said else "it left no log"
