"""What somebody sees who is not signed in: how to sign in, and nothing of the console's data."""

import streamlit as st

from octostar_runtime.models.access import Principal
from octostar_runtime.ui.components import assets
from octostar_runtime.ui.components.markup import text


def draw(principal: Principal) -> None:
    """Draw the page."""
    st.html(assets.stylesheet())
    known = principal.name if principal.via != "none" else ""
    refused = (
        f'<p class="oc-note warn">You are known as <b>{text(known)}</b>, but nobody gave that name a role here. '
        "An admin can, with the setting OCTOSTAR_ROLES.</p>"
        if known
        else ""
    )
    st.html(
        f"""<div class="oc oc-signin oc-card">
        <h1 class="oc-title">Sign in to the console</h1>{refused}
        <p>Open the <b>sign-in link</b>. It was printed in the terminal when this service started; it works once.</p>
        <p class="oc-dim">Lost it? On the machine that runs this service,
        <span class="oc-mono">octostar-runtime signin-link</span> prints a new one.</p>
        <p class="oc-dim">The pages under <b>Patterns</b> need no sign-in.</p>
        </div>"""
    )
