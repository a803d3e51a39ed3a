"""What an operator may do to services and to the idle policy."""

from collections.abc import Mapping

from octostar_runtime.errors import ServiceNotFound
from octostar_runtime.models.access import Principal, Role
from octostar_runtime.models.events import Event
from octostar_runtime.operations.dispatch import Dispatcher

SCOPE = "services:write"
POLICY_SCOPE = "policy:write"
#: The state that a command was accepted for; what the service came to is told by its own events.
_AFTER = {"service.stop": "stopping", "service.start": "starting"}
#: Who asks when it is an app's own user: somebody without any role.
USER = Principal(name="a user of the app", role=Role.NOBODY, via="app")


class ServiceOperations(Dispatcher):
    """Stop, start and hold services, and save the policy. The node that holds the controller's lease carries it out."""

    def stop_service(self, name: str, *, by: Principal, reason: str = "", force: bool = False) -> None:
        """Stop a service now, whatever its countdown says; CommandFailed names what uses it, unless ``force``."""
        self._act_on_service("service.stop", name, "stop a service", by, reason, force=force)

    def start_service(self, name: str, *, by: Principal, reason: str = "") -> None:
        """Start a service now."""
        self._act_on_service("service.start", name, "start a service", by, reason)

    def hold(self, reason: str, ttl_s: float, *, by: Principal) -> str:
        """Keep everything awake for ``ttl_s`` seconds; returns the hold's id."""
        self._require(by, Role.OPERATOR, SCOPE, "keep services awake", "hold")
        result = self._send(self._controller(), "service.hold", {"owner": by.name, "ttl_s": ttl_s}, by, reason)
        hold_id = str(result.get("hold_id", ""))
        self._audit("service.hold_taken", hold_id, by, reason, {"ttl_s": ttl_s, "before": "none", "after": "held"})
        return hold_id

    def release_hold(self, hold_id: str, *, by: Principal, reason: str = "") -> None:
        """End a hold before it expires."""
        self._require(by, Role.OPERATOR, SCOPE, "release a hold", hold_id)
        self._send(self._controller(), "service.release_hold", {"hold_id": hold_id}, by, reason)
        self._audit("service.hold_released", hold_id, by, reason, {"before": "held", "after": "released"})

    def save_policy(self, doc: Mapping[str, object], expected: int, *, by: Principal, reason: str = "") -> int:
        """Save the idle policy; PolicyInvalid names the field, VersionConflict says somebody was faster."""
        self._require(by, Role.OPERATOR, POLICY_SCOPE, "change the idle policy", "idle")
        return self._save_policy_document(doc, expected, by, reason)

    def service_log(self, name: str, *, by: Principal, lines: int = 500) -> str:
        """Return the newest lines of a service's log."""
        self._require(by, Role.VIEWER, "read", "read a service's log", name)
        args = {"service": name, "lines": max(1, min(lines, 500))}
        return str(self._send(self._controller(), "service.log", args, by, None).get("log", ""))

    def keep_awake(self, session_id: str, owner: str) -> float:
        """A user puts off the stop they were warned of; returns until when (UTC). Refused when none is coming."""
        asked = {"session_id": session_id, "owner": owner}
        result = self._send(self._controller(), "service.keep_awake", asked, USER, None)
        until = result.get("until")
        self._at.sink.publish(
            Event(
                kind="service.hold_taken",
                subject=str(result.get("hold_id", "")),
                at=self._at.clock.time(),
                node_id=self._at.node_id,
                actor=owner,
                reason="pressed keep awake",
                data={"session_id": session_id, "until": until, "via": "app", "before": "none", "after": "held"},
            )
        )
        return float(until) if isinstance(until, int | float) else self._at.clock.time()

    def _act_on_service(self, kind: str, name: str, action: str, by: Principal, reason: str, **args: object) -> None:
        self._require(by, Role.OPERATOR, SCOPE, action, name)
        known = {service.name: service for service in self._at.snapshot().services}
        if name not in known:
            raise ServiceNotFound(f"no service is called {name!r}; there are: {', '.join(sorted(known)) or 'none'}")
        self._send(self._controller(), kind, {"service": name, **args}, by, reason)
        forced = {"force": True} if args.get("force") else {}
        self._audit(
            f"{kind}_requested", name, by, reason, {"before": known[name].state.value, "after": _AFTER[kind], **forced}
        )

    def _controller(self) -> str:
        """The node whose idle controller is in charge; this one when nobody has said so yet."""
        return self._at.controller() or self._at.node_id

    def _save_policy_document(self, doc: Mapping[str, object], expected: int, by: Principal, reason: str) -> int:
        version = self._at.save_policy(doc, expected, by.name)
        self._audit("policy.saved", "idle", by, reason, {"before": expected, "after": version})
        return version
