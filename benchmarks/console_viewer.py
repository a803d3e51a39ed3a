"""One viewer of the console without a browser: a websocket that refreshes as a browser does, and what that costs.

A browser keeps the messages it has seen and tells the server which, so that an unchanged element travels as a short
reference. This viewer does the same; otherwise it would measure traffic that nobody causes.
"""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.streamlit_page import StreamlitPage


@dataclass(frozen=True, slots=True)
class Refresh:
    """What one refresh took: bytes from the server and seconds until it was drawn."""

    received: int
    took_s: float


class Viewer:
    """Opens one page of the console and refreshes it when told."""

    def __init__(self, url: str, *, page: str = "", query: str = "", cookie: str = "", timeout_s: float = 30.0) -> None:
        self.page = StreamlitPage(query_string=query)
        self.refreshing_fragment = ""
        self._timeout_s = timeout_s
        self._known: dict[str, int] = {}
        began = time.perf_counter()
        headers = {"Cookie": cookie} if cookie else {}
        self._socket: ClientConnection = connect(
            url.replace("http", "ws", 1) + "/_stcore/stream",
            subprotocols=[Subprotocol("streamlit"), Subprotocol("no-xsrf-token")],
            additional_headers=headers,
            max_size=None,
            ping_interval=None,
            compression=None,
        )
        self._send(self.page.rerun_message(page=page, query=query))
        self.first = self._until_finished(began)

    def refresh(self) -> Refresh:
        """Do what the page's timer does: run its live part again."""
        began = time.perf_counter()
        self._send(self.page.rerun_message(fragment_id=self.refreshing_fragment, auto=True))
        return self._until_finished(began)

    def set(self, state: WidgetState, *, fragment_id: str = "") -> Refresh:
        """Change a widget, as a click does."""
        began = time.perf_counter()
        self._send(self.page.rerun_message(states=[state], fragment_id=fragment_id))
        return self._until_finished(began)

    def open(self, page: str, query: str = "") -> Refresh:
        """Go to another page."""
        began = time.perf_counter()
        self.page.widget_values.clear()
        self._send(self.page.rerun_message(page=page, query=query))
        return self._until_finished(began)

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, frame: bytes) -> None:
        message = BackMsg()
        message.ParseFromString(frame)
        message.rerun_script.cached_message_hashes.extend(self._known)
        self._socket.send(message.SerializeToString())

    def _until_finished(self, began: float) -> Refresh:
        received = 0
        deadline = time.monotonic() + self._timeout_s
        while True:
            data = self._socket.recv(timeout=max(deadline - time.monotonic(), 0.001))
            assert isinstance(data, bytes)
            received += len(data)
            sent = ForwardMsg()
            sent.ParseFromString(data)
            self._remember(sent)
            message = self.page.feed(data)
            if message.WhichOneof("type") == "auto_rerun":
                self.refreshing_fragment = message.auto_rerun.fragment_id
            if message.WhichOneof("type") == "script_finished":
                if self.page.exceptions:
                    raise AssertionError(f"the page failed: {self.page.exceptions[0][:400]}")
                return Refresh(received, time.perf_counter() - began)

    def _remember(self, message: ForwardMsg) -> None:
        """Keep what a browser keeps: cacheable messages, for as long as they were used in the last two runs."""
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            self._known[message.ref_hash] = 0
        elif message.metadata.cacheable:
            self._known[message.hash] = 0
        elif kind == "script_finished":
            self._known = {known: age + 1 for known, age in self._known.items() if age < 2}
