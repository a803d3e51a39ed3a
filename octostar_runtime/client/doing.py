"""Acting: what an operator may do, and calls of functions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from octostar_runtime.client.answers import Outcomes
from octostar_runtime.client.call import FunctionCall
from octostar_runtime.client.reading import Reading
from octostar_runtime.models.services import ServiceRecord


class Doing(Reading):
    """What changes something. ``reason`` is kept in the audit log."""

    # Runs

    def cancel_runs(self, run_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """Ask runs to stop."""
        return self._act("/api/runs/cancel", run_ids=list(run_ids), reason=reason)

    def cancel_matching(self, q: str, expected: int, *, reason: str = "") -> Outcomes:
        """Cancel every live run that a search finds, if they are as many as expected."""
        return self._act("/api/runs/cancel", q=q, expected=expected, reason=reason)

    def hard_stop_run(self, run_id: str, *, reason: str = "") -> None:
        """Stop a run that does not heed its cancel by force."""
        self._request("POST", f"/api/runs/{run_id}/hard-stop", json={"reason": reason})

    def retry_runs(self, run_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """Run ended runs again."""
        return self._act("/api/runs/retry", run_ids=list(run_ids), reason=reason)

    def retry_matching(self, q: str, expected: int, *, reason: str = "") -> Outcomes:
        """Retry every ended run that a search finds, if they are as many as expected."""
        return self._act("/api/runs/retry", q=q, expected=expected, reason=reason)

    # Sessions

    def end_sessions(self, session_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """End sessions."""
        return self._act("/api/sessions/end", session_ids=list(session_ids), reason=reason)

    def stop_scripts(self, session_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """Stop the scripts that run in sessions."""
        return self._act("/api/sessions/stop", session_ids=list(session_ids), reason=reason)

    def rerun_sessions(self, session_ids: Sequence[str], *, reason: str = "") -> Outcomes:
        """Run the sessions' scripts again."""
        return self._act("/api/sessions/rerun", session_ids=list(session_ids), reason=reason)

    def message_sessions(
        self,
        text: str,
        session_ids: Sequence[str] | None = None,
        *,
        level: str = "info",
        lasting_s: float = 0.0,
        reason: str = "",
    ) -> Outcomes:
        """Show a message in the named sessions, in all live ones when none is named.

        With ``lasting_s`` whoever comes in so many seconds sees it, too.
        """
        ids = None if session_ids is None else list(session_ids)
        told: dict[str, Any] = {"session_ids": ids, "text": text, "level": level, "reason": reason}
        if lasting_s:
            told["lasting_s"] = lasting_s
        return self._act("/api/sessions/message", **told)

    def withdraw_notice(self, notice_id: str, *, reason: str = "") -> None:
        """Take a lasting message back, also from the pages that show it."""
        self._request("DELETE", f"/api/sessions/notices/{notice_id}", params={"reason": reason})

    # Nodes, pools, services

    def drain_node(self, node_id: str, *, reason: str = "") -> None:
        """Let a node finish what runs and start nothing new."""
        self._request("POST", f"/api/nodes/{node_id}/drain", json={"reason": reason})

    def undrain_node(self, node_id: str, *, reason: str = "") -> None:
        """Take a node back into service."""
        self._request("POST", f"/api/nodes/{node_id}/undrain", json={"reason": reason})

    def resize_pool(self, node_id: str, pool: str, size: int, *, reason: str = "") -> None:
        """Set the number of a pool's workers."""
        self._request("POST", f"/api/nodes/{node_id}/pools/{pool}/resize", json={"size": size, "reason": reason})

    def pause_pool(self, node_id: str, pool: str, *, reason: str = "") -> None:
        """Start nothing new in a pool until it is resumed."""
        self._request("POST", f"/api/nodes/{node_id}/pools/{pool}/pause", json={"reason": reason})

    def resume_pool(self, node_id: str, pool: str, *, reason: str = "") -> None:
        """Let a pool work again."""
        self._request("POST", f"/api/nodes/{node_id}/pools/{pool}/resume", json={"reason": reason})

    def stop_service(self, name: str, *, reason: str = "", force: bool = False) -> None:
        """Stop a service now, whatever its countdown says; refused while somebody uses it, unless ``force``."""
        self._request("POST", f"/api/services/{name}/stop", json={"reason": reason, "force": force})

    def start_service(self, name: str, *, reason: str = "") -> None:
        """Start a service now."""
        self._request("POST", f"/api/services/{name}/start", json={"reason": reason})

    def wake_service(self, name: str, *, wait_s: float = 0.0) -> ServiceRecord:
        """Start a service and return it as it is once it is ready, or after ``wait_s`` seconds (at most 60)."""
        return self._read(ServiceRecord, self._http.post(f"/api/services/{name}/wake", params={"wait": wait_s}))

    def hold(self, reason: str, ttl_s: float) -> str:
        """Keep everything awake for ``ttl_s`` seconds; returns the hold's id."""
        return str(self._json("POST", "/api/holds", json={"reason": reason, "ttl_s": ttl_s})["hold_id"])

    def release_hold(self, hold_id: str, *, reason: str = "") -> None:
        """End a keep-awake before it expires."""
        self._request("DELETE", f"/api/holds/{hold_id}", params={"reason": reason})

    def save_policy(self, policy: Mapping[str, Any], version: int, *, reason: str = "") -> int:
        """Save the policy in place of ``version``; returns the new version."""
        body = {"policy": dict(policy), "version": version, "reason": reason}
        return int(self._json("PUT", "/api/policy", json=body)["version"])

    # Access

    def make_token(self, label: str, *, role: str = "viewer", scopes: Sequence[str] = (), days: int = 30) -> str:
        """Make a token and return its secret, which is shown this once."""
        body = {"label": label, "role": role, "scopes": list(scopes), "days": days}
        return str(self._json("POST", "/api/tokens", json=body)["token"])

    def revoke_token(self, token_id: str) -> None:
        """Make a token worthless."""
        self._request("DELETE", f"/api/tokens/{token_id}")

    def make_link(self, name: str, *, role: str = "viewer", minutes: int = 15) -> str:
        """Make a one-use sign-in link and return its path."""
        body = {"name": name, "role": role, "minutes": minutes}
        return str(self._json("POST", "/api/sign-in-links", json=body)["path"])

    # Functions

    def call(
        self,
        function: str,
        *,
        files: Mapping[str, Path] | None = None,
        wait_s: float = 0.0,
        key: str | None = None,
        **arguments: Any,
    ) -> FunctionCall:
        """Call an API function; with ``wait_s`` the service holds the answer until the result is there."""
        headers = {"Idempotency-Key": key} if key else {}
        path, params = f"/api/functions/{function}", {"wait": wait_s}
        if files is None:
            body = TypeAdapter(Any).dump_python(arguments, mode="json")
            return FunctionCall(self, self._request("POST", path, params=params, headers=headers, json=body))
        data = {name: (None, _form_text(value)) for name, value in arguments.items()}
        opened = {name: file.open("rb") for name, file in files.items()}
        try:
            parts: dict[str, Any] = {**data, **{name: (files[name].name, file) for name, file in opened.items()}}
            return FunctionCall(self, self._request("POST", path, params=params, headers=headers, files=parts))
        finally:
            for file in opened.values():
                file.close()


def _form_text(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else TypeAdapter(Any).dump_json(value)
