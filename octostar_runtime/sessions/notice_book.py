"""Messages that also reach whoever comes later, on every node and across restarts.

They live in the store as leases, which end by themselves: a notice's lease carries its id, and the note the rest.
Blocks on the store; nodes show what :class:`octostar_runtime.sessions.notices.Notices` has in memory.
"""

import json

from octostar_runtime.clock import Clock
from octostar_runtime.errors import LimitReached, NoticeNotFound
from octostar_runtime.ids import new_id
from octostar_runtime.models.sessions import Notice
from octostar_runtime.ports import Leases
from octostar_runtime.sessions.notices import MOST_NOTICES

PREFIX = "notice:"


class NoticeBook:
    """Post, withdraw and list lasting messages."""

    def __init__(self, leases: Leases, clock: Clock) -> None:
        self._leases = leases
        self._clock = clock

    def post(self, text: str, level: str, *, by: str, lasting_s: float) -> Notice:
        """Keep a message for ``lasting_s`` seconds; LimitReached when there are as many as people can take in."""
        if len(self.all()) >= MOST_NOTICES:
            raise LimitReached(f"{MOST_NOTICES} messages last already; withdraw one first")
        now = self._clock.time()
        notice = Notice(notice_id=new_id(), text=text, level=level, by=by, at=now, until=now + lasting_s)
        note = json.dumps({"text": text, "level": level, "at": now})
        self._leases.acquire(PREFIX + notice.notice_id, by, lasting_s, note=note)
        return notice

    def withdraw(self, notice_id: str) -> Notice:
        """Take a message back; NoticeNotFound when none of that id lasts."""
        for notice in self.all():
            if notice.notice_id == notice_id:
                self._leases.release(PREFIX + notice_id, notice.by)
                return notice
        raise NoticeNotFound(f"no message of id {notice_id!r} lasts; it may have run out or been withdrawn")

    def all(self) -> tuple[Notice, ...]:
        """Return the messages that last, the oldest first."""
        found = [notice for row in self._leases.holders(PREFIX) if (notice := _notice(*row)) is not None]
        return tuple(sorted(found, key=lambda notice: (notice.at, notice.notice_id)))


def _notice(name: str, by: str, until: float, note: str) -> Notice | None:
    try:
        told = json.loads(note)
        text, level, at = str(told["text"]), str(told["level"]), float(told["at"])
    except (ValueError, KeyError, TypeError):
        return None
    return Notice(notice_id=name.removeprefix(PREFIX), text=text, level=level, by=by, at=at, until=until)
