"""A raw Streamlit client: the websocket and protobuf messages of a browser tab, without the browser.

    with StreamlitClient(server.url) as client:          # connects and runs the script once
        assert "Hello" in client.texts()
        client.type("Name", "Ada")                       # a widget's value, then a run
        client.click("Save")
        client.go("settings")                            # another page of st.navigation
        client.disconnect(); client.resume()             # a blip
        client.reload()                                  # a new session, as the browser's reload button makes
        client.abort()                                   # the peer vanishes (RST)

Every waiting call has a time limit and says what did not come. Frames are read by one daemon thread per connection.
"""

import contextlib
import ctypes
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support.streamlit_page import StreamlitPage, simple_message

T = TypeVar("T")
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


class StreamlitClient:
    """One browser tab. ``run=False`` connects without asking for a run; ``headers`` are added to the handshake."""

    def __init__(
        self,
        url: str,
        *,
        page: str | None = None,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        user_agent: str = USER_AGENT,
        run: bool = True,
        timeout_s: float = 10.0,
    ) -> None:
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self.page = StreamlitPage(query_string=query)
        self.close_code: int | None = None
        self._headers = dict(headers or {})
        self._user_agent = user_agent
        self._changed = threading.Condition(threading.RLock())
        self._socket: ClientConnection | None = None
        self._reader: threading.Thread | None = None
        self._connected = False
        self._connect(resume=None)
        if run:
            self.rerun(page=page)

    # -- the connection ------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether the websocket is open, as far as this side knows."""
        return self._connected

    @property
    def session_id(self) -> str:
        """Streamlit's own id of the session (whole: it is what resumes the session)."""
        return self.page.session_id

    def disconnect(self) -> None:
        """Close the websocket politely, as a closed tab does; the session may be resumed."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed, OSError):
                self._socket.close()
        self._join()

    def abort(self) -> None:
        """Vanish: the TCP connection is reset without a closing frame."""
        assert self._socket is not None
        # connecting to "no address" makes Linux reset the connection and wake whoever reads from it
        nowhere = struct.pack("H14x", socket.AF_UNSPEC)
        ctypes.CDLL(None).connect(self._socket.socket.fileno(), nowhere, len(nowhere))
        self._join()

    def resume(self, *, run: bool = True) -> Self:
        """Connect again and ask for the same session, as a browser does after a network blip."""
        self._connect(resume=self.page.session_id)
        if run:
            self.rerun()
        return self

    def reload(self) -> Self:
        """Leave and come back as a new session on the same page and query, as the reload button does."""
        url_path = next((u for u, h in self.page.app_pages.items() if h == self.page.page_script_hash), None)
        query = self.page.query_string
        self.disconnect()
        self.page = StreamlitPage(query_string=query)
        self._connect(resume=None)
        self.rerun(page=url_path)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    # -- what a person does --------------------------------------------------------------------------------

    def rerun(self, *, page: str | None = None, query: str | None = None, wait: bool = True, **more: Any) -> Self:
        """Ask for a run and wait until it has finished."""
        return self._run(self.page.rerun_message(page=page, query=query, **more), wait=wait)

    def go(self, page: str, *, query: str = "") -> Self:
        """Open another page by its url path ("" is the default page)."""
        self.page.widget_values.clear()
        return self.rerun(page=page, query=query)

    def click(self, label: str, *, wait: bool = True) -> Self:
        """Press a button by its label."""
        element = self.page.widget(label)
        return self._change(element, WidgetState(id=element.id, trigger_value=True), wait=wait)

    def type(self, label: str, text: str, *, wait: bool = True) -> Self:
        """Enter text into an input by its label."""
        element = self.page.widget(label)
        return self._change(element, WidgetState(id=element.id, string_value=text), wait=wait)

    def toggle(self, label: str, on: bool = True, *, wait: bool = True) -> Self:
        """Set a checkbox or toggle by its label."""
        element = self.page.widget(label)
        return self._change(element, WidgetState(id=element.id, bool_value=on), wait=wait)

    def set(self, state: WidgetState, *, wait: bool = True) -> Self:
        """Set any widget: a WidgetState names its id and value."""
        return self._run(self.page.rerun_message(states=[state]), wait=wait)

    def heartbeat(self) -> Self:
        """Send the frontend's own heartbeat frame and wait for its answer."""
        answered = self.page.heartbeats_answered
        self.send(simple_message("app_heartbeat"))
        self.wait(lambda: self.page.heartbeats_answered > answered, what="the answer to a heartbeat")
        return self

    def stop_script(self) -> None:
        """Press the frontend's stop button."""
        self.send(simple_message("stop_script"))

    def clear_cache(self) -> None:
        """Ask for "clear cache", as the developer menu does."""
        self.send(simple_message("clear_cache"))

    def send(self, frame: bytes) -> None:
        """Send one raw frame."""
        assert self._socket is not None
        self._socket.send(frame)

    # -- what a person sees --------------------------------------------------------------------------------

    def texts(self) -> list[str]:
        """Return the texts now shown."""
        with self._changed:
            return self.page.texts()

    def shows(self, text: str) -> bool:
        """Whether ``text`` stands anywhere among the texts."""
        return any(text in shown for shown in self.texts())

    def elements(self, kind: str | None = None) -> list[Any]:
        """Return the elements now shown ("markdown", "alert", "toast", "button", "arrow_data_frame", ...)."""
        with self._changed:
            return list(self.page.elements(kind))

    def wait(self, condition: Callable[[], T], *, what: str = "the condition", timeout_s: float | None = None) -> T:
        """Return the first truthy value of ``condition()``, tried after every frame."""
        limit = timeout_s if timeout_s is not None else self.timeout_s
        deadline = time.monotonic() + limit
        with self._changed:
            while not (value := condition()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{what} did not come within {limit} s; shown: {self.page.texts()}")
                self._changed.wait(min(left, 0.2))
            return value

    def wait_for(self, text: str, *, timeout_s: float | None = None) -> Self:
        """Wait until ``text`` is shown."""
        self.wait(lambda: any(text in shown for shown in self.page.texts()), what=repr(text), timeout_s=timeout_s)
        return self

    def wait_closed(self, *, timeout_s: float | None = None) -> Self:
        """Wait until the server has closed the websocket."""
        self.wait(lambda: not self.connected, what="the server's close", timeout_s=timeout_s)
        return self

    # -- inside --------------------------------------------------------------------------------------------

    def _change(self, element: Any, state: WidgetState, *, wait: bool) -> Self:
        fragment = getattr(element, "fragment_id", "") or self._fragment_of(element)
        return self._run(self.page.rerun_message(states=[state], fragment_id=fragment), wait=wait)

    def _fragment_of(self, element: Any) -> str:
        for placed in self.page._placed.values():
            name = placed.proto.WhichOneof("type")
            if name and getattr(getattr(placed.proto, name), "id", None) == element.id:
                return placed.fragment_id
        return ""

    def _run(self, frame: bytes, *, wait: bool) -> Self:
        before = self.page.runs_finished + self.page.fragment_runs_finished
        self.send(frame)
        if wait:
            self.wait(
                lambda: self.page.runs_finished + self.page.fragment_runs_finished > before and not self.page.running,
                what="the end of the run",
            )
        return self

    def _connect(self, *, resume: str | None) -> None:
        protocols = [Subprotocol("streamlit"), Subprotocol("no-xsrf-token")]
        if resume:
            protocols.append(Subprotocol(resume))
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        opening = connect(
            address,
            subprotocols=protocols,
            additional_headers=self._headers,
            user_agent_header=self._user_agent,
            max_size=None,
            open_timeout=self.timeout_s,
            close_timeout=1,
            ping_interval=None,
            compression=None,
        )
        self._socket = opening.__enter__()  # left by disconnect() or abort(), whichever the test wants
        self.close_code = None
        self._connected = True
        self._reader = threading.Thread(
            target=self._read, args=(self._socket, self.page), name="streamlit-client", daemon=True
        )
        self._reader.start()

    def _read(self, connection: ClientConnection, page: StreamlitPage) -> None:
        try:
            while True:
                frame = connection.recv()
                with self._changed:
                    if isinstance(frame, bytes):
                        page.feed(frame)
                    self._changed.notify_all()
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd else None
        except OSError:
            pass
        finally:
            with self._changed:
                if connection is self._socket:
                    self._connected = False
                self._changed.notify_all()

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(5)
