"""What a browser tab would show: Streamlit's forward messages folded into elements, without any network.

Shared by the blocking and the asyncio client. It keeps only what tests ask for: elements by position, the pages
of the app, whether a script runs, and how many runs have finished.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX

_FULL_RUN_ENDS = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)


@dataclass
class _Placed:
    """An element (or block) where it stands and the run that put it there."""

    proto: Any
    run: int
    fragment_id: str


@dataclass
class StreamlitPage:
    """The state of one tab. ``session_id`` is Streamlit's own id, a secret that resumes the session."""

    session_id: str = ""
    page_script_hash: str = ""
    query_string: str = ""
    running: bool = False
    runs_started: int = 0
    runs_finished: int = 0
    fragment_runs_finished: int = 0
    heartbeats_answered: int = 0
    app_pages: dict[str, str] = field(default_factory=dict)  # url path -> page script hash
    exceptions: list[str] = field(default_factory=list)
    widget_values: dict[str, WidgetState] = field(default_factory=dict)
    _placed: dict[tuple[int, ...], _Placed] = field(default_factory=dict)
    _messages: dict[str, ForwardMsg] = field(default_factory=dict)

    def feed(self, data: bytes) -> ForwardMsg:
        """Fold one frame in; returns the message."""
        message = ForwardMsg()
        message.ParseFromString(data)
        if message.WhichOneof("type") == "ref_hash":
            known = self._messages.get(message.ref_hash)
            if known is not None:
                known.metadata.CopyFrom(message.metadata)
                message = known
        elif message.hash and message.metadata.cacheable:
            self._messages[message.hash] = message
        self._fold(message)
        return message

    def _fold(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._place(message)
        elif kind == "new_session":
            self._begin(message)
        elif kind == "script_finished":
            self._finish(message.script_finished)
        elif kind == "navigation":
            self._learn_pages(message.navigation)
            self.page_script_hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query_string = message.page_info_changed.query_string
        elif kind == "session_status_changed":
            self.running = message.session_status_changed.script_is_running
        elif kind == "heartbeat_ack":
            self.heartbeats_answered += 1
        elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
            self.exceptions.append(message.session_event.script_compilation_exception.message)

    def _begin(self, message: ForwardMsg) -> None:
        self.session_id = message.new_session.initialize.session_id
        self.page_script_hash = message.new_session.page_script_hash or self.page_script_hash
        self._learn_pages(message.new_session)
        self.running = True
        self.runs_started += 1

    def _learn_pages(self, message: Any) -> None:
        if message.app_pages:
            self.app_pages = {page.url_pathname: page.page_script_hash for page in message.app_pages}

    def _place(self, message: ForwardMsg) -> None:
        path = tuple(message.metadata.delta_path)
        delta = message.delta
        kind = delta.WhichOneof("type")
        proto = delta.new_element if kind == "new_element" else delta.add_block if kind == "add_block" else None
        if proto is None:
            return
        self._placed[path] = _Placed(proto, self.runs_started, delta.fragment_id)
        if kind == "new_element" and proto.WhichOneof("type") == "exception":
            self.exceptions.append(f"{proto.exception.type}: {proto.exception.message}")

    def _finish(self, how: int) -> None:
        if how in _FULL_RUN_ENDS:
            self.runs_finished += 1
            self._placed = {path: placed for path, placed in self._placed.items() if placed.run == self.runs_started}
        elif how == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            self.fragment_runs_finished += 1
            redrawn = {p.fragment_id for p in self._placed.values() if p.run == self.runs_started and p.fragment_id}
            self._placed = {
                path: placed
                for path, placed in self._placed.items()
                if placed.fragment_id not in redrawn or placed.run == self.runs_started
            }

    def elements(self, kind: str | None = None) -> Iterator[Any]:
        """Yield the elements now shown, in order of their position; ``kind`` as in ``Element`` ("markdown", ...)."""
        for _, placed in sorted(self._placed.items()):
            name = placed.proto.WhichOneof("type")
            if name is None or not hasattr(placed.proto, name) or type(placed.proto).__name__ == "Block":
                continue
            if kind is None or name == kind:
                yield getattr(placed.proto, name)

    def texts(self) -> list[str]:
        """Return the texts of headings, markdown, alerts, toasts, text and metrics now shown."""
        found = []
        for element in self.elements():
            text = getattr(element, "body", None)
            if isinstance(text, str) and text:
                found.append(text)
        return found

    def widget(self, label: str) -> Any:
        """Return the widget with that label or user key; AssertionError lists the labels there are."""
        labels = []
        for element in self.elements():
            name = getattr(element, "label", None)
            identity = getattr(element, "id", "")
            if name == label or (identity and identity.endswith(f"-{label}")):
                return element
            if name:
                labels.append(name)
        raise AssertionError(f"no widget {label!r}; there are {labels}")

    def rerun_message(
        self,
        *,
        states: list[WidgetState] | None = None,
        page: str | None = None,
        page_hash: str | None = None,
        query: str | None = None,
        fragment_id: str = "",
        auto: bool = False,
        url: str = "",
    ) -> bytes:
        """Return the frame with which a browser asks for a run. ``page`` is a url path ("" is the default page)."""
        for state in states or []:
            self.widget_values[state.id] = state
        if query is not None:
            self.query_string = query
        client = ClientState(query_string=self.query_string, fragment_id=fragment_id, is_auto_rerun=auto)
        if page_hash is not None:
            client.page_script_hash = page_hash
        elif page is not None and page in self.app_pages:
            client.page_script_hash = self.app_pages[page]
        elif page is not None:
            client.page_name = page
        else:
            client.page_script_hash = self.page_script_hash
        if url:
            client.context_info.url = url
        sent = {**self.widget_values, **{state.id: state for state in states or []}}
        client.widget_states.widgets.extend(sent.values())
        self.widget_values = {key: value for key, value in sent.items() if not _is_trigger(value)}
        message = BackMsg()
        message.rerun_script.CopyFrom(client)
        return bytes(message.SerializeToString())


def component_event(component_id: str, event: str, value: object) -> WidgetState:
    """Return what a component's script sends when it triggers ``event``."""
    payload = json.dumps({"event": event, "value": value})
    return WidgetState(id=f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{component_id}__events", json_trigger_value=payload)


def _is_trigger(state: WidgetState) -> bool:
    return (state.WhichOneof("value") or "").endswith("trigger_value")


def simple_message(kind: str) -> bytes:
    """Return the frame of a message without content: "app_heartbeat", "stop_script", "clear_cache"."""
    message = BackMsg()
    setattr(message, kind, True)
    return bytes(message.SerializeToString())
