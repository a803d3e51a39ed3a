"""The seed's ``SessionStateHotSwapper``: reach one session's ``st.session_state`` from any thread.

with SessionStateHotSwapper(context) as session_state:
    session_state["answer"] = 42
"""

from contextlib import AbstractContextManager
from typing import Any

from octostar_runtime.errors import InvalidInput
from octostar_runtime.sessions import streamlit_bridge


def SessionStateHotSwapper(context: Any) -> AbstractContextManager[Any]:
    """Make ``context`` (from ``get_script_run_ctx()``) the thread's own inside the block.

    Each access takes the running script's lock; none is held in between, so the block may take its time. Afterwards
    the thread is exactly as it was. An error raised inside passes through.
    """
    if context is None or not hasattr(context, "session_state"):
        raise InvalidInput("SessionStateHotSwapper needs a script run context: pass get_script_run_ctx() of a script")
    return streamlit_bridge.session_scope(context)
