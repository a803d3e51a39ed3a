"""One attempt of a run on the cluster, as the slot's thread follows it: sends it, hears of it, loses and finds it.

Everything comes in through one inbox, from whichever thread; only the slot's thread acts on it.
"""

import contextlib
import logging
import time
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from octostar_runtime.errors import CancelledError, CannotStart, ExecutorLost, WorkerDied
from octostar_runtime.tasks.engine import LeftBehind
from octostar_runtime.tasks.engines.dask import desk, scheduler_side
from octostar_runtime.tasks.engines.dask.order import PARTIAL_BYTES, Order, Told, key_of
from octostar_runtime.tasks.engines.remote.receiver import Receiver, assignment_of, settle
from octostar_runtime.tasks.kept_result import KeptResult
from octostar_runtime.tasks.run import Run

if TYPE_CHECKING:
    from octostar_runtime.tasks.engines.dask.engine import DaskEngine
    from octostar_runtime.tasks.engines.dask.link import Link
    from octostar_runtime.tasks.handle import TaskHandle

logger = logging.getLogger(__name__)
#: How often an attempt that never began is sent again, because the worker it waited on died.
SENT_AGAIN = 3
#: Seconds after a hard stop until the worker itself is ended.
END_WORKER_AFTER_S = 2.0
#: Seconds that the worker of a run has to answer whether it has it, or that it was asked to stop.
ONE_ANSWERS_WITHIN_S = 1.0
#: Seconds until a question that got no answer is asked again; doubled each time, up to the second number.
ASK_AGAIN_AFTER_S = (1.0, 10.0)
#: Seconds after which a run that no worker has begun is shown as waiting.
SHOWN_WAITING_AFTER_S = 1.0


class Note(NamedTuple):
    """What comes into the inbox."""

    kind: str  # "told" | "future" | "cancel" | "up" | "down" | "lost" | "closed" | "overdue" | "waiting"
    told: Told | None = None
    text: str = ""
    hard: bool = False


class Ended(Exception):
    """The attempt has a result."""

    def __init__(self, data: Any) -> None:
        super().__init__()
        self.data = data


