"""The test app's window into its registry, over HTTP."""

import json
import urllib.parse
import urllib.request
from typing import Any

from octostar_runtime.sessions import public_id
from octostar_runtime.testing import wait_until
from tests.support.streamlit_client import StreamlitClient


class Probe:
    """Reads /probe and calls /act of ``apps/tapped.py``."""

    def __init__(self, url: str) -> None:
        self._url = url

    def session(self, client: StreamlitClient) -> dict[str, Any]:
        """Return the record of a client's session, {} when there is none."""
        return self.by_id(client.session_id)

    def by_id(self, session_id: str) -> dict[str, Any]:
        """Return the record of a session by Streamlit's own id, {} when there is none."""
        shown = public_id(session_id)
        found: list[dict[str, Any]] = [s for s in self._get("/probe")["sessions"] if s["session_id"] == shown]
        return found[0] if found else {}

    def sessions(self) -> list[dict[str, Any]]:
        """Return all records."""
        return list(self._get("/probe")["sessions"])

    def events(self, session_id: str = "") -> list[dict[str, Any]]:
        """Return what happened, to one session when an id is given, oldest first."""
        shown = public_id(session_id)
        return [e for e in self._get("/probe")["events"] if not shown or e["subject"] == shown]

    def kinds(self, session_id: str) -> list[str]:
        """Return the kinds of one session's events without their common prefix."""
        return [event["kind"].removeprefix("session.") for event in self.events(session_id)]

    def wait_state(self, session_id: str, state: str, *, timeout_s: float = 5.0) -> dict[str, Any]:
        """Wait until a session has the given state and return its record."""

        def reached() -> dict[str, Any]:
            record = self.by_id(session_id)
            return record if record.get("state") == state else {}

        return wait_until(reached, timeout_s=timeout_s, what=f"state {state} of {public_id(session_id)}")

    def act(self, do: str, client: StreamlitClient | None = None, **more: str) -> Any:
        """Do as an operator does."""
        given = {"do": do, **({"session": client.session_id} if client is not None else {}), **more}
        return self._get("/act?" + urllib.parse.urlencode(given))

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self._url + path, timeout=10) as answer:
            return json.load(answer)
