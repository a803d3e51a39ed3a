"""What this node does when it, or another node, is told to: the receiving end of ``operations``.

Handlers run on the commander's thread (or the caller's, for a local target) and answer with small JSON values.
One target's failure is that target's outcome, never the whole command's.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from octostar_runtime.errors import InvalidInput, InvalidTransition, OctostarRuntimeError
from octostar_runtime.models.commands import CommandRecord
from octostar_runtime.models.sessions import ComingStop
from octostar_runtime.ports import Commander

if TYPE_CHECKING:
    from octostar_runtime.idle import IdleController
    from octostar_runtime.sessions import SessionRegistry
    from octostar_runtime.tasks import TaskManager

Result = Mapping[str, object]
Handler = Callable[[CommandRecord], Result | None]


def register_run_handlers(commander: Commander, tasks: "TaskManager", retry: Callable[[str], str]) -> None:
    """Cancel, hard-stop, retry and look into this node's runs. ``retry(run_id)`` returns the new run's id."""

    def cancel(run_id: str, command: CommandRecord) -> str:
        if not tasks.cancel_run(run_id, reason=command.reason or "cancelled by an operator", by=command.actor):
            raise InvalidTransition("it had already ended")
        return "asked to stop"

    def hard_stop(run_id: str, command: CommandRecord) -> str:
        if not tasks.hard_stop(run_id, by=command.actor):
            raise InvalidTransition("it does not run any more")
        return "stopped hard"

    commander.handle("run.cancel", _each(cancel))
    commander.handle("run.hard_stop", _each(hard_stop))
    commander.handle("run.retry", _each(lambda run_id, _: retry(run_id)))
    commander.handle("run.stack", lambda command: {"stack": tasks.stack(_text(command, "target"))})


def register_pool_handlers(commander: Commander, tasks: "TaskManager", drain_node: Callable[[bool], object]) -> None:
    """Resize, pause, resume and drain this node's pools, one or all of them; ``drain_node`` tells the fleet."""

    def on_one(act: Callable[[str], object]) -> Handler:
        def handle(command: CommandRecord) -> None:
            act(_text(command, "pool"))

        return handle

    def on_all(act: Callable[[str], object], *, draining: bool) -> Handler:
        def handle(_: CommandRecord) -> None:
            for pool in tasks.pools():
                act(pool.name)
            drain_node(draining)

        return handle

    def resize(command: CommandRecord) -> None:
        tasks.resize(_text(command, "pool"), _whole(command, "size"))

    commander.handle("pool.resize", resize)
    commander.handle("pool.pause", on_one(tasks.pause))
    commander.handle("pool.resume", on_one(tasks.resume))
    commander.handle("pool.drain", on_one(tasks.drain))
    commander.handle("node.drain", on_all(tasks.drain, draining=True))
    commander.handle("node.undrain", on_all(tasks.resume, draining=False))


