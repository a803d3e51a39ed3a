"""The live stack of a thread, as text."""

import sys
import traceback


def live_stack(thread_id: int, ours: str, after: str | None = None) -> str:
    """Return the frames of a thread, innermost last, without the leading ones of package ``ours``; "" if it ended.

    ``after``: leave out also what comes before the frames of that module, such as a process pool's own loop.
    """
    frame = sys._current_frames().get(thread_id)
    if frame is None:
        return ""
    frames = list(reversed(list(traceback.walk_stack(frame))))
    begin = next((i for i, (one, _) in enumerate(frames) if after and one.f_globals.get("__name__") == after), 0)
    del frames[:begin]
    while frames and _skipped(str(frames[0][0].f_globals.get("__name__", "")), ours):
        frames.pop(0)
    return "".join(traceback.StackSummary.extract(iter(frames)).format())


def _skipped(module: str, ours: str) -> bool:
    return module == "threading" or module.startswith(ours)
