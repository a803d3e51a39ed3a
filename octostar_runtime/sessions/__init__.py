"""Sessions: every user of the Streamlit server, from the first byte to the last.

``streamlit_bridge`` is not imported here: processes without Streamlit use the registry too.
"""

from octostar_runtime.sessions.callbacks import SessionCallback
from octostar_runtime.sessions.control import SessionControl
from octostar_runtime.sessions.public_id import public_id
from octostar_runtime.sessions.registry import SessionRegistry

__all__ = ["SessionCallback", "SessionControl", "SessionRegistry", "public_id"]