def register_session_handlers(commander: Commander, sessions: "SessionRegistry") -> None:
    """End, stop, rerun, message and measure this node's sessions; post and withdraw what newcomers are told."""

    def end(session_id: str, command: CommandRecord) -> str:
        sessions.end(session_id, by=command.actor or "", reason=command.reason or "")
        return "ended"

    def stop_script(session_id: str, command: CommandRecord) -> str:
        sessions.stop_script(session_id, by=command.actor or "", reason=command.reason or "")
        return "asked to stop"

    def rerun(session_id: str, command: CommandRecord) -> str:
        sessions.rerun(session_id, by=command.actor or "", reason=command.reason or "")
        return "asked to rerun"

    def message(session_id: str, command: CommandRecord) -> str:
        by, reason = command.actor or "", command.reason or ""
        notice_id = str(command.args.get("notice_id", ""))
        text, level = _text(command, "text"), _text(command, "level")
        sessions.send_message([session_id], text, level, by=by, reason=reason, notice_id=notice_id)
        return "left for the session"

    def notice(command: CommandRecord) -> Result:
        by, lasting_s = command.actor or "", _number(command, "lasting_s")
        sessions.post_notice(
            _text(command, "text"),
            _text(command, "level"),
            by=by,
            lasting_s=lasting_s,
            reason=command.reason or "",
            notice_id=_text(command, "notice_id"),
        )
        return {"outcomes": dict.fromkeys(_targets(command), (True, "posted"))}

    def withdraw(command: CommandRecord) -> Result:
        sessions.withdraw_notice(_text(command, "notice_id"))
        return {"outcomes": dict.fromkeys(_targets(command), (True, "withdrawn"))}

    def announce_stop(command: CommandRecord) -> Result:
        may_keep_s = command.args.get("may_keep_s")
        stop = ComingStop(
            service=_text(command, "service"),
            text=_text(command, "text"),
            stops_at=_number(command, "stops_at"),
            may_keep_s=float(may_keep_s) if isinstance(may_keep_s, int | float) else None,
        )
        sessions.announce_stop(stop, called_off=bool(command.args.get("called_off")))
        return {"outcomes": dict.fromkeys(_targets(command), (True, "told"))}

    commander.handle("session.announce_stop", announce_stop)
    commander.handle("session.end", _each(end))
    commander.handle("session.stop_script", _each(stop_script))
    commander.handle("session.rerun", _each(rerun))
    commander.handle("session.message", _each(message))
    commander.handle("session.notice", notice)
    commander.handle("session.withdraw_notice", withdraw)
    commander.handle("session.memory", lambda command: {"bytes": sessions.memory(_text(command, "target"))})


def register_service_handlers(commander: Commander, idle: "IdleController") -> None:
    """Stop, start and hold services; only the node with the controller's lease is asked."""

    def stop(command: CommandRecord) -> None:
        force = command.args.get("force") is True
        idle.stop_now(_text(command, "service"), by=command.actor or "", reason=command.reason or "", force=force)

    def start(command: CommandRecord) -> None:
        idle.start_now(_text(command, "service"), by=command.actor or "", reason=command.reason or "")

    def hold(command: CommandRecord) -> Result:
        return {"hold_id": idle.hold(_text(command, "owner"), command.reason or "", _number(command, "ttl_s"))}

    def keep_awake(command: CommandRecord) -> Result:
        hold = idle.keep_awake(_text(command, "owner"), _text(command, "session_id"))
        return {"hold_id": hold.hold_id, "until": hold.expires_at}

    def release(command: CommandRecord) -> None:
        idle.release_hold(_text(command, "hold_id"))

    def log(command: CommandRecord) -> Result:
        return {"log": idle.log_tail(_text(command, "service"), _whole(command, "lines"))}

    commander.handle("service.stop", stop)
    commander.handle("service.start", start)
    commander.handle("service.hold", hold)
    commander.handle("service.keep_awake", keep_awake)
    commander.handle("service.release_hold", release)
    commander.handle("service.log", log)


def register_people_handlers(commander: Commander, forget: Callable[[str], object]) -> None:
    """Forget a person in this process's memory."""

    def forget_person(command: CommandRecord) -> None:
        forget(_text(command, "user"))

    commander.handle("people.forget", forget_person)


def _each(act: Callable[[str, CommandRecord], str]) -> Handler:
    """Apply ``act`` to every target; its text, or its error's sentence, becomes that target's outcome."""

    def handle(command: CommandRecord) -> Result:
        outcomes: dict[str, tuple[bool, str]] = {}
        for target in _targets(command):
            try:
                outcomes[target] = (True, act(target, command))
            except OctostarRuntimeError as error:
                outcomes[target] = (False, str(error))
        return {"outcomes": outcomes}

    return handle


def _targets(command: CommandRecord) -> list[str]:
    targets = command.args.get("targets")
    return [str(target) for target in targets] if isinstance(targets, list | tuple) else []


def _text(command: CommandRecord, name: str) -> str:
    value = command.args.get(name)
    if not isinstance(value, str):
        raise InvalidInput(f"command {command.kind} needs {name!r}")
    return value


def _number(command: CommandRecord, name: str) -> float:
    value = command.args.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput(f"command {command.kind} needs {name!r} as a number")
    return float(value)


def _whole(command: CommandRecord, name: str) -> int:
    value = command.args.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"command {command.kind} needs {name!r} as a whole number")
    return value
