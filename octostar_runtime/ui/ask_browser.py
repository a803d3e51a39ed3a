"""Ask the browser, stop until it answers: the guarded pattern for components that talk to the Octostar desktop.

Such a component answers by a later run of the script; until then it returns None. :func:`ask_browser` draws the
components of all questions, ends the run while an answer is missing, keeps what was answered for the runs that follow,
and says so when nobody answers. Called from the script's thread, in ``loop()``, never in ``initialize()``.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementId, StreamlitDuplicateElementKey

from octostar_runtime.errors import InvalidInput
from octostar_runtime.ui import browser_line

Question = Callable[[], Any]
KEPT_LIMIT = 200
_KEPT = "octostar_runtime.ask_browser.kept"


class AnswerState(StrEnum):
    """Where a question stands."""

    WAITING = "waiting"
    ANSWERED = "answered"
    FAILED = "failed"  # the desktop answered with an error
    TIMED_OUT = "timed_out"  # nobody answered in time; a late answer is still taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the browser said. ``value`` None with state ANSWERED means: answered with nothing."""

    state: AnswerState
    value: Any = None
    error: str | None = None
    waits_s: float = 0.0  # until it times out

    @property
    def arrived(self) -> bool:
        """Whether the desktop has answered with a value, possibly nothing."""
        return self.state is AnswerState.ANSWERED


@dataclass(slots=True)
class _Kept:
    asked_at: float
    attempt: int = 0
    answer: dict[str, Any] | None = None
    lasting: bool = True


def ask_browser(*questions: Question, timeout_s: float = 10.0, waiting: str = "Waiting for Octostar…") -> Any:
    """Return the browser's answer, a tuple for several questions; ends this run until all have answered.

    A question is a function of streamlit-octostar-research, or ``functools.partial`` of one with its arguments::

        user, workspaces = ask_browser(whoami, get_open_workspace_ids)
        item = ask_browser(partial(get_item, "item-1"))

    After ``timeout_s`` seconds, or when the desktop answers with an error, a message with a button to ask again is
    shown instead. InvalidInput when a question has no name to be known by.
    """
    if not questions:
        raise InvalidInput("ask_browser needs at least one question, e.g. ask_browser(whoami)")
    answers = browser_answers(*questions, timeout_s=timeout_s)
    if not all(answer.arrived for answer in answers):
        _explain(questions, answers, waiting)
        st.stop()
    values = tuple(answer.value for answer in answers)
    return values[0] if len(values) == 1 else values


def browser_answers(*questions: Question, timeout_s: float = 10.0) -> tuple[Answer, ...]:
    """Return where each question stands, without ending the run."""
    names = [question_name(question) for question in questions]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
    try:
        frame = st.container(key=f"octostar-browser-{digest}", gap=None)
    except (StreamlitDuplicateElementKey, StreamlitDuplicateElementId):
        frame = None  # another part of the app has asked the same in this run
    kept = _kept()
    if frame is not None:
        with frame:
            ready = _mounted_line()
            for name, question in zip(names, questions, strict=True):
                entry = kept.setdefault(name, _Kept(time.monotonic()))
                if ready and (entry.lasting or entry.answer is None):
                    _put(question, name, entry)
    while len(kept) > KEPT_LIMIT:
        del kept[next(iter(kept))]
    return tuple(_answer(kept.get(name), timeout_s) for name in names)


def forget_answers(*questions: Question) -> None:
    """Ask these questions (none given: all) anew on the next run."""
    kept = _kept()
    for name in [question_name(question) for question in questions] or list(kept):
        if name in kept:
            kept[name] = _Kept(time.monotonic(), attempt=kept[name].attempt + 1)


def question_name(question: Question) -> str:
    """Return the name under which the answer is kept; InvalidInput for a lambda, which has none."""
    if isinstance(question, partial):
        arguments = [repr(value) for value in question.args]
        arguments += [f"{name}={value!r}" for name, value in sorted(question.keywords.items())]
        return f"{question_name(question.func)}({', '.join(arguments)})"
    # the library wraps functions that need a key; the function itself is in the wrapper's closure
    cells = [cell.cell_contents for cell in getattr(question, "__closure__", None) or ()]
    wrapped = next((content for content in cells if callable(content)), None)
    if wrapped is not None:
        return question_name(wrapped)
    name = getattr(question, "__qualname__", "")
    if not name or "<lambda>" in name:
        raise InvalidInput("a question needs a name: use functools.partial(get_item, 'item-1') in place of a lambda")
    return f"{question.__module__}.{name}"


def _kept() -> dict[str, _Kept]:
    kept: dict[str, _Kept] = st.session_state.setdefault(_KEPT, {})
    return kept


def _mounted_line() -> bool:
    try:
        return browser_line.mount_line()
    except (StreamlitDuplicateElementKey, StreamlitDuplicateElementId):
        return browser_line.line_ready()  # mounted by an earlier question of this run


def _put(question: Question, name: str, entry: _Kept) -> None:
    asking = browser_line.Asking(f"octostar-question-{name}-{entry.attempt}")
    try:
        said = browser_line.put(question, asking)
    except (StreamlitDuplicateElementKey, StreamlitDuplicateElementId):
        return  # asked by another part of the app in this run
    entry.lasting = asking.lasting or not asking.marked
    if isinstance(said, dict) and "octostarAnswer" in said:
        entry.answer = said
    elif not asking.marked and said is not None:
        entry.answer = {"data": said}


def _answer(entry: _Kept | None, timeout_s: float) -> Answer:
    if entry is None or entry.answer is None:
        left = timeout_s - (time.monotonic() - entry.asked_at) if entry else timeout_s
        return Answer(state=AnswerState.WAITING if left > 0 else AnswerState.TIMED_OUT, waits_s=max(0.0, left))
    if "error" in entry.answer:
        return Answer(state=AnswerState.FAILED, error=entry.answer["error"])
    return Answer(state=AnswerState.ANSWERED, value=entry.answer["data"])


def _explain(questions: tuple[Question, ...], answers: tuple[Answer, ...], waiting: str) -> None:
    errors = [answer.error for answer in answers if answer.state is AnswerState.FAILED]
    late = [answer for answer in answers if answer.state is AnswerState.TIMED_OUT]
    if not errors and not late:
        st.caption(f":material/hourglass_empty: {waiting}")
        _run_again_after(min(answer.waits_s for answer in answers if answer.state is AnswerState.WAITING))
        return
    if errors:
        st.error(f"Octostar could not answer: {errors[0]}", icon=":material/error:")
    else:
        st.warning("Octostar has not answered. This page talks to it when it is opened from within Octostar.")
    unanswered = [q for q, answer in zip(questions, answers, strict=True) if not answer.arrived]
    key = "octostar-ask-again-" + "-".join(question_name(question) for question in unanswered)
    st.button("Ask again", icon=":material/refresh:", key=key, on_click=forget_answers, args=tuple(unanswered))


def _run_again_after(seconds: float) -> None:
    """Run the whole script once more when the time is up, so that the page can say so."""
    due = time.monotonic() + seconds

    def alarm() -> None:
        if time.monotonic() >= due:
            st.rerun()

    st.fragment(alarm, run_every=max(0.2, seconds + 0.05))()
