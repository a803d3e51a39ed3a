"""Looking: lists page by page, single records, and events as they come."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from octostar_runtime.client.answers import Function, Hold, Me, Page, Result, SessionDetail, Token, Version
from octostar_runtime.client.connection import Connection, adapter
from octostar_runtime.client.refusal import check
from octostar_runtime.models.events import Event
from octostar_runtime.models.groups import RunGroup, RunGroups
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.models.runs import RunRecord
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import Notice, SessionRecord


class Reading(Connection):
    """What one may ask without changing anything."""

    def health(self) -> Mapping[str, Any]:
        """Return the service's answer to "are you there?"; needs no token."""
        return self._json("GET", "/api/health")

    def version(self) -> Version:
        """Return the versions."""
        return self._one(Version, "/api/version")

    def me(self) -> Me:
        """Return who the token stands for."""
        return self._one(Me, "/api/me")

    def nodes(self, *, limit: int = 50, cursor: str | None = None) -> Page[NodeRecord]:
        """Return one page of nodes."""
        return self._page(NodeRecord, "/api/nodes", limit=limit, cursor=cursor)

    def node(self, node_id: str) -> NodeRecord:
        """Return a node."""
        return self._one(NodeRecord, f"/api/nodes/{node_id}")

    def sessions(self, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Page[SessionRecord]:
        """Return one page of sessions; filters are ``state``, ``observers`` and ``user``."""
        return self._page(SessionRecord, "/api/sessions", limit=limit, cursor=cursor, **filters)

    def session(self, session_id: str) -> SessionDetail:
        """Return a session and its runs."""
        return self._one(SessionDetail, f"/api/sessions/{session_id}")

    def notices(self) -> tuple[Notice, ...]:
        """Return the messages that whoever comes is shown."""
        return self._each(Notice, "/api/sessions/notices")

    def pools(self, *, limit: int = 50, cursor: str | None = None) -> Page[PoolRecord]:
        """Return one page of pools."""
        return self._page(PoolRecord, "/api/pools", limit=limit, cursor=cursor)

    def services(self, *, limit: int = 50, cursor: str | None = None) -> Page[ServiceRecord]:
        """Return one page of services."""
        return self._page(ServiceRecord, "/api/services", limit=limit, cursor=cursor)

    def service(self, name: str) -> ServiceRecord:
        """Return a service."""
        return self._one(ServiceRecord, f"/api/services/{name}")

    def service_log(self, name: str, *, lines: int = 500) -> str:
        """Return the newest lines of a service's log."""
        return str(self._json("GET", f"/api/services/{name}/log", params={"lines": lines})["log"])

    def holds(self) -> tuple[Hold, ...]:
        """Return the keep-awakes in force."""
        return self._each(Hold, "/api/holds")

    def try_policy(self, policy: Mapping[str, Any] | None = None, *, days: float = 7.0) -> Mapping[str, Any]:
        """Replay a policy (None: the one in force) over the recorded use; see the API's ``WhatIfAnswer``."""
        body = {"policy": None if policy is None else dict(policy), "days": days}
        return self._json("POST", "/api/policy/what-if", json=body)

    def runs(
        self, q: str = "", *, sort: str = "-queued_at", limit: int = 50, cursor: str | None = None
    ) -> Page[RunRecord]:
        """Return one page of the runs that a search in the console's query language finds."""
        return self._page(RunRecord, "/api/runs", q=q, sort=sort, limit=limit, cursor=cursor)

    def all_runs(self, q: str = "", *, sort: str = "-queued_at") -> Iterator[RunRecord]:
        """Yield every run that a search finds, page by page."""
        cursor: str | None = None
        while True:
            page = self.runs(q, sort=sort, limit=500, cursor=cursor)
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def run_groups(self, q: str = "", *, by: str = "name", limit: int = 50) -> RunGroups:
        """Return what a search finds by "name", "error", "user", "pool" or "state", most failures first."""
        params: dict[str, Any] = {"q": q, "by": by, "limit": limit}
        return _groups(self._json("GET", "/api/runs/groups", params=params), "groups")

    def run_buckets(
        self, q: str = "", *, back_s: float = 86_400.0, step_s: float | None = None, until: float | None = None
    ) -> RunGroups:
        """Return what a search finds by when it was queued, in stretches of ``step_s``, the oldest first.

        ``until`` is in UTC seconds (None: now); stretches without runs are left out.
        """
        given = {"q": q, "back": back_s, "step": step_s, "until": until}
        params = {name: value for name, value in given.items() if value is not None}
        return _groups(self._json("GET", "/api/runs/buckets", params=params), "buckets")

    def run(self, run_id: str) -> RunRecord:
        """Return everything known of a run."""
        return self._one(RunRecord, f"/api/runs/{run_id}")

    def result(self, run_id: str) -> Result:
        """Return what a run has given; ApiRefused (409) when it failed."""
        return self._one(Result, f"/api/runs/{run_id}/result")

    def stack(self, run_id: str) -> str:
        """Return where a run is now."""
        return str(self._json("GET", f"/api/runs/{run_id}/stack")["stack"])

    def events(self, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Page[Event]:
        """Return one page of events; filters are ``kind``, ``actor``, ``text`` and ``audit``."""
        return self._page(Event, "/api/events", limit=limit, cursor=cursor, **filters)

    def follow(self, *, kind: str = "", audit: bool = False, after: str | None = None) -> Iterator[Event]:
        """Yield events as they come, until the service stops; ``after`` is the id of the last one seen before."""
        headers = {"Last-Event-ID": after} if after else {}
        params: dict[str, str | bool] = {"kind": kind, "audit": audit}
        with self._http.stream("GET", "/api/events/stream", params=params, headers=headers, timeout=60.0) as stream:
            if stream.status_code >= 400:
                stream.read()
            check(stream)
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield adapter(Event).validate_python(json.loads(line[5:]))

    def policy(self) -> tuple[dict[str, Any], int]:
        """Return the idle policy and its version."""
        found = self._json("GET", "/api/policy")
        return found["policy"], found["version"]

    def metrics(self) -> str:
        """Return the metrics as OpenMetrics text."""
        return self._request("GET", "/api/metrics").text

    def functions(self) -> tuple[Function, ...]:
        """Return what can be called."""
        return self._each(Function, "/api/functions")

    def tokens(self) -> tuple[Token, ...]:
        """Return the tokens in force, without their secrets."""
        return self._each(Token, "/api/tokens")


def _groups(body: Mapping[str, Any], name: str) -> RunGroups:
    reader = adapter(RunGroup)
    groups = tuple(reader.validate_python(group) for group in body[name])
    return RunGroups(groups=groups, of=body["of"], exact=body["exact"])
