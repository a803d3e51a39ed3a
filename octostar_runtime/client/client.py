"""The client: one method per thing to do, blocking, safe to share between threads."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import httpx
from pydantic import TypeAdapter

from octostar_runtime.client.refusal import check
from octostar_runtime.models.events import Event
from octostar_runtime.models.nodes import NodeRecord
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.models.pools import PoolRecord
from octostar_runtime.models.runs import RunRecord, RunState
from octostar_runtime.models.services import ServiceRecord
from octostar_runtime.models.sessions import SessionRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list; ``next`` is the cursor of the one behind it."""

    items: tuple[T, ...]
    total: int | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of an action, target by target."""

    outcomes: tuple[Outcome, ...]
    done: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run has given so far, or finally."""

    run_id: str
    state: RunState
    final: bool
    progress: float | None = None
    message: str | None = None
    data: Any = None


class Client:
    """Talk to the API at ``url`` (the address of the service, without ``/api``) with a bearer token."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Scheme, host and port of the service."""
        url = self._http.base_url
        return f"{url.scheme}://{url.netloc.decode()}"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Reading

    def health(self) -> Mapping[str, Any]:
        """Return the service's answer to "are you there?"; needs no token."""
        return self._json("GET", "/api/health")

    def version(self) -> Mapping[str, Any]:
        """Return the versions."""
        return self._json("GET", "/api/version")

    def me(self) -> Mapping[str, Any]:
        """Return who the token stands for."""
        return self._json("GET", "/api/me")

    def nodes(self, *, limit: int = 50, cursor: str | None = None) -> Page[NodeRecord]:
        """Return one page of nodes."""
        return self._page(NodeRecord, "/api/nodes", limit=limit, cursor=cursor)

    def sessions(self, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Page[SessionRecord]:
        """Return one page of sessions; filters are ``state``, ``observers`` and ``user``."""
        return self._page(SessionRecord, "/api/sessions", limit=limit, cursor=cursor, **filters)

    def pools(self, *, limit: int = 50, cursor: str | None = None) -> Page[PoolRecord]:
        """Return one page of pools."""
        return self._page(PoolRecord, "/api/pools", limit=limit, cursor=cursor)

    def services(self, *, limit: int = 50, cursor: str | None = None) -> Page[ServiceRecord]:
        """Return one page of services."""
        return self._page(ServiceRecord, "/api/services", limit=limit, cursor=cursor)

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

    def run(self, run_id: str) -> RunRecord:
        """Return everything known of a run."""
        return self._read(RunRecord, self._http.get(f"/api/runs/{run_id}"))

    def result(self, run_id: str) -> Result:
        """Return what a run has given; ApiRefused (409) when it failed."""
        return self._read(Result, self._http.get(f"/api/runs/{run_id}/result"))

    def stack(self, run_id: str) -> str:
        """Return where a run is now."""
        return str(self._json("GET", f"/api/runs/{run_id}/stack")["stack"])

    def events(self, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Page[Event]:
        """Return one page of events; filters are ``kind``, ``actor``, ``text`` and ``audit``."""
        return self._page(Event, "/api/events", limit=limit, cursor=cursor, **filters)

    def policy(self) -> tuple[dict[str, Any], int]:
        """Return the idle policy and its version."""
        found = self._json("GET", "/api/policy")
        return found["policy"], found["version"]

    def metrics(self) -> str:
        """Return the metrics as OpenMetrics text."""
        return check(self._http.get("/api/metrics")).text

    def functions(self) -> Sequence[Mapping[str, Any]]:
        """Return what can be called."""
        found: Sequence[Mapping[str, Any]] = check(self._http.get("/api/functions")).json()
        return found

    # Doing

    def cancel_runs(self, run_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """Ask runs to stop."""
        return self._act("/api/runs/cancel", run_ids=list(run_ids), reason=reason)

    def cancel_matching(self, q: str, expected: int, *, reason: str = "") -> Outcomes:
        """Cancel every live run that a search finds, if they are as many as expected."""
        return self._act("/api/runs/cancel", q=q, expected=expected, reason=reason)

    def retry_runs(self, run_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """Run ended runs again."""
        return self._act("/api/runs/retry", run_ids=list(run_ids), reason=reason)

    def retry_matching(self, q: str, expected: int, *, reason: str = "") -> Outcomes:
        """Retry every ended run that a search finds, if they are as many as expected."""
        return self._act("/api/runs/retry", q=q, expected=expected, reason=reason)

    def end_sessions(self, session_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """End sessions."""
        return self._act("/api/sessions/end", session_ids=list(session_ids), reason=reason)

    def message_sessions(self, text: str, session_ids: Sequence[str] | None = None, *, level: str = "info") -> Outcomes:
        """Show a message in the named sessions, in all live ones when none is named."""
        ids = None if session_ids is None else list(session_ids)
        return self._act("/api/sessions/message", session_ids=ids, text=text, level=level)

    def resize_pool(self, node_id: str, pool: str, size: int, *, reason: str = "") -> None:
        """Set the number of a pool's workers."""
        body = {"size": size, "reason": reason}
        check(self._http.post(f"/api/nodes/{node_id}/pools/{pool}/resize", json=body))

    def save_policy(self, policy: Mapping[str, Any], version: int, *, reason: str = "") -> int:
        """Save the policy in place of ``version``; returns the new version."""
        body = {"policy": dict(policy), "version": version, "reason": reason}
        return int(self._json("PUT", "/api/policy", json=body)["version"])

    def make_token(self, label: str, *, role: str = "viewer", scopes: Sequence[str] = (), days: int = 30) -> str:
        """Make a token and return its secret, which is shown this once."""
        body = {"label": label, "role": role, "scopes": list(scopes), "days": days}
        return str(self._json("POST", "/api/tokens", json=body)["token"])

    def tokens(self) -> Sequence[Mapping[str, Any]]:
        """Return the tokens in force, without their secrets."""
        found: Sequence[Mapping[str, Any]] = check(self._http.get("/api/tokens")).json()
        return found

    def revoke_token(self, token_id: str) -> None:
        """Make a token worthless."""
        check(self._http.delete(f"/api/tokens/{token_id}"))

    def make_link(self, name: str, *, role: str = "viewer", minutes: int = 15) -> str:
        """Make a one-use sign-in link and return its path."""
        body = {"name": name, "role": role, "minutes": minutes}
        return str(self._json("POST", "/api/sign-in-links", json=body)["path"])

    def call(
        self,
        function: str,
        *,
        files: Mapping[str, Path] | None = None,
        wait_s: float = 0.0,
        key: str | None = None,
        **arguments: Any,
    ) -> "FunctionCall":
        """Call an API function; with ``wait_s`` the service holds the answer until the result is there."""
        headers = {"Idempotency-Key": key} if key else {}
        path, params = f"/api/functions/{function}", {"wait": wait_s}
        if files is None:
            response = self._http.post(path, params=params, headers=headers, json=arguments)
            return FunctionCall(self, check(response))
        data = {name: (None, _form_text(value)) for name, value in arguments.items()}
        opened = {name: file.open("rb") for name, file in files.items()}
        try:
            parts: dict[str, Any] = {**data, **{name: (files[name].name, file) for name, file in opened.items()}}
            response = self._http.post(path, params=params, headers=headers, files=parts)
        finally:
            for file in opened.values():
                file.close()
        return FunctionCall(self, check(response))

    def _act(self, path: str, **body: Any) -> Outcomes:
        return self._read(Outcomes, self._http.post(path, json=body))

    def _page(self, kind: type[T], path: str, /, **params: Any) -> Page[T]:
        given = {name: value for name, value in params.items() if value is not None}
        body = check(self._http.get(path, params=given)).json()
        adapter: TypeAdapter[T] = _adapter(kind)
        items = tuple(adapter.validate_python(item) for item in body["items"])
        return Page(items=items, total=body.get("total"), next=body.get("next"))

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = check(self._http.request(method, path, **options)).json()
        return found

    def _read(self, kind: type[T], response: httpx.Response) -> T:
        adapter: TypeAdapter[T] = _adapter(kind)
        return adapter.validate_json(check(response).content)


def _form_text(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else TypeAdapter(Any).dump_json(value)


class FunctionCall:
    """A call that was taken: its run, and its result once there is one."""

    def __init__(self, client: Client, response: httpx.Response) -> None:
        body = response.json()
        self.run_id: str = body["run_id"]
        self._client = client
        self._result = TypeAdapter(Result).validate_python(body) if response.status_code == 200 else None

    def result(self, *, timeout_s: float = 600.0, every_s: float = 0.2) -> Result:
        """Wait for the result; ApiRefused when the run failed, TimeoutError when it takes too long."""
        deadline = time.monotonic() + timeout_s
        while self._result is None or not self._result.final:
            self._result = self._client.result(self.run_id)
            if self._result.final:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {self.run_id} has not ended within {timeout_s} s")
            time.sleep(every_s)
        return self._result


_adapter: Callable[[Any], TypeAdapter[Any]] = lru_cache(maxsize=32)(TypeAdapter)
