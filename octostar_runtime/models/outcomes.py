"""What became of an operator's action, target by target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One target of an action: whether it was done and, in a sentence for people, what happened or why not."""

    target: str
    ok: bool
    detail: str = ""


def summary(outcomes: tuple[Outcome, ...], done: str) -> str:
    """Return e.g. ``"3 cancelled, 1 not: already ended"`` for ``done="cancelled"``."""
    good = sum(1 for outcome in outcomes if outcome.ok)
    bad = [outcome for outcome in outcomes if not outcome.ok]
    if not bad:
        return f"{good} {done}"
    reasons = ", ".join(dict.fromkeys(outcome.detail for outcome in bad if outcome.detail))
    return f"{good} {done}, {len(bad)} not" + (f": {reasons}" if reasons else "")
