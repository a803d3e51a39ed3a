"""What may be asked for about sign-ins and tokens."""

from octostar_runtime.access import Access
from octostar_runtime.models.access import Principal
from octostar_runtime.operations import Operations
from octostar_runtime.ui.actions.confirm import Answers, Request


def end_sign_in(access: Access, credential_id: str, who: str) -> Request:
    """Ask to sign somebody out of the console."""

    def deed(_: Operations, by: Principal, answers: Answers) -> str:
        access.end_sign_in(credential_id, by=by, reason=answers.reason)
        return f"{who} is signed out there"

    return Request(
        title=f"Sign {who} out?",
        sentence="That browser has to sign in again. Other sign-ins of the same person stay.",
        button="Sign out",
        deed=deed,
        for_all=True,
    )


def revoke_token(access: Access, credential_id: str, label: str) -> Request:
    """Ask to make a token worthless."""

    def deed(_: Operations, by: Principal, answers: Answers) -> str:
        access.revoke_token(credential_id, by=by, reason=answers.reason)
        return "The token is worthless now"

    return Request(
        title=f"Revoke the token {label or 'without a name'}?",
        sentence="Programs that use it are refused at once.",
        button="Revoke",
        deed=deed,
    )
