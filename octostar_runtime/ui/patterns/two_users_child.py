"""The child process of :mod:`.two_users`: open a script as two users, write what each saw as one line of JSON."""

import json
import sys
import threading

import streamlit as st
from streamlit.testing.v1 import AppTest

USERS = ("Ada", "Ben")


def open_as(script: str, user: str) -> dict[str, object]:
    """Run ``script`` once in a session of its own."""
    session = AppTest.from_file(script, default_timeout=20)
    session.query_params["user"] = user
    session.run()
    errors = [element.message for element in session.exception]
    return {
        "user": user,
        "lines": [element.value for element in session.markdown],
        "error": errors[0] if errors else None,
    }


def open_overlapping(script: str) -> list[dict[str, object]]:
    """Let the second user come while the first one's run is under way."""
    seen: list[dict[str, object]] = []
    first = threading.Thread(target=lambda: seen.append(open_as(script, USERS[0])), name="first-user")
    first.start()
    first.join(0.7)
    second = open_as(script, USERS[1])
    first.join()
    return [*seen, second]


if __name__ == "__main__":
    st.set_option("client.showErrorDetails", "full")  # what goes wrong is what is to be seen
    path = sys.argv[1]
    views = open_overlapping(path) if "--overlap" in sys.argv else [open_as(path, user) for user in USERS]
    sys.stdout.write("\n" + json.dumps(views) + "\n")
