"""The id of a session that may be shown.

Streamlit's own session id is a bearer secret: whoever presents it resumes the session (anonymous users are all
equal to it). Records, events, logs and routes therefore carry its first 13 characters, which leaves 74 random bits
unknown and still matches what Streamlit's own log shows.
"""

import hashlib
import re

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LENGTH = 13


def public_id(session_id: str) -> str:
    """Return the id to show for Streamlit's ``session_id``; an id that is already public comes back as it is."""
    if len(session_id) <= LENGTH:
        return session_id
    if _UUID.fullmatch(session_id):
        return session_id[:LENGTH]
    return hashlib.sha256(session_id.encode()).hexdigest()[:LENGTH]