class Call:
    """See the module. ``address`` and ``worker`` are known once it has begun."""

    def __init__(self, engine: "DaskEngine", run: Run, handle: "TaskHandle", link: "Link") -> None:
        self.run = run
        self.key = ""
        self.address = self.worker = ""
        self.inbox: SimpleQueue[Note] = SimpleQueue()
        self._engine = engine
        self._link = link
        self._lifecycle: Any = handle._lifecycle
        self._receiver = Receiver(run, handle)
        self._future: Any = None
        self._again = 0
        self._stop: Note | None = None
        self._ask_again_s = ASK_AGAIN_AFTER_S[0]
        self._to_be_ended = False  # its worker, when a hard stop does not end it
        self._due: list[tuple[float, Note]] = []  # what comes by itself, by monotonic seconds

    def follow(self) -> Any:
        """Return the result, or raise what became of it."""
        self._take_up()
        if self._link.state == "up":
            self.inbox.put(Note("up"))
        elif self._link.state in ("refused", "closed"):
            self.inbox.put(Note("lost", text=self._link.notice))
        try:
            while True:
                note = self._next()
                getattr(self, f"_on_{note.kind}")(note)
        except Ended as ended:
            return ended.data
        finally:
            self._receiver.close()
            self._release()

    def _take_up(self) -> None:
        """Go on with an attempt that another process has sent."""
        extra = self.run.extra
        if extra is None or not extra.taken_over or extra.elsewhere is None:
            return
        extra.taken_over = False
        _, topic, self.key = extra.elsewhere.split(" ")
        self._engine.know(self)
        self._link.listen(topic)
        if extra.cancel is not None:
            self._stop = Note("cancel", text=extra.cancel.reason)

    def _next(self) -> Note:
        if not self._due:
            return self.inbox.get()
        try:
            return self.inbox.get(timeout=max(0.0, self._due[0][0] - time.monotonic()))
        except Empty:
            return self._due.pop(0)[1]

    def _later(self, seconds: float, note: Note) -> None:
        self._due.append((time.monotonic() + seconds, note))
        self._due.sort(key=lambda entry: entry[0])

    def _ask_again(self, note: Note) -> None:
        self._link.poke()
        self._later(self._ask_again_s, note)
        self._ask_again_s = min(2 * self._ask_again_s, ASK_AGAIN_AFTER_S[1])

    # What comes in

    def _on_waiting(self, _: Note) -> None:
        if not self.address and self.key:
            self._lifecycle.executes_on(self.run, "none yet: it waits on the cluster")

    def _on_overdue(self, _: Note) -> None:
        """The exception did not end it: it waits in code that is not Python's. End its process, if that is its own."""
        self._link.end_worker(self.address)

    def _on_up(self, _: Note) -> None:
        if not self.key:
            self._send()
            return
        self._look()

    def _look(self, *, expected: bool = False) -> None:
        try:
            self._find(expected=expected)
        except OSError as error:  # it went down again meanwhile, or somebody did not answer
            logger.debug("looking for run %s: %s", self.run.run_id, error)
            self._ask_again(Note("up"))

    def _on_down(self, _: Note) -> None:
        if self.key:
            self._lifecycle.lose_sight(self.run)

    def _on_lost(self, note: Note) -> None:
        if not self.key:
            raise CannotStart(note.text or f"the cluster of pool {self.run.pool.name!r} cannot be reached")
        raise ExecutorLost(f"{note.text}; what became of this run on it is not known", gone=False)

    def _on_closed(self, note: Note) -> None:
        if self._engine.shared and self.key:
            raise LeftBehind
        if not self.key and self.run.pool.state != "closed":
            # the pool was released and taken up again in the same moment
            self._link = self._engine.started()
            if self._link.state == "up":
                self.inbox.put(Note("up"))
            return
        raise ExecutorLost(note.text, gone=True)

    def _on_cancel(self, note: Note) -> None:
        if not self.key:
            raise CancelledError(f"task {self.run.task_id!r} was asked to stop")
        if self._stop is None or not self._stop.hard:
            self._stop = note
        self._due = [entry for entry in self._due if entry[1].kind != "cancel"]  # this one is that one, too
        try:
            self._pass_on(self._stop)
        except OSError as error:
            logger.debug("run %s is asked to stop when somebody answers: %s", self.run.run_id, error)
            self._ask_again(note)

    def _on_told(self, note: Note) -> None:
        told = note.told
        assert told is not None
        if told.key != self.key:
            return
        if told.kind == "started":
            self._executes_at(told.address, told.worker)
            self._ask_again_s = ASK_AGAIN_AFTER_S[0]
            self._lifecycle.see_again(self.run)
        elif told.kind == "news":
            self._receiver.apply(desk.read_news(told.body))
        elif told.kind == "ended":
            self._finish(told)

    def _on_future(self, note: Note) -> None:
        future = self._future
        if future is None or note.text != self.key:
            return  # of an earlier try
        status = future.status
        if status == "error":
            self._fail(future.exception())
        elif status in ("cancelled", "lost"):
            if self._link.client is None or self._link.client.status != "running":
                self._link.poke()  # the line is down: what became of it shows when it is back
            else:
                self._look()
        elif status == "finished":
            self._look(expected=True)  # its last message is on the way, or was lost

    # What is done

    def _send(self) -> None:
        run, engine = self.run, self._engine
        assignment = assignment_of(run, result_limit=engine.result_limit, partial_limit=PARTIAL_BYTES)
        self.key = key_of(run.run_id, run.attempt, self._again)
        order = Order(key=self.key, topic=engine.topic, assignment=assignment.packed(), kept_bytes=engine.kept_bytes)
        engine.know(self)
        try:
            self._future = self._link._connected().submit(
                desk.execute,
                order.packed(),
                key=self.key,
                pure=False,
                priority=run.options.priority,
                resources=dict(run.options.resources) or None,
            )
        except OSError:
            self.key = ""  # nothing was sent; "up" comes again
            self._link.poke()
            return
        distributed: Any = import_module("distributed")
        distributed.fire_and_forget(self._future)  # it goes on when this process does not
        self._watch()
        self._later(SHOWN_WAITING_AFTER_S, Note("waiting"))
        if engine.shared:
            self._lifecycle.executes_at(run, f"{engine.address} {engine.topic} {self.key}")
        if self._stop is not None:
            self._on_cancel(self._stop)

    def _watch(self) -> None:
        key, inbox = self.key, self.inbox
        self._future.add_done_callback(lambda _: inbox.put(Note("future", text=key)))

    def _pass_on(self, note: Note) -> None:
        """Send the flag to where it runs; to all workers, when that is not known, and then drop what has not begun."""
        if note.hard and self.address:
            self._plan_worker_end()  # also when it does not answer: it may hold the GIL
        if self.address:
            found = self._link.ask_worker(
                desk.ask_to_stop,
                self.key,
                note.text,
                note.hard,
                address=self.address,
                timeout_s=ONE_ANSWERS_WITHIN_S,
            )
        else:
            found, _ = self._link.ask_everybody(desk.ask_to_stop, self.key, note.text, note.hard)
        if "running" in found.values():
            if note.hard:
                self._plan_worker_end()
        elif self.address or "ended" in found.values() or self._future is None:
            self._find()
        else:  # every worker that answers has the flag by now, so it begins nowhere; if it does, it is stopped there
            self._engine.drop(self.key)
            self._future.cancel(force=True)
            raise CancelledError(f"task {self.run.task_id!r} was asked to stop")

    def _plan_worker_end(self) -> None:
        if not self._to_be_ended:
            self._to_be_ended = True
            self._later(END_WORKER_AFTER_S, Note("overdue"))

    def _find(self, *, expected: bool = False) -> None:
        """Learn from workers and scheduler what became of it."""
        answers, silent = self._seen_by()
        for address, (seen, said) in answers.items():
            if seen == "ended":
                self._finish(Told(key=self.key, kind="ended", worker=self.worker, address=address, body=said))
            if seen == "running":
                self._executes_at(address, said.decode())
                self._rejoin()
                return
        state = self._link.ask_scheduler(scheduler_side.state_of, self.key)
        if state and state not in ("released", "forgotten", "memory", "erred"):
            self._rejoin()
            return
        if expected or not state:
            if self.address in silent:
                raise OSError("the worker that executes it does not answer")
            self._gone()

    def _seen_by(self) -> tuple[dict[str, tuple[str, bytes]], frozenset[str]]:
        """Return what the workers know of it, by address, and who does not answer; asks the likeliest one first."""
        answers: dict[str, Any] = {}
        silent: frozenset[str] = frozenset()
        if self.address:
            with contextlib.suppress(OSError):
                answers = self._link.ask_worker(
                    desk.look, [self.key], address=self.address, timeout_s=ONE_ANSWERS_WITHIN_S
                )
        if not any(answers.values()):
            answers, silent = self._link.ask_everybody(desk.look, [self.key])
        return {address: found[self.key] for address, found in answers.items() if self.key in found}, silent

    def _executes_at(self, address: str, worker: str) -> None:
        if (address, worker) != (self.address, self.worker):
            self.address, self.worker = address, worker
            self._lifecycle.executes_on(self.run, f"{worker} ({address})")

    def _rejoin(self) -> None:
        from distributed import Future

        client = self._link._connected()
        if self._future is None or self._future.client is not client:
            self._future = Future(self.key, client=client)
            self._watch()
        self._lifecycle.see_again(self.run)
        if self._stop is not None:
            self._pass_on(self._stop)

    def _gone(self) -> None:
        if self._stop is not None:
            raise CancelledError(f"task {self.run.task_id!r} was asked to stop, and ended with its worker")
        how = self._how_it_ended()
        where = f"worker {self.worker} ({self.address})" if self.address else "its worker"
        raise ExecutorLost(f"{where} and the scheduler no longer know this run{how}", gone=True)

    def _fail(self, error: BaseException) -> None:
        from distributed import KilledWorker

        if not isinstance(error, KilledWorker):
            raise error
        self._lifecycle.see_again(self.run)
        if not self.address and self._again < SENT_AGAIN:
            self._again += 1  # it waited on a worker that died; nothing of it was executed
            self._release()
            self._send()
            return
        last = error.last_worker
        name, address = self.worker or str(last.name), self.address or last.address
        if self._stop is not None:
            raise CancelledError(f"task {self.run.task_id!r} was asked to stop, and ended with its worker")
        raise WorkerDied(
            f"worker {name} ({address}) died while it executed this run{self._how_it_ended(address)}", worker=name
        )

    def _how_it_ended(self, address: str = "") -> str:
        cluster, where = self._link.cluster, address or self.address
        how = cluster.how_it_ended(where) if cluster is not None else self._said_by_its_nanny(where)
        return f": {how}" if how else ""

    def _said_by_its_nanny(self, address: str) -> str:
        try:
            over = self._link.ask_scheduler(scheduler_side.ended_by_nanny, address)
        except OSError:
            return ""
        return "it reached its memory limit" if over else ""

    def _finish(self, told: Told) -> None:
        end = desk.End.read(told.body)
        self._lifecycle.see_again(self.run)
        if not end.kept_bytes:
            raise Ended(settle(self.run, end.ending))
        settle(self.run, end.ending)
        ask, key, address = self._engine.ask_worker, self.key, told.address
        raise Ended(
            KeptResult(
                run=self.run.run_id,
                where=f"worker {told.worker or address}",
                size=end.kept_bytes,
                fetch=lambda: ask(desk.result, key, address=address, timeout_s=120.0).get(address),
                drop=lambda: ask(desk.drop, key, address=address),
            )
        )

    def _release(self) -> None:
        future, self._future = self._future, None
        if future is not None:
            future.release()
        self._engine.forget(self)
