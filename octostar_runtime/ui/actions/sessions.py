"""What may be asked for about sessions."""

from collections.abc import Sequence

from octostar_runtime.models.access import Principal
from octostar_runtime.models.outcomes import summary
from octostar_runtime.operations import Operations
from octostar_runtime.ui.actions.confirm import Answers, Request
from octostar_runtime.ui.formats import plural


def end_sessions(session_ids: Sequence[str], who: str = "") -> Request:
    """Ask to end sessions."""
    ids = tuple(session_ids)
    return Request(
        title=f"End {who or plural(len(ids), 'session')}?",
        sentence="The browser shows that an operator ended the session. Its tasks are cancelled, unless they are kept.",
        button=f"End {plural(len(ids), 'session')}",
        deed=lambda operations, by, answers: summary(
            operations.end_sessions(ids, by=by, reason=answers.reason), "ended"
        ),
    )


def stop_scripts(session_ids: Sequence[str]) -> Request:
    """Ask to stop what a session's page is computing."""
    ids = tuple(session_ids)
    return Request(
        title=f"Stop the script of {plural(len(ids), 'session')}?",
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
        title=f"Rerun the page of {plural(len(ids), 'session')}?",
        sentence="The page is computed again. Page, address and typed text stay.",
        button="Rerun",
        deed=lambda operations, by, answers: summary(
            operations.rerun_sessions(ids, by=by, reason=answers.reason), "rerun"
        ),
    )


def withdraw_notice(notice_id: str, text: str) -> Request:
    """Ask to take a lasting message back."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.withdraw_notice(notice_id, by=by, reason=answers.reason)
        return "The message is withdrawn"

    return Request(
        title="Withdraw this message?",
        sentence=f"“{text}” is no longer shown to newcomers, and goes from the pages that show it.",
        button="Withdraw",
        deed=deed,
    )


def message_sessions(session_ids: Sequence[str] | None, count: int) -> Request:
    """Ask for a message and show it in those sessions, in all of them when ``session_ids`` is None."""
    ids = None if session_ids is None else tuple(session_ids)

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        outcomes = operations.message_sessions(
            ids, answers.text, answers.level, by=by, reason=answers.reason, lasting_s=answers.number * 60.0
        )
        return summary(outcomes, "told")

    whom = "everybody who is connected" if ids is None else plural(len(ids), "session")
    return Request(
        title=f"Send a message to {whom}",
        sentence=f"It appears in {count:,} browser tab{'' if count == 1 else 's'} within two seconds.",
        button="Send",
        deed=deed,
        message=True,
        lasting=ids is None,
    )
