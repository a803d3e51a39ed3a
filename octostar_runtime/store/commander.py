"""Send commands to other nodes and answer those that they send: a row in the store, with an acknowledgement.

One thread listens; two more carry out, so that a slow command does not hold up the next one.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from octostar_runtime.clock import Clock
from octostar_runtime.errors import CommandFailed, StoreUnavailable
from octostar_runtime.models.commands import CommandRecord, CommandState
from octostar_runtime.periodic import PeriodicThread
from octostar_runtime.store.commands import SqlCommands
from octostar_runtime.store.listening import Listener
from octostar_runtime.store.local_commander import LocalCommander, answered, scoped_key

logger = logging.getLogger(__name__)
WORKERS = 2
ANSWER_POLL_S = 0.025
AUDIENCE_EVERY_S = 1.0


class StoreCommander(LocalCommander):
    """Reaches the other nodes through the store."""

    def __init__(
        self, *, node_id: str, clock: Clock, now: Callable[[], float], commands: SqlCommands, listener: Listener
    ) -> None:
        super().__init__(node_id=node_id, clock=clock)
        self._now = now
        self._commands = commands
        self._listener = listener
        self._changed = threading.Condition()
        self._waiting = 0
        self._queue: deque[CommandRecord] = deque()
        self._audience = 0
        self._next_audience = 0.0
        self._listening = PeriodicThread("octostar-commands", self._listen, interval_s=0.001)
        self._workers = [
            PeriodicThread(f"octostar-command-{number}", self._work, interval_s=None) for number in range(WORKERS)
        ]

    def start(self) -> None:
        """Begin to listen."""
        for thread in (*self._workers, self._listening):
            thread.start()

    def stop(self) -> None:
        """Stop listening; a command under way may end."""
        self._listener.wake()
        if self._listening.stop(timeout_s=2.0):
            self._listener.close()
        for worker in self._workers:
            worker.stop(timeout_s=2.0)

    def recent(self, *, limit: int = 100) -> Sequence[CommandRecord]:
        """Return the newest commands between nodes, newest first; those that nobody took up among them."""
        return self._commands.recent(limit=limit)

    def _listen(self) -> None:
        """One turn of the listening thread: wait, then look for commands and wake those who wait for answers."""
        alone = self._audience == 0 and self._waiting == 0
        try:
            changed = self._listener.wait(alone=alone)
            with self._changed:
                self._changed.notify_all()  # first of all: somebody waits for an answer
            now = time.monotonic()
            if now >= self._next_audience:
                self._next_audience = now + AUDIENCE_EVERY_S
                self._audience = self._commands.audience(self.node_id)
                changed = True
            if changed:
                self._take()
        except StoreUnavailable as error:
            logger.debug("commands cannot be read now: %s", error)
            self._listener.wait(alone=True)

    def _take(self) -> None:
        for record in self._commands.take(self.node_id, now=self._now()):
            self._queue.append(record)
            for worker in self._workers:
                worker.poke()

    def _work(self) -> None:
        while True:
            try:
                record = self._queue.popleft()
            except IndexError:
                return
            finished = self._carry_out(record)
            self._answer(finished)

    def _answer(self, finished: CommandRecord) -> None:
        """Write the answer, again and again while the store is away: what was done must be told."""
        deadline = time.monotonic() + 60.0
        while True:
            try:
                self._commands.finish(finished.command_id, at=self._now(), result=finished.result, error=finished.error)
                return
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    logger.error("the answer to command %s could not be stored", finished.command_id)
                    return
                time.sleep(0.5)

    def _send_away(self, record: CommandRecord, *, timeout_s: float, key: str | None) -> CommandRecord:
        now = self._now()
        stored = replace(record, at=now, expires_at=now + timeout_s)
        sent = self._commands.put(stored, sender=self.node_id, key=None if key is None else scoped_key(record, key))
        return answered(self._wait(sent, timeout_s))

    def _wait(self, sent: CommandRecord, timeout_s: float) -> CommandRecord:
        """Wait for the answer by this node's own clock; after that, what nobody took up is marked so."""
        deadline = time.monotonic() + timeout_s
        record = sent
        with self._changed:
            self._waiting += 1
        try:
            while not _is_finished(record):
                left = deadline - time.monotonic()
                if left <= 0:
                    return self._give_up(record)
                with self._changed:
                    self._changed.wait(min(left, ANSWER_POLL_S))
                record = self._look(record)
        finally:
            with self._changed:
                self._waiting -= 1
        return record

    def _look(self, record: CommandRecord) -> CommandRecord:
        """Read the command again; while the store is away nothing is known, and the wait goes on."""
        try:
            return self._commands.get(record.command_id) or record
        except StoreUnavailable:
            return record

    def _give_up(self, record: CommandRecord) -> CommandRecord:
        try:
            self._commands.expire(now=self._now(), command_id=record.command_id)
        except StoreUnavailable as error:
            raise CommandFailed(
                f"{record.kind} was sent to node {record.target}, and nothing was heard since: {error}"
            ) from error
        return self._look(record)


def _is_finished(record: CommandRecord) -> bool:
    return record.state in (CommandState.DONE, CommandState.FAILED, CommandState.EXPIRED)
