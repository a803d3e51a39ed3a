"""What an operator may do to sessions."""

from collections.abc import Sequence

from octostar_runtime.errors import InvalidInput
from octostar_runtime.models.access import SYSTEM, Principal, Role
from octostar_runtime.models.nodes import NodeState
from octostar_runtime.models.outcomes import Outcome
from octostar_runtime.models.sessions import ComingStop, Notice
from octostar_runtime.operations.dispatch import Dispatcher, said_states

SCOPE = "sessions:write"
#: What the audit says a session is after each verb.
_AFTER = {"end": "ended", "stop_script": "script stopped", "rerun": "page rerun", "message": "told"}
MESSAGE_LIMIT = 500
LONGEST_NOTICE_S = 86_400.0
REACHABLE = frozenset({NodeState.OK, NodeState.LATE, NodeState.DRAINING})
LEVELS = ("info", "warning", "error")


class SessionOperations(Dispatcher):
    """End, stop, rerun and message the sessions of any node."""

    def end_sessions(self, session_ids: Sequence[str], *, by: Principal, reason: str = "") -> tuple[Outcome, ...]:
        """Close the browser tabs' sessions; their browsers say that an operator did it."""
        return self._act_on_sessions(session_ids, "end", "end sessions", by, reason)

    def stop_scripts(self, session_ids: Sequence[str], *, by: Principal, reason: str = "") -> tuple[Outcome, ...]:
        """Stop the script that runs in each session, at its next st.* call."""
        return self._act_on_sessions(session_ids, "stop_script", "stop scripts", by, reason)

    def rerun_sessions(self, session_ids: Sequence[str], *, by: Principal, reason: str = "") -> tuple[Outcome, ...]:
        """Run each session's script again; page, URL and typed text stay."""
        return self._act_on_sessions(session_ids, "rerun", "rerun scripts", by, reason)

    def message_sessions(
        self,
        session_ids: Sequence[str] | None,
        text: str,
        level: str = "info",
        *,
        by: Principal,
        reason: str = "",
        lasting_s: float = 0.0,
    ) -> tuple[Outcome, ...]:
        """Show ``text`` (at most 500 characters) in those sessions, in all live ones when ``session_ids`` is None.

        Then it may also be shown to whoever comes in the next ``lasting_s`` seconds, on every node and across
        restarts, until :meth:`withdraw_notice`.
        """
        if not text.strip() or len(text) > MESSAGE_LIMIT:
            raise InvalidInput(f"a message needs 1 to {MESSAGE_LIMIT} characters, not {len(text)}")
        if level not in LEVELS:
            raise InvalidInput(f"a message's level is one of {', '.join(LEVELS)}, not {level!r}")
        targets = session_ids if session_ids is not None else self._live_sessions()
        if lasting_s and (session_ids is not None or not 0 < lasting_s <= LONGEST_NOTICE_S):
            raise InvalidInput(f"lasting_s is for messages to everybody, and at most {LONGEST_NOTICE_S:.0f} seconds")
        args: dict[str, object] = {"text": text, "level": level}
        if lasting_s:
            self._require(by, Role.OPERATOR, SCOPE, "message sessions", "everybody")
            args["notice_id"] = self._at.notices.post(text, level, by=by.name, lasting_s=lasting_s).notice_id
        outcomes = self._act_on_sessions(targets, "message", "message sessions", by, reason, **args)
        if lasting_s:
            self._send_each(self._nodes_with_pages(), "session.notice", by, reason, lasting_s=lasting_s, **args)
        return outcomes

    def withdraw_notice(self, notice_id: str, *, by: Principal, reason: str = "") -> Notice:
        """Take a lasting message back, also from the pages that show it; NoticeNotFound when it lasts no more."""
        self._require(by, Role.OPERATOR, SCOPE, "withdraw a message", notice_id)
        notice = self._at.notices.withdraw(notice_id)
        # a node that cannot be reached now learns of it from the store
        self._send_each(self._nodes_with_pages(), "session.withdraw_notice", by, reason, notice_id=notice_id)
        told = {"text": notice.text, "level": notice.level, "posted_by": notice.by, "until": notice.until}
        self._audit("session.notice_withdrawn", "newcomers", by, reason, told)
        return notice

    def announce_stop(self, stop: ComingStop, *, called_off: bool = False) -> tuple[Outcome, ...]:
        """Let the pages of every node that can have sessions count down to a stop, or stop counting."""
        told = {
            "service": stop.service,
            "text": stop.text,
            "stops_at": stop.stops_at,
            "may_keep_s": stop.may_keep_s,
            "called_off": called_off,
        }
        return self._send_each(self._nodes_with_pages(), "session.announce_stop", SYSTEM, None, **told)

    def session_memory(self, session_id: str, *, by: Principal) -> int:
        """Return the approximate bytes held by one session's state; may take a moment on a large state."""
        self._require(by, Role.VIEWER, "read", "measure a session", session_id)
        owner = self._session_owners([session_id])[session_id]
        if owner is None:
            raise InvalidInput(f"no node has a live session {session_id!r}")
        measured = self._send(owner, "session.memory", {"target": session_id}, by, None).get("bytes", 0)
        return measured if isinstance(measured, int) else 0

    def _act_on_sessions(
        self, session_ids: Sequence[str], verb: str, action: str, by: Principal, reason: str, **args: object
    ) -> tuple[Outcome, ...]:
        subject = session_ids[0] if len(session_ids) == 1 else f"{len(session_ids)} sessions"
        self._require(by, Role.OPERATOR, SCOPE, action, subject)
        wanted = set(session_ids)
        states = [one.state.value for one in self._at.snapshot().sessions if one.session_id in wanted]
        outcomes = self._send_each(self._session_owners(session_ids), f"session.{verb}", by, reason, **args)
        change = {"before": said_states(states), "after": _AFTER[verb]}
        self._audit_outcomes(f"session.{verb}_requested", outcomes, by, reason, **args, **change)
        return outcomes

    def _nodes_with_pages(self) -> dict[str, str | None]:
        return {n.node_id: n.node_id for n in self._at.snapshot().nodes if n.kind != "api" and n.state in REACHABLE}

    def _live_sessions(self) -> list[str]:
        return [s.session_id for s in self._at.snapshot().sessions if s.state.value in ("connected", "dormant")]

    def _session_owners(self, session_ids: Sequence[str]) -> dict[str, str | None]:
        known = {s.session_id: s.node_id for s in self._at.snapshot().sessions if s.state.value != "ended"}
        return {session_id: known.get(session_id) for session_id in session_ids}
