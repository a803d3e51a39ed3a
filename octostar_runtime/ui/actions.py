"""The only place where the console changes anything: ask, confirm, do it through operations, say what became of it.

A request is kept in the session's state with the ids it is about, so that what is confirmed is what is done,
whatever the list shows by then. While a confirm is open, the page stands still.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import streamlit as st

from octostar_runtime.access import Access
from octostar_runtime.errors import CountChanged, OctostarRuntimeError
from octostar_runtime.models.access import Principal
from octostar_runtime.models.outcomes import Outcome, summary
from octostar_runtime.operations import Operations
from octostar_runtime.operations.runs import BULK_LIMIT
from octostar_runtime.ui.components.blocks import note
from octostar_runtime.ui.console import Console

logger = logging.getLogger(__name__)
_ASKED = "octostar_asked"
_TOLD = "octostar_told"
LEVELS = {"info": "Notice", "warning": "Warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What was filled in when confirming."""

    reason: str = ""
    text: str = ""
    level: str = "info"
    number: int = 0
    agreed: bool = False


#: What an action gets: the door, who acts, what was filled in. It returns the sentence that says what became of it.
Deed = Callable[[Operations, Principal, Answers], str]


#: Times the count is taken anew when it keeps falling while we look.
_TRIES = 20


class Matching(Protocol):
    """An operation on everything that matches a search."""

    def __call__(self, query: str, expected: int, *, by: Principal, reason: str) -> tuple[Outcome, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Something a viewer asked for and has to confirm."""

    title: str
    sentence: str
    button: str
    deed: Deed = field(repr=False)
    message: bool = False  # ask for the text of a message, too
    lasting: bool = False  # ask for how long the message is shown to newcomers
    number: tuple[str, int, int, int] | None = None  # ask for a number: label, least, most, now
    agree: str = ""  # a box to tick: what else is wanted, said in words
    for_all: bool = False  # also those may do it who only look: it is about themselves
    recounted: Callable[[int], "Request"] | None = None  # the same for another count of targets
    news: str = ""  # what has changed since it was asked


def ask(request: Request) -> None:
    """Open the confirm; the page is drawn again, standing still."""
    st.session_state[_ASKED] = request
    st.rerun()


def pending() -> bool:
    """Whether a confirm is open."""
    return st.session_state.get(_ASKED) is not None


def tell(message: str) -> None:
    """Say ``message`` after the next full run of the page."""
    st.session_state[_TOLD] = message


def show(console: Console) -> None:
    """Draw the open confirm and what became of the last action. Called once per full run."""
    if told := st.session_state.pop(_TOLD, None):
        st.toast(told)
    request = st.session_state.get(_ASKED)
    if request is not None:
        dialog = st.dialog(request.title, on_dismiss=_forget)(_confirm)
        dialog(console, request)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


def _confirm(console: Console, request: Request) -> None:
    if request.news:
        note(request.news, "warn")
    st.write(request.sentence)
    locked = "" if request.for_all else console.locked
    if locked:
        note(locked, "warn")
    answers = _filled_in(request)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Back", key="oc_back"):
            _forget()
            st.rerun()
        if st.button(request.button, key="oc_confirm", type="primary", disabled=bool(locked)):
            _do(console, request, answers)


def _filled_in(request: Request) -> Answers:
    if request.message:
        text = st.text_area("Message", key="oc_message", max_chars=500, placeholder="Maintenance starts at 18:00.")
        level = st.segmented_control(
            "Kind", list(LEVELS), default="info", key="oc_level", required=True, format_func=LEVELS.__getitem__
        )
        minutes = _minutes() if request.lasting else 0
        return Answers(reason=_reason(), text=text or "", level=level or "info", number=minutes)
    number = 0
    if request.number is not None:
        label, least, most, now = request.number
        number = int(st.number_input(label, least, most, value=now, key="oc_number"))
    agreed = bool(request.agree) and st.checkbox(request.agree, key="oc_agree")
    return Answers(reason=_reason(), number=number, agreed=agreed)


def _reason() -> str:
    return st.text_input("Reason (optional)", key="oc_reason", max_chars=200, placeholder="Kept in the history") or ""


def _minutes() -> int:
    hint = "0: only who is connected now. Otherwise also everybody who opens the app in that time."
    return int(st.number_input("Show it to newcomers for (minutes)", 0, 1440, value=0, key="oc_minutes", help=hint))


def _do(console: Console, request: Request, answers: Answers) -> None:
    try:
        with st.spinner("Working on it…"):
            done = request.deed(console.source.operations, console.principal, answers)
    except CountChanged as error:
        if request.recounted is None or not 0 < error.current <= BULK_LIMIT:
            note(str(error), "bad")
            return
        news = f"There are {error.current:,} now. Nothing was done; look again and confirm."
        ask(replace(request.recounted(error.current), news=news))
    except OctostarRuntimeError as error:
        note(str(error), "bad")
        return
    tell(done)
    _forget()
    st.rerun()


# ---- tasks -------------------------------------------------------------------------------------------------------


def cancel_runs(run_ids: Sequence[str], name: str = "") -> Request:
    """Ask to cancel these runs."""
    ids = tuple(run_ids)
    what = name if len(ids) == 1 and name else _count(ids, "task")
    return Request(
        title=f"Cancel {what}?",
        sentence="A queued task ends at once. A running one is asked to stop and ends at its next check.",
        button=f"Cancel {_count(ids, 'task')}",
        deed=lambda operations, by, answers: summary(
            operations.cancel_runs(ids, by=by, reason=answers.reason), "cancelled"
        ),
    )


def cancel_matching(query: str, expected: int) -> Request:
    """Ask to cancel every live run that matches."""
    return Request(
        title=f"Cancel all {expected:,} that match?",
        sentence=f"Every task that waits or runs and matches `{query or 'anything'}` is asked to stop.",
        button=f"Cancel {expected:,} tasks",
        deed=lambda operations, by, answers: summary(
            _at_most(operations.cancel_matching, query, expected, by, answers.reason), "cancelled"
        ),
        recounted=partial(cancel_matching, query),
    )


def hard_stop_run(run_id: str, name: str) -> Request:
    """Ask to break off a run that does not heed its cancel."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        return summary((operations.hard_stop_run(run_id, by=by, reason=answers.reason),), "hard-stopped")

    return Request(
        title=f"Hard stop {name}?",
        sentence=(
            "The task was asked to stop and did not answer. A hard stop breaks it off wherever it is: files and "
            "connections it holds may be left as they are. If even that fails, its worker is replaced."
        ),
        button="Hard stop",
        deed=deed,
    )


def retry_runs(run_ids: Sequence[str], name: str = "") -> Request:
    """Ask to run these again."""
    ids = tuple(run_ids)
    what = name if len(ids) == 1 and name else _count(ids, "task")
    return Request(
        title=f"Retry {what}?",
        sentence="Each is run again with the same arguments, as a new run.",
        button=f"Retry {_count(ids, 'task')}",
        deed=lambda operations, by, answers: summary(
            operations.retry_runs(ids, by=by, reason=answers.reason), "queued again"
        ),
    )


def retry_matching(query: str, expected: int) -> Request:
    """Ask to run every ended run that matches again."""
    return Request(
        title=f"Retry all {expected:,} that match?",
        sentence=f"Every ended task that matches `{query or 'anything'}` is run again with the same arguments.",
        button=f"Retry {expected:,} tasks",
        deed=lambda operations, by, answers: summary(
            _at_most(operations.retry_matching, query, expected, by, answers.reason), "queued again"
        ),
        recounted=partial(retry_matching, query),
    )


def _at_most(act: Matching, query: str, expected: int, by: Principal, reason: str) -> tuple[Outcome, ...]:
    """Act on what matches when it has become less than what was confirmed; CountChanged when it has become more.

    On a busy queue some end between the question and the click: nobody has to confirm anew for those.
    """
    for _ in range(_TRIES):
        try:
            return act(query, expected, by=by, reason=reason)
        except CountChanged as error:
            if error.current >= expected:
                raise
            expected = error.current
    return act(query, expected, by=by, reason=reason)


# ---- sessions ----------------------------------------------------------------------------------------------------


def end_sessions(session_ids: Sequence[str], who: str = "") -> Request:
    """Ask to end sessions."""
    ids = tuple(session_ids)
    return Request(
        title=f"End {who or _count(ids, 'session')}?",
        sentence="The browser shows that an operator ended the session. Its tasks are cancelled, unless they are kept.",
        button=f"End {_count(ids, 'session')}",
        deed=lambda operations, by, answers: summary(
            operations.end_sessions(ids, by=by, reason=answers.reason), "ended"
        ),
    )


def stop_scripts(session_ids: Sequence[str]) -> Request:
    """Ask to stop what a session's page is computing."""
    ids = tuple(session_ids)
    return Request(
        title=f"Stop the script of {_count(ids, 'session')}?",
        sentence="What the page is computing now is broken off. The session stays; background tasks go on.",
        button="Stop the script",
        deed=lambda operations, by, answers: summary(
            operations.stop_scripts(ids, by=by, reason=answers.reason), "stopped"
        ),
    )


def rerun_sessions(session_ids: Sequence[str]) -> Request:
    """Ask to run a session's page again."""
    ids = tuple(session_ids)
    return Request(
        title=f"Rerun the page of {_count(ids, 'session')}?",
        sentence="The page is computed again. Page, address and typed text stay.",
        button="Rerun",
        deed=lambda operations, by, answers: summary(
            operations.rerun_sessions(ids, by=by, reason=answers.reason), "rerun"
        ),
    )


def message_sessions(session_ids: Sequence[str] | None, count: int) -> Request:
    """Ask for a message and show it in those sessions, in all of them when ``session_ids`` is None."""
    ids = None if session_ids is None else tuple(session_ids)

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        outcomes = operations.message_sessions(
            ids, answers.text, answers.level, by=by, reason=answers.reason, lasting_s=answers.number * 60.0
        )
        return summary(outcomes, "told")

    whom = "everybody who is connected" if ids is None else _count(ids, "session")
    return Request(
        title=f"Send a message to {whom}",
        sentence=f"It appears in {count:,} browser tab{'' if count == 1 else 's'} within two seconds.",
        button="Send",
        deed=deed,
        message=True,
        lasting=ids is None,
    )


# ---- pools, nodes ------------------------------------------------------------------------------------------------


def resize_pool(node_id: str, pool: str, size: int) -> Request:
    """Ask for another number of workers."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.resize_pool(node_id, pool, answers.number, by=by, reason=answers.reason)
        return f"Pool {pool} has {answers.number} workers now"

    return Request(
        title=f"Resize pool {pool}",
        sentence=f"It has {size} workers. New ones start at once; those that are busy end their task before they go.",
        button="Resize",
        deed=deed,
        number=("Workers", 1, 1000, size),
    )


_POOL_WORDS = {
    "pause": ("Pause", "Nothing new starts until it is resumed. What runs goes on.", "paused"),
    "resume": ("Resume", "Queued tasks start again.", "open again"),
    "drain": ("Drain", "It takes no new work. What runs may end.", "draining"),
}


def pool_action(verb: str, node_id: str, pool: str) -> Request:
    """Ask to pause, resume or drain a pool."""
    title, sentence, done = _POOL_WORDS[verb]

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        act = {"pause": operations.pause_pool, "resume": operations.resume_pool, "drain": operations.drain_pool}[verb]
        act(node_id, pool, by=by, reason=answers.reason)
        return f"Pool {pool} is {done}"

    return Request(title=f"{title} pool {pool}?", sentence=sentence, button=title, deed=deed)


def drain_node(node_id: str, name: str) -> Request:
    """Ask to drain a node."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.drain_node(node_id, by=by, reason=answers.reason)
        return f"{name} is draining"

    return Request(
        title=f"Drain {name}?",
        sentence="Its pools take no new work; what runs may end. Do this before a restart.",
        button="Drain",
        deed=deed,
    )


def undrain_node(node_id: str, name: str) -> Request:
    """Ask to take a node back into service."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.undrain_node(node_id, by=by, reason=answers.reason)
        return f"{name} works again"

    return Request(
        title=f"Take {name} back into service?", sentence="Its pools take work again.", button="Take back", deed=deed
    )


# ---- services ----------------------------------------------------------------------------------------------------


def stop_service(name: str, used_by: int) -> Request:
    """Ask to stop a service now; what is in use only when that is agreed to."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.stop_service(name, by=by, reason=answers.reason, force=answers.agreed)
        return f"{name} is stopping"

    held = " It is in use, so a plain stop is refused." if used_by else ""
    return Request(
        title=f"Stop {name} now?",
        sentence=f"It stops without waiting for its countdown.{held} It starts again when somebody needs it.",
        button="Stop now",
        deed=deed,
        agree="Stop it although it is in use: people are cut off, work is lost" if used_by else "",
    )


def start_service(name: str) -> Request:
    """Ask to start a service now."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.start_service(name, by=by, reason=answers.reason)
        return f"{name} is starting"

    return Request(title=f"Start {name} now?", sentence="It starts at once.", button="Start now", deed=deed)


def hold(hours: int) -> Request:
    """Ask to keep everything awake."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.hold(answers.reason or "no reason given", answers.number * 3600.0, by=by)
        return f"Everything stays awake for {answers.number} h"

    return Request(
        title="Keep everything awake?",
        sentence="Nothing stops by itself until then. Anybody can see who asked for it and why.",
        button="Keep awake",
        deed=deed,
        number=("Hours", 1, 24, hours),
    )


def release_hold(hold_id: str, owner: str) -> Request:
    """Ask to end a hold."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.release_hold(hold_id, by=by, reason=answers.reason)
        return "Nothing is held awake by that any more"

    return Request(
        title=f"Release the hold of {owner}?",
        sentence="Services may count down again once nothing else needs them.",
        button="Release",
        deed=deed,
    )


# ---- sign-in -----------------------------------------------------------------------------------------------------


def end_sign_in(access: Access, credential_id: str, who: str) -> Request:
    """Ask to sign somebody out of the console."""

    def deed(_: Operations, by: Principal, answers: Answers) -> str:
        access.end_sign_in(credential_id, by=by, reason=answers.reason)
        return f"{who} is signed out there"

    return Request(
        title=f"Sign {who} out?",
        sentence="That browser has to sign in again. Other sign-ins of the same person stay.",
        button="Sign out",
        deed=deed,
        for_all=True,
    )


def revoke_token(access: Access, credential_id: str, label: str) -> Request:
    """Ask to make a token worthless."""

    def deed(_: Operations, by: Principal, answers: Answers) -> str:
        access.revoke_token(credential_id, by=by, reason=answers.reason)
        return "The token is worthless now"

    return Request(
        title=f"Revoke the token {label or 'without a name'}?",
        sentence="Programs that use it are refused at once.",
        button="Revoke",
        deed=deed,
    )


def _count(ids: Sequence[str], what: str) -> str:
    return f"{len(ids):,} {what}{'' if len(ids) == 1 else 's'}"
