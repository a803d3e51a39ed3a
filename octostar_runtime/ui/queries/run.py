"""One run: where it stands, what it cost, and how it got there."""

from dataclasses import dataclass

from octostar_runtime.models.runs import RunRecord
from octostar_runtime.ui import formats, words
from octostar_runtime.ui.words import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A state the run was in, since when and for how long; ``lasted`` is None for the last one."""

    word: Word
    at: float
    lasted: str | None


def steps(run: RunRecord) -> list[Step]:
    """Return the states in order with their durations."""
    moments = list(run.timeline)
    ends = [at for _, at in moments[1:]]
    return [
        Step(
            word=words.word(words.RUN, state),
            at=at,
            lasted=formats.duration(ends[index] - at) if index < len(ends) else None,
        )
        for index, (state, at) in enumerate(moments)
    ]


def state_word(run: RunRecord) -> Word:
    """Return the word of the state; a stuck run says so."""
    return words.STUCK if run.stuck and not run.terminal else words.word(words.RUN, run.state)


def there_since(run: RunRecord) -> float | None:
    """Return when a live run came to the state it is in, in UTC seconds; a stuck one when it was asked to stop."""
    if run.terminal:
        return None
    return run.timeline[-1][1] if run.timeline else run.queued_at


def cancel_story(run: RunRecord) -> str:
    """Return how a cancel went: requested, acknowledged, stopped or ignored, and how long each took."""
    cancel = run.cancel
    if cancel is None:
        return ""
    said = [f"Cancel asked for by {cancel.by}" if cancel.by else "Cancel asked for"]
    if cancel.reason:
        said[0] += f" ({cancel.reason})"
    if cancel.acknowledged_after_s is not None:
        said.append(f"seen by the task after {formats.duration(cancel.acknowledged_after_s)}")
    if cancel.stopped_after_s is not None:
        said.append(f"stopped after {formats.duration(cancel.stopped_after_s)}")
    elif cancel.acknowledged_after_s is None or cancel.outcome.value == "ignored":
        said.append(words.plain(words.CANCEL, cancel.outcome))
    return ", ".join(said) + "."


def plain_facts(run: RunRecord, node: str) -> list[tuple[str, str]]:
    """Return the facts that are plain text."""
    told = [
        ("Task id", run.task_id),
        ("Pool", run.pool),
        ("Node", node),
        ("Worker", run.worker or ""),
        ("Waited", formats.duration(run.wait_s)),
        ("Ran for", formats.duration(run.run_s) if run.run_s is not None else ""),
        ("CPU time", formats.duration(run.cpu_s) if run.cpu_s is not None else ""),
        ("Attempt", f"{run.attempt} of {run.max_attempts}" if run.max_attempts > 1 else ""),
        ("Time limit", formats.duration(run.timeout_s) if run.timeout_s else ""),
        ("Priority", str(run.priority) if run.priority else ""),
        ("Tags", ", ".join(run.tags)),
        ("When its session ends", "it is cancelled" if run.on_session_end == "cancel" else "it goes on"),
        ("Function", run.function or ""),
        ("Result", _result(run)),
    ]
    return [(name, value) for name, value in told if value]


def _result(run: RunRecord) -> str:
    if run.result_expired:
        return "no longer kept"
    return formats.size(run.result_bytes) if run.result_bytes is not None else ""


def as_text(run: RunRecord) -> str:
    """Return the error as it is copied: the traceback, or the message when there is none."""
    return run.traceback or ": ".join(part for part in (run.error_type, run.error) if part)


def log_lines(run: RunRecord) -> list[tuple[float, str, str]]:
    """Return (UTC second, level, text) of what the task logged."""
    return [(line.at, line.level.lower(), line.text) for line in run.logs]
