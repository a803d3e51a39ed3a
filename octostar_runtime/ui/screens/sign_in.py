"""What somebody sees who is not signed in: how to sign in, and nothing of the console's data."""

import streamlit as st

from octostar_runtime.ui.components import assets
from octostar_runtime.ui.components.markup import text
from octostar_runtime.ui.console import Console


def draw(console: Console) -> None:
    """Draw the page."""
    st.html(assets.stylesheet())
    who = console.principal
    known = who.name if who.via != "none" else ""
    parts = ['<h1 class="oc-title">Sign in to the console</h1>']
    if known:
        parts.append(
            f'<p class="oc-note warn">You are known as <b>{text(known)}</b>, but that name has no role here. '
            "An admin can give it one.</p>"
        )
    parts += _mounted() if console.mounted else _ways(console.ways)
    st.html(f'<div class="oc oc-signin oc-card">{"".join(parts)}</div>')
    if _openid() and not known and st.button("Sign in with your organisation", key="oc_login", type="primary"):
        st.login()


def _mounted() -> list[str]:
    return ["<p>This app decides who may see its console. Ask whoever runs it.</p>"]


def _ways(ways: tuple[str, ...]) -> list[str]:
    told = []
    if "password" in ways:
        told.append('<p><a class="oc-button" href="./api/sign-in" target="_self">Sign in with the password</a></p>')
    if "proxy" in ways:
        told.append("<p>People sign in through this organisation's own sign-in page. Open the app from there.</p>")
    told.append(
        "<p>Open the <b>sign-in link</b>. It was printed in the terminal when this service started; it works once.</p>"
        '<p class="oc-dim">Lost it? On the machine that runs this service, '
        '<span class="oc-mono">octostar-runtime link</span> prints a new one.</p>'
        '<p class="oc-dim">The pages under <b>Patterns</b> need no sign-in.</p>'
    )
    return told


def _openid() -> bool:
    """Whether this app has OpenID Connect set up in its secrets."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False
