"""OpenID Connect as ``st.login`` does it: which providers there are, and who the browser was when it came back."""

from collections.abc import Mapping

import streamlit as st

DEFAULT = ""


def providers() -> Mapping[str, str]:
    """Return the providers in the app's secrets: name for ``st.login`` to what the button says. Empty when none is."""
    try:
        section = st.secrets.get("auth")
    except FileNotFoundError:
        return {}
    if not isinstance(section, Mapping):
        return {}
    named = {
        name: f"Sign in with {name.replace('_', ' ').title()}"
        for name, settings in section.items()
        if isinstance(settings, Mapping) and "client_id" in settings
    }
    return {DEFAULT: "Sign in with your organisation", **named} if "client_id" in section else named


def claims() -> Mapping[str, object]:
    """Return what the provider said of this viewer; empty when nobody has signed in that way."""
    return st.user.to_dict() if getattr(st.user, "is_logged_in", False) else {}


def sign_in(provider: str) -> None:
    """Send the browser to the provider."""
    st.login(provider or None)


def sign_out() -> None:
    """Forget what the provider said, so that the next person at this browser is asked. May end the run."""
    if claims():
        st.logout()
        st.stop()  # another run would take the way to the log-out back before the browser has heard of it
