"""Carry out commands on this node: a direct call of the handler, in the caller's thread."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from octostar_runtime.clock import Clock
from octostar_runtime.errors import CommandFailed, OctostarRuntimeError
from octostar_runtime.ids import new_id
from octostar_runtime.models.commands import CommandRecord, CommandState

logger = logging.getLogger(__name__)
Handler = Callable[[CommandRecord], Mapping[str, object] | None]
REMEMBERED_KEYS = 1_000


class LocalCommander:
    """Calls the handlers of this node; what both commanders share."""

    def __init__(self, *, node_id: str, clock: Clock) -> None:
        self.node_id = node_id
        self._clock = clock
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._done: OrderedDict[str, CommandRecord] = OrderedDict()
        self._under_way: dict[str, threading.Event] = {}

    def handle(self, kind: str, handler: Handler) -> None:
        """Register what this node does for commands of ``kind``; a later handler replaces an earlier one."""
        self._handlers[kind] = handler

    def send(
        self,
        target: str,
        kind: str,
        args: Mapping[str, object],
        *,
        actor: str | None,
        reason: str | None = None,
        timeout_s: float = 5.0,
        key: str | None = None,
    ) -> CommandRecord:
        """Carry out a command on this node and return it finished; CommandFailed says why it was refused.

        With a ``key`` a command is done once: sent again, it returns what the first one returned.
        """
        now = self._clock.time()
        record = CommandRecord(
            command_id=new_id(),
            target=target,
            kind=kind,
            args=dict(args),
            actor=actor,
            reason=reason,
            at=now,
            expires_at=now + timeout_s,
        )
        if target != self.node_id:
            return self._send_away(record, timeout_s=timeout_s, key=key)
        return self._once(record, key)

    def _send_away(self, record: CommandRecord, *, timeout_s: float, key: str | None) -> CommandRecord:
        raise CommandFailed(f"node {record.target} cannot be reached: there is no store that both nodes share")

    def _once(self, record: CommandRecord, key: str | None) -> CommandRecord:
        if key is None:
            return answered(self._carry_out(record))
        scoped = scoped_key(record, key)
        while True:
            with self._lock:
                done, other = self._done.get(scoped), self._under_way.get(scoped)
                if done is None and other is None:
                    mine = self._under_way[scoped] = threading.Event()
            if done is not None:
                return answered(done)
            if other is None:
                break
            other.wait()  # the same command, sent a moment ago: what comes of that one is the answer to this one too
        try:
            finished = self._carry_out(record)
            self._remember(scoped, finished)
        finally:
            with self._lock:
                del self._under_way[scoped]
            mine.set()
        return answered(finished)

    def _remember(self, scoped: str, finished: CommandRecord) -> None:
        with self._lock:
            self._done[scoped] = finished
            while len(self._done) > REMEMBERED_KEYS:
                self._done.popitem(last=False)

    def _carry_out(self, record: CommandRecord) -> CommandRecord:
        """Call the handler; whatever it raises becomes the command's answer."""
        result: Mapping[str, object] | None = None
        error = None
        handler = self._handlers.get(record.kind)
        if handler is None:
            error = f"node {self.node_id} does not know the command {record.kind!r}; is it an older release?"
        else:
            try:
                result = handler(record)
            except OctostarRuntimeError as refused:
                error = str(refused)
            except Exception as failure:
                logger.exception("command %s failed", record.kind)
                error = f"{type(failure).__name__}: {failure}"
        state = CommandState.DONE if error is None else CommandState.FAILED
        return replace(record, state=state, result=result or {}, error=error, done_at=self._clock.time())

    def start(self) -> None:
        """Begin to listen; nothing to do without a store."""

    def stop(self) -> None:
        """Stop listening."""

    def recent(self, *, limit: int = 100) -> Sequence[CommandRecord]:
        """Return the newest commands between nodes; there are none without a store."""
        return ()


def scoped_key(record: CommandRecord, key: str) -> str:
    """Return the key under which one command to one node is done once."""
    return f"{record.target}/{record.kind}/{key}"


def answered(record: CommandRecord) -> CommandRecord:
    """Return a command that was done; CommandFailed for every other end."""
    if record.state is CommandState.DONE:
        return record
    if record.state is CommandState.FAILED:
        raise CommandFailed(record.error or f"node {record.target} refused {record.kind}")
    if record.state is CommandState.EXPIRED:
        raise CommandFailed(f"nobody took up {record.kind} on node {record.target} in time; is the node alive?")
    raise CommandFailed(f"node {record.target} took up {record.kind} and has not answered yet; it may still do it")
