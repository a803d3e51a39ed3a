"""What may be asked for about services and what keeps them awake."""

from octostar_runtime.models.access import Principal
from octostar_runtime.operations import Operations
from octostar_runtime.ui.actions.confirm import Answers, Request


def stop_service(name: str, used_by: int) -> Request:
    """Ask to stop a service now; what is in use only when that is agreed to."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.stop_service(name, by=by, reason=answers.reason, force=answers.agreed)
        return f"{name} is stopping"

    held = " It is in use, so a plain stop is refused." if used_by else ""
    return Request(
        title=f"Stop {name} now?",
        sentence=f"It stops without waiting for its countdown.{held} It starts again when somebody needs it.",
        button="Stop now",
        deed=deed,
        agree="Stop it although it is in use: people are cut off, work is lost" if used_by else "",
    )


def start_service(name: str) -> Request:
    """Ask to start a service now."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.start_service(name, by=by, reason=answers.reason)
        return f"{name} is starting"

    return Request(title=f"Start {name} now?", sentence="It starts at once.", button="Start now", deed=deed)


def hold(hours: int) -> Request:
    """Ask to keep everything awake."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.hold(answers.reason or "no reason given", answers.number * 3600.0, by=by)
        return f"Everything stays awake for {answers.number} h"

    return Request(
        title="Keep everything awake?",
        sentence="Nothing stops by itself until then. Anybody can see who asked for it and why.",
        button="Keep awake",
        deed=deed,
        number=("Hours", 1, 24, hours),
    )


def release_hold(hold_id: str, owner: str) -> Request:
    """Ask to end a hold."""

    def deed(operations: Operations, by: Principal, answers: Answers) -> str:
        operations.release_hold(hold_id, by=by, reason=answers.reason)
        return "Nothing is held awake by that any more"

    return Request(
        title=f"Release the hold of {owner}?",
        sentence="Services may count down again once nothing else needs them.",
        button="Release",
        deed=deed,
    )
