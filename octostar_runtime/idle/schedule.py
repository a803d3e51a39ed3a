"""Hours in which services stay up although nobody is connected: days, times of day and a time zone."""

from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class AwakeWindow(BaseModel):
    """One stretch of the week, such as 07:30 to 19:00 from Monday to Friday. May run past midnight."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: tuple[str, ...] = Field(DAYS, description="days on which it starts: mon … sun")
    start: str = Field(description="time of day it starts, HH:MM")
    end: str = Field(description="time of day it ends, HH:MM; not after the start: on the next day")
    time_zone: str = Field("UTC", description="IANA name, e.g. Europe/Rome")

    @field_validator("days", mode="before")
    @classmethod
    def _days_by_name(cls, value: object) -> object:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not names:
            raise ValueError(f"name at least one day of {', '.join(DAYS)}")
        short = tuple(str(name).strip().lower()[:3] for name in names)
        unknown = [str(name) for name, day in zip(names, short, strict=True) if day not in DAYS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a day; use {', '.join(DAYS)}")
        return short

    @field_validator("start", "end")
    @classmethod
    def _time_of_day(cls, value: str) -> str:
        try:
            return datetime.strptime(value.strip(), "%H:%M").strftime("%H:%M")
        except ValueError:
            raise ValueError(f"{value!r} is not a time of day; write it as HH:MM") from None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is not a time zone; use an IANA name such as Europe/Rome") from None
        return value

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same; for a whole day write 00:00 to 23:59")
        return self

    @property
    def label(self) -> str:
        """The window for people."""
        return f"{', '.join(self.days)} {self.start} to {self.end} {self.time_zone}"

    def open_since(self, at: float) -> float | None:
        """Return when (UTC seconds) the window that contains ``at`` opened; None outside of it."""
        local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.time_zone))
        for back in (0, 1):
            opened = self._opening(local, back)
            if DAYS[opened.weekday()] in self.days and opened.timestamp() <= at < self._closing(opened).timestamp():
                return opened.timestamp()
        return None

    def _opening(self, local: datetime, days_back: int) -> datetime:
        hour, minute = map(int, self.start.split(":"))
        day = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return day - timedelta(days=days_back)

    def _closing(self, opened: datetime) -> datetime:
        hour, minute = map(int, self.end.split(":"))
        closed = opened.replace(hour=hour, minute=minute)
        return closed if self.end > self.start else closed + timedelta(days=1)
