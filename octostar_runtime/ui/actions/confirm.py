"""A confirm: what a viewer asked for, kept until they say yes.

A request is kept in the session's state with the ids it is about, so that what is confirmed is what is done,
whatever the list shows by then. While a confirm is open, the page stands still.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import streamlit as st

from octostar_runtime.errors import CountChanged, OctostarRuntimeError
from octostar_runtime.models.access import Principal
from octostar_runtime.operations import Operations
from octostar_runtime.operations.runs import BULK_LIMIT
from octostar_runtime.ui.components.blocks import note
from octostar_runtime.ui.console import Console

logger = logging.getLogger(__name__)
_ASKED = "octostar_asked"
_TOLD = "octostar_told"
_PAGE = "octostar_page_now"
_WHERE = "octostar_asked_where"
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


def arrived(page: str) -> None:
    """Note which page is drawn. What was asked elsewhere is not asked any more: the browser's own Back leaves it."""
    st.session_state[_PAGE] = page
    if pending() and st.session_state.get(_WHERE) != _where():
        _forget()


def ask(request: Request) -> None:
    """Open the confirm; the page is drawn again, standing still."""
    st.session_state[_ASKED] = request
    st.session_state[_WHERE] = _where()
    st.rerun()


def _where() -> tuple[str, dict[str, str]]:
    return st.session_state.get(_PAGE, ""), st.query_params.to_dict()


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
    if st.session_state.get(_ASKED) is not request:
        st.rerun()  # done already: the second of two quick clicks
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
            with st.spinner("Working on it…"):
                wrong = _do(console, request, answers)
            if not wrong:
                st.rerun()
            note(wrong, "bad")


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


def _do(console: Console, request: Request, answers: Answers) -> str:
    """Do it and note what became of it; return what went wrong, when it can be tried again.

    Draws nothing: Streamlit may break off a run where it draws, for a click that came meanwhile, and what is done
    but not noted would then be done again.
    """
    try:
        done = request.deed(console.source.operations, console.principal, answers)
    except CountChanged as error:
        if request.recounted is None or not 0 < error.current <= BULK_LIMIT:
            return str(error)
        news = f"There are {error.current:,} now. Nothing was done; look again and confirm."
        st.session_state[_ASKED] = replace(request.recounted(error.current), news=news)
    except OctostarRuntimeError as error:
        return str(error)
    else:
        tell(done)
        _forget()
    return ""
